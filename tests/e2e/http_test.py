"""Listeners that do not read and a flood of bad requests harm nobody: intake, good queries and the engine's memory.

A real probe on near0 publishes while 200 listeners of live events read nothing, or a byte a second, and two processes send bad
requests of every kind. The figures are printed; what is asserted of times are generous bounds.

Environment: NS_PROBE, NS_ENGINE = the programs. Needs root, iproute2, ethtool, tcpreplay, nats-server.
"""
import collections
import contextlib
import http.client
import json
import os
import pathlib
import random
import re
import select
import signal
import socket
import statistics
import subprocess
import sys
import threading
import time
import urllib.parse

from engine_api import Engine, check_ledger, received_or_dropped
from harness import ipv4_udp, main, write_pcap
from nats import SITE, WITH_TEST, NatsServer, wait_for
from probe_net import NEAR, LiveProbe, Network, enter_namespace

TOKEN = "a-token-for-the-engine-of-this-test"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
LISTENERS, FLOWS, PACKETS_PER_S, PHASE_S, LIMIT_S = 200, 2000, 3000, 10, 60
PARAMETERS = {"aggregate": "task from to site probe by where order bucket limit cursor",
              "records": "task from to site probe where limit cursor",
              "top": "task from to site probe where order bucket threshold limit cursor",
              "tasks": "from to site probe", "probes": "from to site probe", "alerts": ""}
INJECTIONS = ["' OR '1'='1", "x'; DROP TABLE epochs; --", "1 UNION SELECT name FROM sqlite_master", "\\'); DELETE FROM records",
              "per_five_tuple\"; --", "0) OR (1=1"]
GOOD = [("aggregate", {"task": "per_five_tuple", "by": "src_ip", "limit": "10"}),
        ("aggregate", {"task": "per_five_tuple", "by": "none", "bucket": "5s", "order": "time"}),
        ("records", {"task": "per_five_tuple", "where": "src_ip = 10.1.0.7", "limit": "50"}),
        ("top", {"task": "top_src"}), ("tasks", {}), ("probes", {}), ("alerts", {})]


class Client(Engine):
    """An engine that wants a token."""

    def fetch(self, path, **parameters):
        query = "?" + urllib.parse.urlencode(parameters) if parameters else ""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=LIMIT_S)
        connection.request("GET", path + query, headers=BEARER)
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        return answer.status, text

    def delay_s(self):
        """From the end of the newest epoch until it was stored."""
        return float(re.search(r"probe_last_delay_seconds\{.*\} (\S+)", self.fetch("/metrics")[1])[1])

    def memory_mib(self, what="VmRSS"):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(rf"{what}:\s+(\d+)", status)[1]) / 1024


# The flood. -----------------------------------------------------------------------------------------------------------

def ask(port, target, method="GET", headers=None, body=None):
    """(status, the error) of a request as it is given."""
    head = {"Host": f"127.0.0.1:{port}", **BEARER, **(headers or {})}
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in head.items() if value is not None)]
    return send(port, "\r\n".join(lines).encode() + b"\r\n\r\n" + (body or b""))


def send(port, data):
    with socket.create_connection(("127.0.0.1", port), timeout=LIMIT_S) as s:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # it need not read on to refuse
            s.sendall(data)
        answer = http.client.HTTPResponse(s)
        try:
            answer.begin()
            text = answer.read().decode()
        except (http.client.HTTPException, ConnectionResetError):
            return 0, ""  # closed
    try:
        return answer.status, json.loads(text)["error"]
    except (ValueError, KeyError, TypeError):
        return answer.status, ""


def api(port, question, parameters):
    return ask(port, f"/api/v1/{question}?{urllib.parse.urlencode(parameters)}")


