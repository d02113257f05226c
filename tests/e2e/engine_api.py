"""What the tests that ask ns-engine over HTTP share: a running engine, and its answers as objects.

Environment: NS_ENGINE = the program. Standard library and setpriv (util-linux).
"""
import collections
import json
import os
import pathlib
import re
import signal
import subprocess
import urllib.error
import urllib.parse
import urllib.request

import harness
from captures_test import canonical
from nats import WITH_TEST, wait_for

ENGINE = os.environ.get("NS_ENGINE", str(harness.ROOT / "build" / "app" / "ns-engine" / "ns-engine"))
LISTENING = r"engine: listening on http://127\.0\.0\.1:(\d+)"
LIMIT_S = 60  # for what takes a second on an idle machine


class Engine:
    """A context manager; ns-engine runs from start() to kill() or end(), as often as one likes, each time with the same
    arguments and on another port. `log` is the standard error of all its runs."""

    def __init__(self, folder, store, *args, nats=None, name="engine"):
        self.log = pathlib.Path(folder) / f"{name}.log"
        url = nats if isinstance(nats, str) else nats.url
        self.words = [*WITH_TEST, ENGINE, "--nats", url, "--store", str(store), "--http", "127.0.0.1:0", *map(str, args)]
        self.process = None
        self.port = None
        self.began = 0
        self.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()

    def start(self):
        """Not before the engine runs is its port known: listen()."""
        with open(self.log, "ab") as log:
            self.began = log.tell()
            self.process = subprocess.Popen(self.words, stdin=subprocess.DEVNULL, stderr=log)
        self.port = None

    def said(self):
        """Standard error since the last start."""
        return self.log.read_bytes()[self.began:].decode()

    def wait_said(self, pattern, count=1, limit_s=LIMIT_S):
        def seen():
            assert self.process.poll() is None, self.said()
            return len(re.findall(pattern, self.said())) >= count
        wait_for(seen, lambda: f"{count} times {pattern!r} in: ...{self.said()[-3000:]}", limit_s)

    def listen(self):
        """Until it listens. It need not be ready."""
        if self.port is None:
            self.wait_said(LISTENING)
            self.port = int(re.search(LISTENING, self.said())[1])
        return self

    def ready(self):
        """Until it says that all it needs is there."""
        self.listen()
        wait_for(lambda: self.fetch("/readyz")[0] == 200, lambda: f"{self.fetch('/readyz')}: {self.said()}", LIMIT_S)
        return self

    def fetch(self, path, **parameters):
        """(status, text) of an answer, whatever it is."""
        query = "?" + urllib.parse.urlencode(parameters) if parameters else ""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}{query}", timeout=LIMIT_S) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def page(self, path, **parameters):
        status, text = self.fetch(f"/api/v1/{path}", **parameters)
        assert status == 200, (path, parameters, status, text)
        return json.loads(text)

    def get(self, path, **parameters):
        """An answer with the rows of all its pages."""
        answer = page = self.page(path, **parameters)
        while page["next"] is not None:
            page = self.page(path, **parameters, cursor=page["next"])
            # From the second page on, the time that was open at its end is so no more.
            assert page["ledger"] == {**answer["ledger"], "to_ns": page["ledger"]["to_ns"]}, (page["ledger"], answer["ledger"])
            answer["rows"] += page["rows"]
        return answer

    def probe(self, name):
        """The row of /api/v1/probes; {} while nothing of this probe is stored."""
        rows = [row for row in self.get("probes")["rows"] if row["probe"] == name]
        assert len(rows) <= 1, rows
        return rows[0] if rows else {}

    def wait_packets(self, name, packets):
        """Until so many packets of a probe are stored, received or confessed as lost."""
        def there():
            return self.probe(name) and received_or_dropped(self.probe(name)["ledger"]) >= packets
        wait_for(there, lambda: f"{packets} packets of {name}: {self.probe(name)}, ...{self.said()[-2000:]}", LIMIT_S)

    def end(self, number=signal.SIGTERM, status=0):
        self.process.send_signal(number)
        assert self.process.wait(LIMIT_S) == status, self.said()
        return self.said()

    def kill(self):
        self.process.kill()
        self.process.wait()


def received_or_dropped(ledger):
    return ledger["rx_packets"] + ledger["kernel_dropped"]


def table(rows):
    """{five-tuple: (packets, bytes)} of rows that are each of another one, with addresses spelt as Python does."""
    found = {(r["src_ip"], r["dst_ip"], r["src_port"], r["dst_port"], r["protocol"]): (r["packets"], r["bytes"]) for r in rows}
    assert len(found) == len(rows), "a key is in two rows"
    return canonical(found)


def added(*tables):
    """{key: (packets, bytes)} of all tables together."""
    total = collections.defaultdict(lambda: (0, 0))
    for each in tables:
        for key, (packets, size) in each.items():
            total[key] = (total[key][0] + packets, total[key][1] + size)
    return dict(total)


LOSSES = ("overflow_packets", "overflow_bytes", "other_drops", "late_packets", "nic_missed", "no_mbuf", "nic_errors",
          "kernel_dropped", "missing_snapshots", "incomplete_epochs", "faults", "expired_epochs")


def check_ledger(ledger, rows=None, **expected):
    """It says what is expected, and confesses no loss that is not. Its books balance, and the rows, all those of an exact
    task, are in them."""
    losses = {name: 0 for name in LOSSES if name in ledger}  # not each answer has those of a task
    for name, value in {**losses, **expected}.items():
        assert ledger[name] == value, (name, ledger[name], value, ledger)
    refused = ledger["not_ip"] + sum(ledger["malformed"].values()) + ledger["other_drops"]
    assert ledger["rx_packets"] == ledger["ip_packets"] + refused, ledger
    if rows is not None:
        assert sum(row["packets"] for row in rows) == ledger["counted_packets"], ledger
        if not ledger["missing_snapshots"]:
            assert ledger["ip_packets"] == ledger["counted_packets"] + ledger["overflow_packets"], ledger
