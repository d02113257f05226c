"""nats-server, ns-probe and ns-engine as a user runs them: what the store holds is what the packets were.

Environment: NS_PROBE, NS_ENGINE, PCAP_ANALYZER = the programs. Standard library, nats-server and setpriv (util-linux).
"""
import base64
import json
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time

import harness
from nats import PROBE, SITE, WITH_TEST, NatsServer, wait_for

ENGINE = os.environ.get("NS_ENGINE", str(harness.ROOT / "build" / "app" / "ns-engine" / "ns-engine"))
TASKS = ["per_five_tuple=exact:src_ip,dst_ip,src_port,dst_port,protocol",
         "per_host=exact:src_ip",
         "scan=super_spreader:src_ip/dst_ip:threshold=10",
         "hosts=cardinality:src_ip"]
START_NS = 1_700_000_000 * 10**9


class Nats(NatsServer):
    """With just enough of a client to look into the stream."""

    def publish(self, subject, data):
        with socket.create_connection(("127.0.0.1", self.port), 5) as s:
            s.sendall(b'CONNECT {"verbose":false}\r\nPUB %s %d\r\n%s\r\nPING\r\n' % (subject.encode(), len(data), data))
            self.read_until(s, b"PONG\r\n")

    def request(self, subject, body):
        """The answer to a request of JetStream's API."""
        data = json.dumps(body).encode()
        with socket.create_connection(("127.0.0.1", self.port), 5) as s:
            s.sendall(b'CONNECT {"verbose":false}\r\nSUB inbox.engine_test 1\r\nPUB %s inbox.engine_test %d\r\n%s\r\n'
                      % (subject.encode(), len(data), data))
            text = self.read_until(s, b"MSG inbox.engine_test 1 ")
            text = text[text.index(b"MSG inbox.engine_test"):]
            while b"\r\n" not in text:
                text += s.recv(1 << 20)
            head, rest = text.split(b"\r\n", 1)
            length = int(head.split()[-1])
            while len(rest) < length:
                rest += s.recv(1 << 20)
            return json.loads(rest[:length])

    @staticmethod
    def read_until(s, wanted):
        text = b""
        while wanted not in text:
            more = s.recv(1 << 20)
            assert more, text
            text += more
        return text

    def content(self):
        """[(sequence, subject, Nats-Msg-Id, data)] of the snapshots in the stream."""
        last = self.request("$JS.API.STREAM.INFO.NETSPECTRA", {})["state"]["last_seq"]
        found = []
        for sequence in range(1, last + 1):
            answer = self.request("$JS.API.STREAM.MSG.GET.NETSPECTRA", {"seq": sequence})
            if "message" not in answer:
                continue
            message = answer["message"]
            if ".snapshot." not in message["subject"]:
                continue
            headers = base64.b64decode(message["hdrs"]).decode()
            found.append((sequence, message["subject"], re.search(r"Nats-Msg-Id: *(\S+)", headers).group(1),
                          base64.b64decode(message["data"])))
        return found

    def delete(self, sequence):
        assert self.request("$JS.API.STREAM.MSG.DELETE.NETSPECTRA", {"seq": sequence})["success"]

    def unacknowledged(self, consumer="ns-engine-any-any"):
        info = self.request(f"$JS.API.CONSUMER.INFO.NETSPECTRA.{consumer}", {})
        return info["num_pending"] + info["num_ack_pending"]