def bad_requests(port, r):
    """[(kind, what is done, statuses that are right, what the error must name)]: all there is, in random order."""
    noise = r.randbytes(r.randrange(1, 3000)) + b"\r\n\r\n"
    found = [("garbage", lambda: send(port, noise), {0, 400, 431}, "")]
    found += [("no token", lambda: ask(port, "/api/v1/tasks", headers={"Authorization": None}), {401}, "token"),
              ("wrong token", lambda: ask(port, "/api/v1/tasks", headers={"Authorization": "Bearer no"}), {401}, "token"),
              ("token of another scheme", lambda: ask(port, "/metrics", headers={"Authorization": f"Basic {TOKEN}"}), {401},
               "token"),
              ("another host", lambda: ask(port, "/api/v1/tasks", headers={"Host": "evil.example"}), {421}, ""),
              ("body", lambda: ask(port, "/api/v1/tasks", headers={"Content-Length": 1 << 20}, body=bytes(1 << 20)), {413}, ""),
              ("endless body", lambda: ask(port, "/api/v1/tasks", headers={"Content-Length": 1 << 60}), {413}, ""),
              ("header", lambda: ask(port, "/api/v1/tasks", headers={"X-Long": "x" * 20000}), {431}, ""),
              ("target", lambda: ask(port, "/api/v1/tasks?from=" + "1" * 9000), {414}, "")]
    found += [("method", lambda m=m: ask(port, "/api/v1/tasks", method=m), {405, 411, 413}, "")
              for m in ("POST", "PUT", "DELETE", "PATCH", "TRACE", "OPTIONS", "DESTROY")]
    found += [("traversal", lambda p=p: ask(port, p), {400, 404}, "") for p in
              ("/../../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/api/v1/../../etc/passwd", "/..%2f..%2fetc%2fpasswd",
               "/api/v1/%2e%2e%5c%2e%2e/etc", "//etc/passwd", "/api/v1/tasks/../../x", "/%00", "/api/v1/tasks%00")]
    wrong = {"from": ["yesterday", "-1", "2026-13-01T00:00:00Z"],
             "to": ["0x10", "12:00", "--5m"],
             "by": ["src", "src_ip,src_ip"],
             "where": ["src_ip = 10.1.2.3/8", "dst_port = 65536", "(((((", "src_ip in"],
             "order": ["up", "1"], "bucket": ["0s", "-5s", "x"],
             "limit": ["0", "100001", "-1", "1e3"], "cursor": ["x", "1-2", "-1--1--1"], "threshold": ["-1", "x"],
             "task": ["nothing_of_this_name"]}
    for question, names in PARAMETERS.items():
        needed = {"task": "per_five_tuple"} if "task" in names else {}
        if question == "top":
            needed = {"task": "top_src"}
        for name in names.split():
            if name in ("site", "probe"):
                continue  # any text may be a name; see the injections
            for value in wrong[name] + INJECTIONS:
                kind = "injection" if value in INJECTIONS else "parameter"
                found.append((kind, lambda q=question, p={**needed, name: value}: api(port, q, p), {400, 404},
                              name if name != "task" else ""))
        for parameters in ({**needed, "tsk": "1"}, {**needed, "": "1"}, {**needed, "from'; --": "1"}):
            found.append(("unknown parameter", lambda q=question, p=parameters: api(port, q, p), {400}, list(parameters)[-1]))
    for question in ("tables", "aggregate/x", "", "select", "AGGREGATE"):
        found.append(("unknown question", lambda q=question: api(port, q, {}), {400, 404}, ""))
    r.shuffle(found)
    return found


