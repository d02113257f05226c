"""What the tests of ns-probe's NATS path share: a real nats-server, a running probe, what arrives.

Environment: NS_PROBE = the program. Standard library, nats-server and setpriv (util-linux). All servers listen on a free
port of loopback, keep their files in the test's folder, and end with the test.
"""
import atexit
import collections
import contextlib
import glob
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import time
import urllib.request

from harness import ROOT

PROBE = os.environ.get("NS_PROBE", str(ROOT / "build" / "app" / "ns-probe" / "ns-probe"))
WITH_TEST = ["setpriv", "--pdeathsig", "KILL"]  # what it starts does not outlive the test
SITE = f"e2e{os.getpid()}"  # two runs of the tests on one machine do not meet

# Of DPDK's telemetry, which leaves its folders behind.
RUNTIME = "/var/run" if os.geteuid() == 0 else os.environ.get("XDG_RUNTIME_DIR", "/tmp")
atexit.register(lambda: [shutil.rmtree(path, ignore_errors=True) for path in glob.glob(f"{RUNTIME}/dpdk/netspectra-{SITE}.*")])


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_for(condition, what, limit_s=30):
    """The first true value of condition(), which is asked again until then."""
    end = time.monotonic() + limit_s
    while not (value := condition()):
        assert time.monotonic() < end, f"not within {limit_s} s: {what() if callable(what) else what}"
        time.sleep(0.01)
    return value