def capture(path, seed, epochs=10, packets=1000):
    """Random traffic, an epoch a second."""
    r = random.Random(seed)
    frames = []
    for epoch in range(epochs):
        for i in range(packets):
            frame = harness.ipv4_udp(f"10.{seed}.0.{r.randrange(40)}", f"10.200.0.{r.randrange(250)}",
                                     r.randrange(1000, 1100), 53, r.randrange(18, 400))
            frames.append((START_NS + epoch * 10**9 + i * (10**9 // packets), frame))
    harness.write_pcap(path, frames)
    return path


def probe(nats, path, name, site=SITE, queues=1):
    tasks = [argument for task in TASKS for argument in ("-t", task)]
    done = subprocess.run([PROBE, "--nats", nats.url, "--site", site, "--probe-id", name, "-p", "1s", "-q", str(queues),
                           "-i", f"pcap:{path}", *tasks], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=60)
    assert done.returncode == 0, done.stderr


class Engine:
    def __init__(self, nats, store, *more, scheme="files"):
        self.log = pathlib.Path(str(store) + ".log").open("a+")
        self.began = self.log.tell()
        self.process = subprocess.Popen([*WITH_TEST, ENGINE, "--nats", nats.url, "--store", f"{scheme}:{store}", "--grace", "3s",
                                         "--http", "none", *more],
                                        stdin=subprocess.DEVNULL, stderr=self.log)

    def text(self):
        self.log.seek(self.began)
        return self.log.read()

    def wait_for(self, wanted, count=1, limit_s=20):
        until = time.monotonic() + limit_s
        while len(re.findall(wanted, self.text())) < count:
            assert time.monotonic() < until, f"no {count} x {wanted!r}: {self.text()}"
            assert self.process.poll() is None, self.text()
            time.sleep(0.02)

    def end(self, number=signal.SIGTERM, status=0):
        self.process.send_signal(number)
        ended = self.process.wait(20)
        assert ended == status, f"exit status {ended}: {self.text()}"
        return self.text()


def stored(store):
    """[(folder's name, {task: objects})] of all that is stored."""
    found = []
    for folder in sorted(store.iterdir()):
        if folder.name.startswith("."):
            continue
        found.append((folder.name, {f.name.removesuffix(".jsonl"): [json.loads(line) for line in f.open()]
                                    for f in folder.glob("*.jsonl")}))
    return found


def ledgers(store, task="per_five_tuple"):
    return [tasks[task][-1] for _, tasks in stored(store)]


def totals(store, task="per_five_tuple"):
    objects = [o for _, tasks in stored(store) for o in tasks[task]]
    return harness.flows(objects, task)


def expected(*paths):
    tasks = [argument for task in TASKS for argument in ("-t", task)]
    return harness.flows(harness.run_json("-p", "1s", *tasks, *paths))


def wait_acknowledged(nats, engine):
    """A log line about an epoch says that it is stored; the acknowledgements are on their way then."""
    wait_for(lambda: nats.unacknowledged() == 0, engine.text)


def test_totals_of_two_probes_are_those_of_the_captures(folder):
    paths = [capture(folder / "a.pcap", 1), capture(folder / "b.pcap", 2)]
    with Nats(folder) as nats:
        engine = Engine(nats, folder / "flows")
        engine.wait_for("connected to")
        probe(nats, paths[0], "p1", queues=2)
        probe(nats, paths[1], "p2")
        engine.wait_for("0 lost, 0 without a record, complete", 20)
        wait_acknowledged(nats, engine)
        engine.end()
        assert totals(folder / "flows") == expected(*paths)
        assert len(stored(folder / "flows")) == 20
        for ledger in ledgers(folder / "flows"):
            assert ledger["rx_packets"] == ledger["counted_packets"] == 1000, ledger
            assert (ledger["site"], ledger["amendment"], ledger["missing_snapshots"], ledger["missing"]) == (SITE, 0, 0, [])
        # The same estimates as one worker's, for each probe.
        alone = harness.run_json("-p", "1s", *[a for t in TASKS for a in ("-t", t)], paths[0])
        of_p1 = [o for name, tasks in stored(folder / "flows") if ".p1." in name for t in ("scan", "hosts") for o in tasks[t]
                 if o["type"] != "ledger"]
        key = lambda o: json.dumps(o, sort_keys=True)
        assert sorted(of_p1, key=key) == sorted((o for o in alone if o["type"] in ("spread", "cardinality")), key=key)
        # Nothing comes again.
        engine = Engine(nats, folder / "flows", "--duration", "2s")
        assert engine.process.wait(20) == 0
        assert "0 messages taken" in engine.text(), engine.text()


def test_an_engine_that_is_killed_ten_times_loses_nothing_and_stores_nothing_twice(folder):
    r = random.Random(7)
    paths = [capture(folder / "a.pcap", 1, epochs=60, packets=300), capture(folder / "b.pcap", 2, epochs=60, packets=300)]
    with Nats(folder) as nats:
        probe(nats, paths[0], "p1", queues=2)
        probe(nats, paths[1], "p2")
        for _ in range(10):
            engine = Engine(nats, folder / "flows", "--memory-limit", "16MiB")
            time.sleep(r.uniform(0.02, 0.25))
            engine.end(signal.SIGKILL, -signal.SIGKILL)
        (folder / "flows").mkdir(exist_ok=True)
        assert len(stored(folder / "flows")) < 120, "killed too late to show anything"
        engine = Engine(nats, folder / "flows")
        wait_acknowledged(nats, engine)
        engine.end()
        assert totals(folder / "flows") == expected(*paths)
        assert sum(ledger["rx_packets"] for ledger in ledgers(folder / "flows")) == 2 * 60 * 300
        last = {}
        for ledger in ledgers(folder / "flows"):
            last[ledger["probe"], ledger["epoch_start_ns"]] = ledger["missing_snapshots"]
        assert len(last) == 120 and not any(last.values()), last


def test_a_deleted_message_is_confessed_and_amended_when_it_comes_late(folder):
    path = capture(folder / "a.pcap", 1, epochs=3)
    with Nats(folder) as nats:
        probe(nats, path, "p1")
        late = next(m for m in nats.content() if m[2].split("/")[2:] == [str(START_NS + 10**9), "per_five_tuple", "0", "0"])
        nats.delete(late[0])
        engine = Engine(nats, folder / "flows")
        engine.wait_for(r"complete", 2)
        engine.wait_for(r"epoch 1700000001000000000: 1000 packets, 0 records, 0 lost, 0 without a record, "
                        r"1 of 3 snapshots missing: worker 0 of 1: per_five_tuple\n")
        ledger = ledgers(folder / "flows")[1]
        assert (ledger["rx_packets"], ledger["counted_packets"], ledger["expected_snapshots"]) == (1000, 0, 3), ledger
        assert (ledger["missing_snapshots"], ledger["missing"]) == (1, ["worker 0 of 1: per_five_tuple"]), ledger
        nats.publish(late[1], late[3])
        engine.wait_for(r"epoch 1700000001000000000, amendment 1: 0 packets, \d+ records, 0 lost, 0 without a record, complete")
        assert totals(folder / "flows") == expected(path)
        assert totals_of_hosts(folder / "flows") == 3 * 1000
        nats.publish(late[1], late[3])  # once more
        engine.end()
        engine = Engine(nats, folder / "flows", "--duration", "2s")
        engine.process.wait(20)
        assert totals(folder / "flows") == expected(path)
        assert len(stored(folder / "flows")) == 4


def totals_of_hosts(store):
    return sum(o["packets"] for _, tasks in stored(store) for o in tasks["per_host"] if o["type"] == "record")


def test_a_store_that_is_down_stops_the_intake_until_it_is_back(folder):
    path = capture(folder / "a.pcap", 1)
    with Nats(folder) as nats:
        engine = Engine(nats, folder / "flows")
        engine.wait_for("connected to")
        (folder / "flows").rename(folder / "away")
        (folder / "flows").write_text("in the way")
        probe(nats, path, "p1")
        engine.wait_for("store: .*; nothing is taken or acknowledged until it is back")
        assert nats.unacknowledged() == len(nats.content()) == 30, (nats.unacknowledged(), len(nats.content()))
        (folder / "flows").unlink()
        (folder / "away").rename(folder / "flows")
        engine.wait_for("complete", 10)
        engine.end()
        assert totals(folder / "flows") == expected(path)
        assert nats.unacknowledged() == 0


def test_epochs_do_not_grow_old_while_the_store_is_slow(folder):
    path = capture(folder / "a.pcap", 1, epochs=3)
    with Nats(folder) as nats:
        probe(nats, path, "p1")
        last = [next(m for m in nats.content() if m[2].split("/")[2:] == [str(START_NS + epoch * 10**9), "per_five_tuple", "0", "0"])
                for epoch in range(3)]
        for message in last:
            nats.delete(message[0])
        engine = Engine(nats, folder / "flows.db", scheme="sqlite")
        wait_for(lambda: nats.request("$JS.API.CONSUMER.INFO.NETSPECTRA.ns-engine-any-any", {}).get("num_ack_pending") == 6,
                 engine.text)
        lock = sqlite3.connect(folder / "flows.db", isolation_level=None)
        lock.execute("BEGIN IMMEDIATE")
        nats.publish(last[0][1], last[0][3])
        time.sleep(4)  # longer than the grace, shorter than what the store waits for a lock
        for message in last[1:]:
            nats.publish(message[1], message[3])
        lock.execute("ROLLBACK")
        lock.close()
        engine.wait_for("complete", 3)
        assert "missing" not in engine.end(), engine.text()


def test_nats_that_is_killed_meanwhile_costs_nothing(folder):
    path = capture(folder / "a.pcap", 1, epochs=60, packets=300)
    with Nats(folder) as nats:
        probe(nats, path, "p1")
        engine = Engine(nats, folder / "flows")
        engine.wait_for("complete", 5)
        nats.kill()
        engine.wait_for("lost")
        nats.start()
        engine.wait_for("complete", 60)
        engine.end()
        assert totals(folder / "flows") == expected(path)


def test_rubbish_is_named_and_harms_nobody_else(folder):
    path = capture(folder / "a.pcap", 1)
    with Nats(folder) as nats:
        engine = Engine(nats, folder / "flows")
        engine.wait_for("connected to")
        probe(nats, path, "p1")
        for _ in range(20):
            nats.publish(f"netspectra.v1.{SITE}.bad.snapshot.x", os.urandom(300))
        engine.wait_for("complete", 10)
        engine.wait_for(f"probe {SITE}/bad: a message is refused: ")
        wait_acknowledged(nats, engine)  # a refused one, too, is not to come again
        text = engine.end()
        assert text.count(f"{SITE}/bad") == 1, text
        assert "20 refused" in text, text
        assert totals(folder / "flows") == expected(path)
        assert nats.unacknowledged() == 0


def test_engines_share_the_work_by_site(folder):
    paths = [capture(folder / "a.pcap", 1), capture(folder / "b.pcap", 2)]
    with Nats(folder) as nats:
        probe(nats, paths[0], "p1", site=SITE)
        probe(nats, paths[1], "p1", site=f"{SITE}-b")
        for site, path in zip((SITE, f"{SITE}-b"), paths):
            engine = Engine(nats, folder / site, "--site", site)
            engine.wait_for("complete", 10)
            engine.end()
            assert totals(folder / site) == expected(path)


def test_plain_nats_serves_too_and_nothing_that_came_is_left_unwritten_at_the_end(folder):
    path = capture(folder / "a.pcap", 1)
    with Nats(folder, jetstream=False) as nats:
        engine = Engine(nats, folder / "flows")
        engine.wait_for("has no JetStream")
        probe(nats, path, "p1")
        engine.wait_for("complete", 10)
        engine.end()
        assert totals(folder / "flows") == expected(path)


def test_what_is_unfinished_at_the_end_stays_in_the_stream(folder):
    path = capture(folder / "a.pcap", 1, epochs=1)
    with Nats(folder) as nats:
        probe(nats, path, "p1")
        left_out = next(m for m in nats.content() if "/hosts/" in m[2] or "/scan/" in m[2])
        nats.delete(left_out[0])
        engine = Engine(nats, folder / "flows")
        engine.wait_for("connected to")
        time.sleep(0.5)
        engine.end()
        assert stored(folder / "flows") == []
        assert nats.unacknowledged() >= 2
        nats.publish(left_out[1], left_out[3])
        engine = Engine(nats, folder / "flows")
        engine.wait_for("complete", limit_s=2)  # given back at once: sooner than the redelivery and the grace
        engine.end()
        assert totals(folder / "flows") == expected(path)


if __name__ == "__main__":
    if shutil.which("nats-server") is None:
        sys.exit(harness.SKIP)
    harness.main(globals())