def flood(port, seconds):
    """Bad requests from three threads, and ten clients that never send all of theirs; prints what came of it, as JSON."""
    counts, mistakes, lock, end = collections.Counter(), [], threading.Lock(), time.monotonic() + seconds

    def run(seed):
        r = random.Random(seed)
        whole = False
        while not whole or time.monotonic() < end:  # everything once at least
            for kind, act, statuses, named in bad_requests(port, r):
                status, error = act()
                what = (kind, repr(act.__defaults__)[:200])
                good = status in statuses and (named in error) and (error or kind == "garbage")
                with lock:
                    counts[kind] += 1
                    if not good:
                        mistakes.append((what, status, error, sorted(statuses)))
            whole = True

    def dawdle():
        while time.monotonic() < end:
            status, error = send(port, b"GET /api/v1/tasks HTTP/1.1\r\nHost: 127.0.0.1\r\n")
            with lock:
                counts["half a request"] += 1
                # The longest silent one makes room for others where all places are taken.
                if status not in (408, 0) or (status and not error):
                    mistakes.append(("half a request", status, error))

    seed = os.getpid()
    threads = [threading.Thread(target=run, args=(seed + n,)) for n in range(3)]
    threads += [threading.Thread(target=dawdle) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(json.dumps({"counts": counts, "mistakes": mistakes[:20], "wrong": len(mistakes)}))


# The others. ----------------------------------------------------------------------------------------------------------

class Listeners:
    """Half of them read nothing, the others a byte a second."""

    def __init__(self, port, count):
        self.sockets = []
        for _ in range(count):
            s = socket.socket()
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            s.settimeout(LIMIT_S)
            s.connect(("127.0.0.1", port))
            s.sendall(f"GET /api/v1/live HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {TOKEN}\r\n\r\n".encode())
            assert s.recv(12) == b"HTTP/1.1 200"
            self.sockets.append(s)
        self.stopped = threading.Event()
        self.thread = threading.Thread(target=self.read)

    def read(self):
        while not self.stopped.wait(1):
            for s in select.select(self.sockets[::2], [], [], 0)[0]:
                s.recv(1)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stopped.set()
        self.thread.join()
        for s in self.sockets:
            s.close()


def measure(engine, until):
    """({name: seconds of each good query}, delays of the intake, largest resident size) while until() is false."""
    times, delays, memory, number = [], [], engine.memory_mib(), 0
    while not until():
        question, parameters = GOOD[number % len(GOOD)]
        number += 1
        began = time.monotonic()
        status, text = engine.fetch(f"/api/v1/{question}", **parameters)
        times.append(time.monotonic() - began)
        assert status == 200 and (json.loads(text)["rows"] or question == "alerts"), (question, status, text)
        delays.append(engine.delay_s())
        memory = max(memory, engine.memory_mib())
        time.sleep(0.05)
    return times, delays, memory


def say(name, times, delays, memory):
    print(f"   {name}: {len(times)} good queries, median {statistics.median(times) * 1e3:.1f} ms, worst {max(times) * 1e3:.0f} ms; "
          f"intake delay median {statistics.median(delays) * 1e3:.0f} ms, worst {max(delays) * 1e3:.0f} ms; "
          f"VmRSS at most {memory:.0f} MiB", flush=True)


def after(seconds):
    end = time.monotonic() + seconds
    return lambda: time.monotonic() >= end


def test_slow_listeners_and_bad_requests_leave_intake_and_queries_undisturbed(folder):
    capture = folder / "flows.pcap"
    frames = [ipv4_udp(f"10.1.0.{n % 250}", f"10.2.{n // 250}.{n % 250}", 1000 + n, 53, 18 + n % 400) for n in range(FLOWS)]
    write_pcap(capture, list(enumerate(frames)))
    name = f"{SITE}-edge"
    (folder / "probe.yaml").write_text(json.dumps({"site": SITE, "probe_id": name, "period": "500ms", "ports": [
        {"spec": NEAR, "queues": 1, "driver_settings": {"rx_descriptors": 4096}}]}))
    (folder / "engine.yaml").write_text(json.dumps({"http": {"token": TOKEN}}))
    with NatsServer(folder) as nats, Network(1) as net:
        with Client(folder, f"sqlite:{folder}/flows.db", "-c", folder / "engine.yaml", nats=nats) as engine:
            engine.ready()
            with LiveProbe(folder, "-c", folder / "probe.yaml", "--nats", nats.url, "--share-cpus") as probe:
                probe.ready()
                with net.replaying(capture, PACKETS_PER_S):
                    wait_for(lambda: engine.probe(name) and engine.probe(name)["ledger"]["rx_packets"] > 3 * PACKETS_PER_S,
                             "some epochs", LIMIT_S)
                    quiet = measure(engine, after(PHASE_S / 2))
                    say("undisturbed", *quiet)
                    with Listeners(engine.port, LISTENERS):
                        assert f"netspectra_engine_http_listeners {LISTENERS}\n" in engine.fetch("/metrics")[1]
                        words = [*WITH_TEST, sys.executable, __file__, "--flood", str(engine.port), str(PHASE_S)]
                        floods = [subprocess.Popen(words, stdout=subprocess.PIPE, text=True) for _ in range(2)]
                        began = time.monotonic()
                        late = after(LIMIT_S)
                        flooded = measure(engine, lambda: late() or all(f.poll() is not None for f in floods))
                        said = [json.loads(f.communicate(timeout=LIMIT_S)[0]) for f in floods]
                        flood_s = time.monotonic() - began
                        missed = re.search(r"http_events_missed_total (\d+)", engine.fetch("/metrics")[1])[1]
                        say(f"{LISTENERS} listeners and a flood", *flooded)
                counts = sum((collections.Counter(s["counts"]) for s in said), collections.Counter())
                print(f"   {counts.total() / flood_s:.0f} bad requests/s: {dict(counts)}; events missed: {missed}")
                assert not any(s["wrong"] for s in said), [s["mistakes"] for s in said]
                sent = net.settle()
                probe.wait_periods(2)
                probe.send(signal.SIGTERM)
                assert probe.exit_status() == 0, probe.said()
            engine.wait_packets(name, sent)
            check_totals(engine, name, sent, frames)
            assert engine.memory_mib("VmHWM") < quiet[2] + 150, (engine.memory_mib("VmHWM"), quiet[2])
            # Bounds for a slow machine that others use, too: without a fault they are far away.
            assert statistics.median(flooded[0]) < 1 and max(flooded[0]) < 10, flooded[0]
            assert statistics.median(flooded[1]) < 2 and max(flooded[1]) < 10, flooded[1]
            assert engine.fetch("/readyz")[0] == 200
            engine.end()


def check_totals(engine, name, sent, frames):
    """Each flow has as many packets as were sent of it; what was lost is in the ledger, and nowhere else."""
    answer = engine.get("aggregate", task="per_five_tuple", limit="1000")
    ledger = answer["ledger"]
    assert received_or_dropped(ledger) == sent, (sent, ledger)
    check_ledger(ledger, answer["rows"], kernel_dropped=ledger["kernel_dropped"])
    rows = {row["src_port"] - 1000: row for row in answer["rows"]}
    assert len(rows) == len(frames) == len(answer["rows"]), len(rows)
    missing = 0
    for n, frame in enumerate(frames):
        of_flow = sent // len(frames) + (n < sent % len(frames))
        missing += of_flow - rows[n]["packets"]
        assert 0 <= of_flow - rows[n]["packets"] and rows[n]["bytes"] == rows[n]["packets"] * len(frame), (rows[n], of_flow)
    assert missing == ledger["kernel_dropped"], (missing, ledger)
    row = engine.probe(name)
    assert row["gaps"] == 0 and row["runs"] == 1, row
    print(f"   {sent} packets sent, {ledger['rx_packets']} in {ledger['epochs']} epochs, "
          f"{ledger['kernel_dropped']} lost in the kernel")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--flood"]:
        flood(int(sys.argv[2]), int(sys.argv[3]))
        sys.exit(0)
    enter_namespace()
    main(globals())
