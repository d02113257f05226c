"""The engine's figures: what its stores take in, and how long after its end an epoch can be asked for.

Servers are real, on free loopback ports, with their files in a temporary folder; each ends with the run. What was stored is
read back and compared before a figure counts.
"""
import contextlib
import json
import pathlib
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "tests" / "e2e"))
from clickhouse import ClickHouse  # noqa: E402
from nats import NatsServer  # noqa: E402

RECORDS = 200_000  # of an epoch
PERIOD_MS = 2000


class CheckFailed(Exception):
    """A program is missing or broken, or its result is not what was put in."""


def load(build, *words):
    done = subprocess.run([build / "bench" / "engine-load", *map(str, words)], stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, check=False)
    if done.returncode != 0:
        raise CheckFailed(done.stderr.strip())
    return [line.split() for line in done.stdout.splitlines()]


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Engine:
    """ns-engine over a store; a context manager."""

    def __init__(self, build, folder, store, nats="nats://127.0.0.1:1"):
        self.port = free_port()
        with open(folder / "engine.log", "wb") as log:
            self.process = subprocess.Popen([build / "app" / "ns-engine" / "ns-engine", "--store", store, "--nats", nats,
                                             "--http", f"127.0.0.1:{self.port}"], stdin=subprocess.DEVNULL, stderr=log)
        self.log = folder / "engine.log"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)

    def get(self, path):
        until = time.monotonic() + 30
        while True:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=60) as answer:
                    return json.load(answer)
            except (urllib.error.HTTPError, ConnectionError, urllib.error.URLError) as error:
                if self.process.poll() is not None or time.monotonic() > until:
                    raise CheckFailed(f"ns-engine: {path}: {error}: {self.log.read_text()[-500:]}") from error
                time.sleep(0.05)

    def resident_mib(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) / 1024


def rows_per_s(build, folder, store, epochs):
    """(median, of the fastest epoch); checked by a query."""
    lines = load(build, "store", store, epochs, RECORDS)
    with Engine(build, folder, store) as engine:
        ledger = engine.get("/api/v1/aggregate?task=per_five_tuple&by=protocol")["ledger"]
        records = sum(row["rows"] for row in engine.get("/api/v1/tasks")["rows"])
    if records != epochs * RECORDS or ledger["counted_packets"] != ledger["rx_packets"]:
        raise CheckFailed(f"{store}: {records} records stored, not {epochs * RECORDS}: {ledger}")
    seconds = [float(line[0]) for line in lines]
    return RECORDS / statistics.median(seconds), RECORDS / min(seconds)


def epoch_to_query(build, folder, epochs):
    """(median, least) seconds from the end of an epoch until a query counts it, and the engine's memory in MiB."""
    with NatsServer(folder) as nats, Engine(build, folder, f"sqlite:{folder}/live.db", nats.url) as engine:
        engine.get("/api/v1/probes")
        sender = subprocess.Popen([build / "bench" / "engine-load", "send", nats.url, str(epochs), str(RECORDS), str(PERIOD_MS)],
                                  stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        seconds = []
        for line in sender.stdout:
            start_ns = int(line)
            end_s = start_ns / 1e9 + PERIOD_MS / 1e3
            until = time.monotonic() + 60
            while True:
                rows = engine.get("/api/v1/probes")["rows"]
                if rows and rows[0]["last_start_ns"] >= start_ns:
                    break
                if time.monotonic() > until:
                    raise CheckFailed(f"an epoch was not there after a minute: {engine.log.read_text()[-500:]}")
                time.sleep(0.01)
            seconds.append(time.time() - end_s)
        if sender.wait() != 0:
            raise CheckFailed("engine-load did not end well")
        records = sum(row["rows"] for row in engine.get("/api/v1/tasks")["rows"])
        if records != epochs * RECORDS:
            raise CheckFailed(f"{records} records can be asked for, not {epochs * RECORDS}")
        return statistics.median(seconds), min(seconds), engine.resident_mib()


def run_all(build, quick, say):
    """{key: (value, of the best)}."""
    epochs = 7 if quick else 20
    figures = {}
    with contextlib.ExitStack() as stack:
        folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="netspectra-bench.")))
        say("sqlite: storing")
        figures["sqlite_rows_per_s"] = rows_per_s(build, folder, f"sqlite:{folder}/stored.db", epochs)
        say("engine: from the end of an epoch to a query")
        median, least, memory = epoch_to_query(build, folder, epochs)
        figures["epoch_to_query_s"] = (median, least)
        figures["engine_mib"] = (memory, memory)
        say("clickhouse: storing")
        server = stack.enter_context(ClickHouse(folder))
        figures["clickhouse_rows_per_s"] = rows_per_s(build, folder, server.url, epochs)
    return figures