class NatsServer:
    """A context manager; nats-server runs from start() to kill(), as often as one likes, with the same port and store."""

    def __init__(self, folder, settings="", jetstream=True):
        self.folder = pathlib.Path(folder) / "nats"
        self.folder.mkdir()
        self.settings = settings
        self.jetstream = jetstream
        self.process = None
        for _ in range(10):  # somebody else may take the port first
            self.port = free_port()
            with contextlib.suppress(AssertionError):
                return self.start()
        raise AssertionError("nats-server does not start: " + (self.folder / "log").read_text())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()

    @property
    def url(self):
        return f"nats://127.0.0.1:{self.port}"

    def start(self):
        config = self.folder / "conf"
        store = f'jetstream {{ store_dir: "{self.folder}/store" }}\n' if self.jetstream else ""
        config.write_text(f'listen: 127.0.0.1:{self.port}\nlogfile: "{self.folder}/log"\n{store}{self.settings}\n')
        self.process = subprocess.Popen([*WITH_TEST, "nats-server", "-c", config], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for(lambda: self.process.poll() is not None or self.greets(), "a greeting of nats-server")
        assert self.process.poll() is None

    def greets(self):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1) as s:
            return s.recv(4) == b"INFO"

    def signal(self, number):
        self.process.send_signal(number)

    def kill(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def stream(self, subjects="none"):
        """What the server says of the stream's state: {"messages": ..., "subjects": {subject: messages}}, those that match;
        {} where there is no stream."""
        request = json.dumps({"subjects_filter": subjects}).encode()
        with socket.create_connection(("127.0.0.1", self.port), timeout=5) as s, s.makefile("rb") as answers:
            s.sendall(b'CONNECT {"verbose":false}\r\nSUB _INBOX.e2e 1\r\nPUB $JS.API.STREAM.INFO.NETSPECTRA _INBOX.e2e '
                      + str(len(request)).encode() + b"\r\n" + request + b"\r\n")
            for line in answers:
                if line.startswith(b"MSG"):
                    return json.loads(answers.read(int(line.split()[-1]))).get("state", {})
        return {}

    def publish(self, subject, content):
        """A message from somebody else; it is in the stream when this returns."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=5) as s, s.makefile("rb") as answers:
            s.sendall(b'CONNECT {"verbose":false}\r\nSUB _INBOX.e2e 1\r\nPUB ' + subject + b" _INBOX.e2e " + str(len(content)).encode()
                      + b"\r\n" + content + b"\r\n")
            while not answers.readline().startswith(b"MSG"):
                pass

    def messages(self):
        return self.stream().get("messages", 0)

    def snapshots(self, probe_id):
        """Messages of the probe that hold snapshots."""
        return sum((self.stream(f"netspectra.v1.{SITE}.{probe_id}.snapshot.>").get("subjects") or {}).values())


def probe_args(*args, nats=None, probe_id="probe"):
    to = ["--nats", nats.url] if nats is not None else []
    return [*WITH_TEST, PROBE, *map(str, args), "--site", SITE, "--probe-id", probe_id, *to]


def run_probe(*args, nats=None, probe_id="probe", **options):
    """Runs ns-probe to its end; the CompletedProcess has text output. Keyword arguments go to subprocess.run."""
    options = {"timeout": 60, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
    return subprocess.run(probe_args(*args, nats=nats, probe_id=probe_id), stdin=subprocess.DEVNULL, text=True, check=False, **options)


class Probe:
    """A running ns-probe, as a context manager; `said()` is its standard error so far. `wrap` puts another command around
    it, which execs it in the end."""

    def __init__(self, folder, *args, nats=None, probe_id="probe", metrics=True, wrap=lambda args: args):
        self.probe_id = probe_id
        self.error = pathlib.Path(folder) / f"{probe_id}-{time.monotonic_ns()}.err"
        self.port = free_port() if metrics else None
        extra = ["--metrics", f"127.0.0.1:{self.port}"] if metrics else []
        with open(self.error, "wb") as error:
            self.process = subprocess.Popen(wrap(probe_args(*args, *extra, nats=nats, probe_id=probe_id)), stdin=subprocess.DEVNULL,
                                            stdout=subprocess.DEVNULL, stderr=error)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()

    def said(self):
        return self.error.read_text()

    def wait_said(self, text):
        wait_for(lambda: text in self.said() or self.process.poll() is not None, lambda: f"{text!r} in: {self.said()}")
        assert text in self.said(), (text, self.said())

    def metrics(self):
        """{name without prefix: value, summed over labels}; {} before there are any."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=5) as answer:
                return totals(answer.read().decode())
        except OSError:
            assert self.process.poll() is None, self.said()
            return {}

    def wait_metrics(self, condition, what):
        """The first metrics that fulfil the condition; names that are not there count as 0."""
        def look():
            metrics = self.metrics()
            return metrics if condition(metrics) else None
        return wait_for(look, lambda: f"{what}: {self.metrics()}, {self.said()}")

    def wait_epochs(self, more):
        """Until so many more epochs are sealed; the metrics then."""
        before = self.metrics().get("epochs_total", 0)
        return self.wait_metrics(lambda m: m.get("epochs_total", 0) >= before + more, f"{more} more epochs")

    def end(self, number=signal.SIGTERM, limit_s=30):
        """Sends the signal; the exit status."""
        self.process.send_signal(number)
        return self.process.wait(limit_s)

    def wait_published(self, nats, tasks):
        """Until all that is sealed by now, one message for each of so many tasks, is in the stream."""
        sealed = int(self.wait_epochs(1)["epochs_total"]) * tasks
        wait_for(lambda: nats.snapshots(self.probe_id) >= sealed,
                 lambda: f"{sealed} snapshots, not {nats.snapshots(self.probe_id)}; {self.said()}")

    def reported(self):
        """The totals that it ended with."""
        return report(self.said())

    def kill(self):
        self.process.kill()
        self.process.wait()


def report(said):
    """{"packets", "epochs", "lost", "acknowledged", "spooled", "given_up"} of the last lines of standard error."""
    line = [line for line in said.splitlines() if line.startswith("ns-probe: measured ")]
    assert len(line) == 1, said
    numbers = [int(number.replace(",", "")) for number in re.findall(r"(?<!\S)[0-9][0-9,]*", line[0])]
    return dict(zip(("packets", "epochs", "lost", "acknowledged", "spooled", "given_up"), numbers))


def totals(text):
    """Prometheus text as {name without netspectra_probe_: value, summed over all labels}."""
    values = collections.Counter()
    for line in text.splitlines():
        if not line.startswith("#"):
            name, value = line.rsplit(" ", 1)
            values[name.split("{")[0].removeprefix("netspectra_probe_")] += float(value)
    return values


def telemetry(probe_id, command):
    """The answer of DPDK's own socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as s:
        s.settimeout(10)
        s.connect(f"{RUNTIME}/dpdk/netspectra-{SITE}.{probe_id}/dpdk_telemetry.v2")
        s.recv(65536)  # whom one speaks to
        s.send(command.encode())
        return json.loads(s.recv(65536))[command.split(",")[0]]


class Reader:
    """`ns-probe --mode sub`, as a context manager; its lines go to a file."""

    def __init__(self, folder, nats, *args):
        self.output = pathlib.Path(folder) / f"sub-{time.monotonic_ns()}.jsonl"
        with open(self.output, "wb") as output:
            self.process = subprocess.Popen([*WITH_TEST, PROBE, "--mode", "sub", "--nats", nats.url, "--site", SITE, *map(str, args)],
                                            stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.PIPE, text=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()

    def count(self):
        """Messages so far."""
        text = self.output.read_bytes()
        return text.count(b'{"type":"snapshot"') + text.count(b'{"type":"health"')

    def end(self, messages):
        """Waits for so many messages, ends it, and returns read_lines() of them; `error` is then what it said."""
        wait_for(lambda: self.count() >= messages or self.process.poll() is not None, lambda: f"{messages} messages, not {self.count()}")
        self.process.send_signal(signal.SIGTERM)
        _, self.error = self.process.communicate(timeout=30)
        assert self.process.returncode == 0, self.error
        return read_lines(self.output.read_text())


def read_back(folder, nats, *args, messages=None):
    """All that the stream holds, as read_lines()."""
    with Reader(folder, nats, "--from-start", *args) as reader:
        return reader.end(nats.messages() if messages is None else messages)


def read_lines(text):
    """The lines of --mode sub: snapshots, each with the rows that follow it in ["rows"], and health messages."""
    snapshots, health = [], []
    for line in text.splitlines():
        o = json.loads(line)
        if o["type"] == "snapshot":
            snapshots.append({**o, "rows": []})
        elif o["type"] == "health":
            health.append(o)
        else:
            assert o["task"] == snapshots[-1]["task"] and o["epoch_start_ns"] == snapshots[-1]["epoch_start_ns"], (o, snapshots[-1])
            snapshots[-1]["rows"].append(o)
    return snapshots, health


def of_probe(probe_id, lines):
    """Those of one probe out of read_lines()."""
    return tuple([o for o in part if o["probe"] == probe_id] for part in lines)


def check_exactly_once(snapshots, health):
    """Every part of every epoch is there once, and holds what its books say; {run: {epoch_start_ns: epoch}}, runs and
    epochs in the order of time, an epoch as {"end_ns", "rx_packets", "ip_packets"}, summed over the workers. So it is
    with the health message of every epoch."""
    chunks = collections.defaultdict(list)
    books = {}
    tasks = collections.defaultdict(set)
    for s in snapshots:
        worker = (s["probe"], s["run"], s["epoch_start_ns"], s["worker"])
        chunks[*worker, s["task"]].append(s)
        figures = {name: s[name] for name in ("epoch_end_ns", "workers", "rx_packets", "rx_bytes", "ip_packets", "not_ip", "malformed")}
        assert books.setdefault(worker, figures) == figures, (books[worker], s)
        tasks[s["probe"], s["run"]].add(s["task"])
    for (*worker, task), parts in chunks.items():
        assert [s["chunk"] for s in sorted(parts, key=lambda s: s["chunk"])] == list(range(parts[0]["chunks"])), (worker, task, parts)
        if parts[0]["kind"] == "exact":
            packets = sum(row["packets"] for s in parts for row in s["rows"] if row["type"] in ("record", "overflow"))
            assert packets == parts[0]["ip_packets"], (worker, task, packets)
    runs = collections.defaultdict(lambda: collections.defaultdict(lambda: {"end_ns": 0, "rx_packets": 0, "ip_packets": 0}))
    workers = collections.defaultdict(set)
    for (probe, run, start, worker), figures in books.items():
        assert figures["rx_packets"] == figures["ip_packets"] + figures["not_ip"] + sum(figures["malformed"].values()), figures
        assert all((probe, run, start, worker, task) in chunks for task in tasks[probe, run]), (probe, run, start, worker)
        workers[probe, run, start].add(worker)
        assert worker < figures["workers"], (worker, figures)
        epoch = runs[run][start]
        epoch["end_ns"] = max(epoch["end_ns"], figures["epoch_end_ns"])
        epoch["rx_packets"] += figures["rx_packets"]
        epoch["ip_packets"] += figures["ip_packets"]
    told = collections.Counter((o["probe"], o["run"], o["epoch_start_ns"]) for o in health)
    assert set(told) == set(workers) and set(told.values()) <= {1}, (told, workers)
    for o in health:
        epoch = runs[o["run"]][o["epoch_start_ns"]]
        for figure in ("rx_packets", "ip_packets"):
            assert sum(worker[figure] for worker in o["workers"]) == epoch[figure], (o, epoch)
    return {run: dict(sorted(epochs.items())) for run, epochs in sorted(runs.items())}


def check_no_gap(epochs):
    """Of one run: where an epoch ends the next one begins. So it is where the worker gets to run in every epoch."""
    starts = list(epochs)
    ends = [epoch["end_ns"] for epoch in epochs.values()]
    assert starts[1:] == ends[:-1], (starts, ends)


def missing_programs():
    return [name for name in ("nats-server", "setpriv") if shutil.which(name) is None]
