"""Fifty kills while epochs come: of the engine, of nats-server, and of the probes' connections. In the end nothing is
missing, and nothing is there twice.

Environment: NS_PROBE, NS_ENGINE = the programs; FLEET_SEED = the seed of an earlier run, to repeat it. Standard library,
nats-server and setpriv (util-linux).
"""
import collections
import contextlib
import os
import random
import signal
import socket
import sqlite3
import struct
import sys
import threading
import time

from engine_api import Engine, check_ledger, table
from engine_test import Nats
from harness import SKIP, ipv4_udp, main, write_pcap
from nats import SITE, Probe, missing_programs, wait_for

START_NS = 1_700_000_000 * 10**9
SECOND_NS = 10**9
KILLS = 50
PROBES = ("edge-1", "edge-2")
SLICES = KILLS // len(PROBES)  # of the traffic of each probe: it is started again for each
SLICE_EPOCHS = 20
EPOCH_PACKETS = 250
CONSUMER = "fleet-kills"


class Proxy:
    """Between a probe and NATS: its connections can be cut. A context manager."""

    def __init__(self, to_port):
        self.to_port = to_port
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"nats://127.0.0.1:{self.listener.getsockname()[1]}"
        self.lock = threading.Lock()
        self.pairs = []
        threading.Thread(target=self.accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.cut()

    def accept(self):
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            try:
                far = socket.create_connection(("127.0.0.1", self.to_port), 5)
                far.settimeout(None)
            except OSError:  # NATS has been killed
                near.close()
                continue
            with self.lock:
                self.pairs.append((near, far))
            for source, sink in ((near, far), (far, near)):
                threading.Thread(target=self.forward, args=(source, sink, (near, far)), daemon=True).start()

    def forward(self, source, sink, pair):
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 16):
                sink.sendall(data)
        self.close(pair)

    def close(self, pair):
        """With a reset: what was under way is lost, as when a cable is pulled and a timeout strikes. Whether it was open."""
        with self.lock:
            if pair not in self.pairs:
                return False
            self.pairs.remove(pair)
        for end in pair:
            with contextlib.suppress(OSError):
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                end.shutdown(socket.SHUT_RDWR)  # wakes who waits for it
            end.close()
        return True

    def cut(self):
        """Cuts all connections; how many there were."""
        return sum(map(self.close, list(self.pairs)))


def traffic(folder, r, number):
    """Slices of one probe's traffic, as captures, and the truth: {flow: (packets, bytes)}."""
    captures = []
    truth = collections.defaultdict(lambda: (0, 0))
    for part in range(SLICES):
        frames = []
        for epoch in range(part * SLICE_EPOCHS, (part + 1) * SLICE_EPOCHS):
            for i in range(EPOCH_PACKETS):
                key = (f"10.{number}.0.{r.randrange(20)}", f"10.200.0.{r.randrange(20)}", r.randrange(1000, 1004), 53)
                frame = ipv4_udp(*key, r.randrange(18, 400))
                frames.append((START_NS + epoch * SECOND_NS + i * (SECOND_NS // EPOCH_PACKETS), frame))
                packets, size = truth[*key, 17]
                truth[*key, 17] = packets + 1, size + len(frame)
        captures.append(folder / f"{number}-{part}.pcap")
        write_pcap(captures[-1], frames)
    return captures, dict(truth)


class Replays(threading.Thread):
    """One probe, started for each slice of its traffic, as they are let through."""

    def __init__(self, folder, name, url, captures):
        super().__init__(daemon=True)
        self.folder, self.name_, self.url, self.captures = folder, name, url, captures
        self.allowed = threading.Semaphore(0)
        self.reports = []
        self.failure = None

    def run(self):
        try:
            for capture in self.captures:
                self.allowed.acquire()
                args = ("-i", f"pcap:{capture}", "-q", "2", "-p", "1s", "--spool", self.folder / f"{self.name_}.spool",
                        "-t", "per_five_tuple=exact:src_ip,dst_ip,src_port,dst_port,protocol", "-t", "hosts=cardinality:src_ip")
                with Probe(self.folder, *args, nats=self, probe_id=self.name_, metrics=False) as probe:
                    assert probe.process.wait(60) == 0, probe.said()
                    self.reports.append(probe.reported())
        except BaseException as failure:  # noqa: the main thread raises it
            self.failure = failure


def check_database(path, epochs):
    """Every epoch of every probe is there once: its amendments, if it has any, belong together."""
    with contextlib.closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        found = db.execute("SELECT probe, start_ns, sum(rx_packets), count(DISTINCT run), max(amendment) + 1 - count(*) "
                           "FROM ledger GROUP BY 1, 2 ORDER BY 1, 2").fetchall()
        amendments = db.execute("SELECT count(*) FROM ledger WHERE amendment > 0").fetchone()[0]
    assert found == [(name, START_NS + epoch * SECOND_NS, EPOCH_PACKETS, 1, 0) for name in PROBES for epoch in range(epochs)]
    return amendments


def test_fifty_kills_lose_nothing_and_double_nothing(folder):
    seed = int(os.environ.get("FLEET_SEED", random.SystemRandom().randrange(10**6)))
    print(f"FLEET_SEED={seed}", flush=True)
    r = random.Random(seed)
    made = {name: traffic(folder, r, number) for number, name in enumerate(PROBES, start=1)}
    victims = ["engine"] * 20 + ["nats"] * 15 + ["connection"] * (KILLS - 35)
    r.shuffle(victims)
    began = time.monotonic()
    killed = collections.Counter()
    amid = 0  # kills of the engine and of NATS while there was something for the engine to take
    with contextlib.ExitStack() as stack:
        nats = stack.enter_context(Nats(folder))
        engine = stack.enter_context(Engine(folder, f"sqlite:{folder}/flows.db", "--consumer", CONSUMER, "--site", SITE,
                                            "--grace", "1s", nats=nats))
        proxies = [stack.enter_context(Proxy(nats.port)) for _ in PROBES]
        replays = [Replays(folder, name, proxy.url, made[name][0]) for name, proxy in zip(PROBES, proxies)]
        info = lambda: nats.request(f"$JS.API.CONSUMER.INFO.NETSPECTRA.{CONSUMER}", {})
        wait_for(lambda: "config" in info(), lambda: f"no consumer: {info()}, {engine.said()}")
        for replay in replays:
            replay.start()
        for number, victim in enumerate(victims):
            turn = number % len(PROBES)
            replays[turn].allowed.release()
            if victim == "connection":
                # A connection is there but for a part of the time: for as long as it takes, as soon as there is one.
                wait_for(lambda: proxies[turn].pairs or replays[turn].failure, "a connection to cut")
                time.sleep(r.uniform(0, 0.02))
                if proxies[turn].cut():
                    killed[victim] += 1
                    continue
                victim = "engine"  # instead: the probe has just closed it
            time.sleep(r.uniform(0, 0.8))
            amid += nats.unacknowledged(CONSUMER) > 0
            if victim == "engine":
                engine.process.send_signal(signal.SIGKILL)
                assert engine.process.wait() == -signal.SIGKILL, engine.said()
                engine.start()
            else:
                nats.kill()
                time.sleep(r.uniform(0, 1.5))  # sometimes longer than the grace
                nats.start()
            killed[victim] += 1
        for replay in replays:
            replay.join(60)
            assert replay.failure is None, replay.failure
            assert not replay.is_alive()
        killed_s = time.monotonic() - began
        engine.ready()
        wait_for(lambda: nats.unacknowledged(CONSUMER) == 0, lambda: engine.said()[-3000:], 60)

        epochs = SLICES * SLICE_EPOCHS
        for name, replay in zip(PROBES, replays):
            assert sum(report["packets"] for report in replay.reports) == epochs * EPOCH_PACKETS
            assert replay.reports[-1]["spooled"] == sum(report["given_up"] for report in replay.reports) == 0, replay.reports
            answer = engine.get("aggregate", task="per_five_tuple", probe=name, limit=1000)
            assert table(answer["rows"]) == made[name][1], set(table(answer["rows"]).items()) ^ set(made[name][1].items())
            sent = {"epochs": epochs, "rx_packets": epochs * EPOCH_PACKETS, "not_ip": 0, "malformed": {}}
            check_ledger(answer["ledger"], answer["rows"], **sent)
            row = engine.probe(name)
            assert (row["runs"], row["gaps"], row["gap_ns"]) == (SLICES, 0, 0), row
            check_ledger(row["ledger"], **sent)
            rows = engine.get("aggregate", task="per_five_tuple", probe=name, by="none", bucket="1s", order="time")["rows"]
            assert [(row["start_ns"], row["packets"]) for row in rows] == [
                (START_NS + epoch * SECOND_NS, EPOCH_PACKETS) for epoch in range(epochs)]
        both = engine.get("aggregate", task="per_five_tuple", by="none")
        check_ledger(both["ledger"], both["rows"], epochs=2 * epochs, rx_packets=2 * epochs * EPOCH_PACKETS)
        engine.end()
    amendments = check_database(folder / "flows.db", epochs)
    print(f"kills: {dict(killed)}, {amid} of them while the engine was behind, in {killed_s:.1f} s; {2 * epochs} epochs, "
          f"{amendments} amendments, {2 * epochs * EPOCH_PACKETS} packets, {time.monotonic() - began:.1f} s in all", flush=True)
    assert sum(killed.values()) == KILLS and min(killed.values()) >= 10, killed
    assert amid > 0, "killed while nothing happened"


if __name__ == "__main__":
    if missing := missing_programs():
        print("not here:", *missing)
        sys.exit(SKIP)
    main(globals())
