"""pcap-analyzer over capture files, beside the floor that DPDK sets under it and beside other flow meters.

Each program's totals are compared with what was generated before anything is timed. Then all programs run in turn,
round after round; a ratio is the median of the rounds' ratios. What is timed is the whole process. Captures are in
memory (/dev/shm) if there is room. In a quick run the other flow meters, which take most of the time, have a part in
every second round only.
"""
import contextlib
import dataclasses
import json
import os
import pathlib
import re
import shutil
import socket
import statistics
import struct
import subprocess
import tempfile
import threading
import time
from collections import Counter

from figures import Measured

ROUNDS = 7
ETHERNET_BYTES = 14  # flow meters that export NetFlow count from the IP header on
TIMEOUT_S = 600


@dataclasses.dataclass(frozen=True)
class Capture:
    name: str
    packets: int
    flows: int
    size: int = 64
    zipf: float = 0

    @property
    def bytes(self):
        return self.packets * self.size

    @property
    def file_bytes(self):
        return 24 + self.packets * (16 + self.size)

    def describe(self):
        law = f"Zipf {self.zipf:g}" if self.zipf else "uniform"
        return f"{self.packets:,} packets of {self.size} bytes, {self.flows:,} flows ({law})"


MAIN = Capture("uniform_200k", 4_000_000, 200_000)
OTHERS = [Capture("zipf_1m", 4_000_000, 1_000_000, zipf=1.0), Capture("1400_bytes", 1_000_000, 200_000, size=1400)]


class CheckFailed(Exception):
    """A program is missing or broken, or its result is not what was generated."""


@dataclasses.dataclass
class Run:
    seconds: float
    cpu_seconds: float
    output: str


class Programs:
    """How each program is started, and what it is to say; all of them write into `folder` only."""

    def __init__(self, build, folder):
        self.build = pathlib.Path(build)
        self.folder = folder
        self.environment = {**os.environ, "LC_ALL": "C", "TZ": "UTC", "HOME": str(folder),
                            "WIRESHARK_CONFIG_DIR": str(folder / "wireshark")}

    def path(self, name):
        built = {"pcap-analyzer": "app/pcap-analyzer/pcap-analyzer", "pmd-floor": "bench/pmd-floor",
                 "generate-capture": "bench/generate-capture"}
        found = self.build / built[name] if name in built else \
            shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
        if not found or not os.access(found, os.X_OK):
            raise CheckFailed(f"{name}: not found")
        return str(found)

    def run(self, name, *args):
        command = [self.path(name), *map(str, args)]
        with open(self.folder / "stdout", "w+b") as out, open(self.folder / "stderr", "w+b") as err:
            start = time.perf_counter()
            child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=err, cwd=self.folder,
                                     env=self.environment)
            timer = threading.Timer(TIMEOUT_S, child.kill)
            timer.start()
            try:
                # wait4 also gives the CPU time, of the child and of those that it waited for.
                _, status, usage = os.wait4(child.pid, 0)
                seconds = time.perf_counter() - start
                child.returncode = os.waitstatus_to_exitcode(status)
            except BaseException:
                child.kill()
                child.wait()
                raise
            finally:
                timer.cancel()
            out.seek(0)
            err.seek(0)
            output, talk = out.read().decode(errors="replace"), err.read().decode(errors="replace")
        if child.returncode != 0:
            last = (talk.strip() or output.strip() or "no word").splitlines()[-1]
            raise CheckFailed(f"{name}: exit status {child.returncode}: {last}")
        return Run(seconds, usage.ru_utime + usage.ru_stime, output)

    def generate(self, capture):
        file = self.folder / f"{capture.name}.pcap"
        self.run("generate-capture", "--packets", capture.packets, "--flows", capture.flows, "--size", capture.size,
                 "--zipf", capture.zipf, file)
        return file

    # Of one program each: run it over a file.

    def pcap_analyzer(self, file, top=10):
        result = self.folder / "analyzer.json"
        run = self.run("pcap-analyzer", "-f", "json", "-n", top, "-o", result, file)
        run.output = result.read_text()
        return run

    def pmd_floor(self, file):
        return self.run("pmd-floor", file)

    def nfpcapd(self, file):
        flows = self.folder / "nfpcapd"
        shutil.rmtree(flows, ignore_errors=True)
        flows.mkdir()
        return self.run("nfpcapd", "-r", file, "-w", flows)

    def softflowd(self, file):
        # With its default of 8192 flows it expires most of them early.
        return self.run("softflowd", "-d", "-p", self.folder / "softflowd.pid", "-c", self.folder / "softflowd.ctl",
                        "-m", 1_000_000, "-r", file)

    def tshark(self, file):
        return self.run("tshark", "-n", "-q", "-z", "conv,ip", "-r", file)

    def pmacctd(self, file):
        # The core process sleeps for 1 ms per buffer that it hands to the plugin: large ones.
        config, flows = self.folder / "pmacctd.conf", self.folder / "pmacctd.csv"
        flows.unlink(missing_ok=True)
        config.write_text(f"daemonize: false\npcap_savefile: {file}\nplugins: print\n"
                          "aggregate: src_host, dst_host, src_port, dst_port, proto\n"
                          f"print_output: csv\nprint_output_file: {flows}\nprint_cache_entries: 65537\n"
                          "plugin_buffer_size: 1048576\nplugin_pipe_size: 104857600\n")
        run = self.run("pmacctd", "-z", "-f", config)
        run.output = flows.read_text() if flows.exists() else ""
        return run


def expect(who, what, got, wanted):
    if got != wanted:
        raise CheckFailed(f"{who}: {what} {got}, generated {wanted}")


def number(who, pattern, text):
    found = re.search(pattern, text, re.MULTILINE)
    if not found:
        raise CheckFailed(f"{who}: its output does not have {pattern!r}")
    return int(found[1])


def summary(run):
    return json.loads(run.output.splitlines()[-1])


def check_analyzer(run, capture):
    s = summary(run)
    for key, wanted in (("packets", capture.packets), ("bytes", capture.bytes), ("ip_packets", capture.packets),
                        ("not_ip", 0), ("overflow_packets", 0), ("read_errors", [])):
        expect("pcap-analyzer", key, s[key], wanted)


def check_floor(run, capture):
    expect("pmd-floor", "packets", number("pmd-floor", r"^(\d+) packets", run.output), capture.packets)


def check_nfpcapd(programs, capture):
    said = programs.run("nfdump", "-R", programs.folder / "nfpcapd", "-I").output
    expect("nfpcapd", "packets", number("nfdump", r"^Packets: (\d+)", said), capture.packets)
    expect("nfpcapd", "bytes without Ethernet's header", number("nfdump", r"^Bytes: (\d+)", said),
           capture.bytes - ETHERNET_BYTES * capture.packets)


def check_softflowd(run, capture, flows=None):
    expect("softflowd", "packets", number("softflowd", r"^Packets processed: (\d+)", run.output), capture.packets)
    if flows is not None:
        expect("softflowd", "flows", number("softflowd", r"^Flows expired: (\d+)", run.output), flows)


def check_tshark(run, capture, flows):
    """Its conversations are pairs of addresses, whatever the ports."""
    pairs = {frozenset(key[:2]) for key in flows}
    lines = [line.split() for line in run.output.splitlines() if " <-> " in line]
    # a <-> b, frames and bytes of each direction, then frames of both: each size is a number and a unit.
    expect("tshark", "frames", sum(int(line[9]) for line in lines), capture.packets)
    expect("tshark", "conversations", len(lines), len(pairs))


def check_pmacctd(run, flows):
    found = {}
    for line in run.output.splitlines()[1:]:
        src, dst, src_port, dst_port, protocol, packets, size = line.split(",")
        found[(src, dst, int(src_port), int(dst_port), {"tcp": 6, "udp": 17}[protocol])] = \
            [int(packets), int(size) + ETHERNET_BYTES * int(packets)]
    expect("pmacctd", "flows", len(found), len(flows))
    if found != flows:
        raise CheckFailed("pmacctd: its flows are not those of the capture")


def read_flows(file):
    """{five-tuple: [packets, bytes]} of a capture of generate-capture's (IPv4, TCP and UDP): an independent reader."""
    packets, sizes = Counter(), Counter()
    data = file.read_bytes()
    magic, = struct.unpack_from("<I", data)
    if magic != 0xa1b23c4d:
        raise CheckFailed(f"{file.name}: not a nanosecond pcap")
    record, ports = struct.Struct("<IIII"), struct.Struct(">HH")
    at = 24
    while at < len(data):
        _, _, captured, length = record.unpack_from(data, at)
        ip = at + 16 + 14
        # Addresses, ports and protocol lie at fixed places: no options, no tags.
        key = data[ip + 12:ip + 24] + data[ip + 9:ip + 10]
        packets[key] += 1
        sizes[key] += length
        at += 16 + captured
    return {(socket.inet_ntoa(key[0:4]), socket.inet_ntoa(key[4:8]), *ports.unpack_from(key, 8), key[12]):
            [packets[key], sizes[key]] for key in packets}


def analyzer_flows(run):
    flows = {}
    for line in run.output.splitlines():
        row = json.loads(line)
        if row["type"] == "record":
            flows[(row["src_ip"], row["dst_ip"], row["src_port"], row["dst_port"], row["protocol"])] = \
                [row["packets"], row["bytes"]]
    return flows


def check_small(programs, file, capture):
    """Every flow, by a reader of our own, and what the slow meters make of the same file."""
    flows = read_flows(file)
    expect("the capture", "packets", sum(packets for packets, _ in flows.values()), capture.packets)
    run = programs.pcap_analyzer(file, top=0)
    check_analyzer(run, capture)
    found = analyzer_flows(run)
    expect("pcap-analyzer", "flows", len(found), len(flows))
    if found != flows:
        raise CheckFailed("pcap-analyzer: its flows are not those of the capture")
    check_softflowd(programs.softflowd(file), capture, len(flows))
    check_tshark(programs.tshark(file), capture, flows)
    check_pmacctd(programs.pmacctd(file), flows)


def check_large(programs, file, capture):
    """Totals; these first runs also leave the file in the page cache."""
    check_analyzer(programs.pcap_analyzer(file), capture)
    check_floor(programs.pmd_floor(file), capture)
    programs.nfpcapd(file)
    check_nfpcapd(programs, capture)
    check_softflowd(programs.softflowd(file), capture)


def in_turn(measurements, rarely=(), rounds=ROUNDS):
    """Runs all of {name: function} in each round, those of `rarely` in every second one, and a different one first each
    time: {name: {round: result}}."""
    names = list(measurements)
    results = {name: {} for name in names}
    for turn in range(rounds):
        first = turn % len(names)
        for name in names[first:] + names[:first]:
            if turn % 2 == 0 or name not in rarely:
                results[name][turn] = measurements[name]()
    return results


def ratio(numerators, denominators):
    """Of two {round: value}: the median of the ratios of the rounds that both have."""
    return statistics.median(numerators[turn] / denominators[turn] for turn in numerators if turn in denominators)


def ratio_of_minima(numerators, denominators):
    return min(numerators.values()) / min(denominators.values())


def measure(programs, capture, file, small, quick, say):
    """Times all programs over the capture. `small` is (Capture, file, empty file), or None to leave out the slow ones.

    Returns ({ratio key: (value, of minima)}, rows); a row is (program, Capture, what was timed, Measured in s, packets).
    """
    say(f"captures: {ROUNDS} rounds over {capture.describe()}")
    turns = {name: (lambda run=run: run(file)) for name, run in
             (("pcap-analyzer", programs.pcap_analyzer), ("pmd-floor", programs.pmd_floor),
              ("nfpcapd", programs.nfpcapd), ("softflowd", programs.softflowd))}
    if small:
        small_capture, small_file, empty_file = small
        for name, run in (("tshark", programs.tshark), ("pmacctd", programs.pmacctd)):
            turns[name] = lambda run=run: (run(small_file), run(empty_file))
    results = in_turn(turns, rarely=set(turns) - {"pcap-analyzer", "pmd-floor"} if quick else ())

    def each(name, figure):
        return {turn: figure(result) for turn, result in results[name].items()}

    rows, ratios = [], {}

    def row(name, of, what, values):
        rows.append((name, of, what, Measured(list(values.values())), of.packets))
        return values

    def compare(key, numerators, denominators, scale=1.0):
        ratios[key] = tuple(scale * form(numerators, denominators) for form in (ratio, ratio_of_minima))

    seconds = {name: row(name, capture, "whole process", each(name, lambda run: run.seconds))
               for name in ("pcap-analyzer", "pmd-floor", "nfpcapd", "softflowd")}
    ours = seconds["pcap-analyzer"]
    compare("offline_over_pmd_floor", ours, seconds["pmd-floor"])
    compare("offline_loop_over_pmd_floor_loop",
            row("pcap-analyzer", capture, "poll loop", each("pcap-analyzer", lambda run: summary(run)["elapsed_s"])),
            row("pmd-floor", capture, "poll loop",
                each("pmd-floor", lambda run: float(re.search(r" in ([0-9.]+) s", run.output)[1]))))
    compare("offline_vs_nfpcapd", seconds["nfpcapd"], ours)
    compare("offline_vs_softflowd", seconds["softflowd"], ours)
    if small:
        scale = capture.packets / small_capture.packets  # rates over different captures are compared per packet
        compare("offline_vs_tshark",
                row("tshark", small_capture, "less its start",
                    each("tshark", lambda runs: max(runs[0].seconds - runs[1].seconds, 0))), ours, scale)
        compare("offline_vs_pmacctd",
                row("pmacctd", small_capture, "CPU time, less its start",
                    each("pmacctd", lambda runs: max(runs[0].cpu_seconds - runs[1].cpu_seconds, 0))),
                row("pcap-analyzer", capture, "CPU time", each("pcap-analyzer", lambda run: run.cpu_seconds)), scale)
    ratios["offline_vs_fastest"] = min(value for key, value in ratios.items() if key.startswith("offline_vs_"))
    return ratios, rows


@contextlib.contextmanager
def scratch_folder(needed_bytes):
    """A temporary folder: in memory if it fits twice over, else below TMPDIR. Removed however the block ends."""
    shm = pathlib.Path("/dev/shm")
    in_memory = os.access(shm, os.W_OK) and min(shutil.disk_usage(shm).free, available_memory()) > 2 * needed_bytes
    parent = shm if in_memory else pathlib.Path(tempfile.gettempdir())
    if shutil.disk_usage(parent).free < needed_bytes * 1.2:
        raise CheckFailed(f"{parent}: {needed_bytes * 1.2 / 1e9:.1f} GB are needed for captures; set TMPDIR")
    with tempfile.TemporaryDirectory(prefix="netspectra-bench.", dir=parent) as folder:
        yield pathlib.Path(folder)


def available_memory():
    with open("/proc/meminfo") as f:
        return next(int(line.split()[1]) << 10 for line in f if line.startswith("MemAvailable:"))


def run_all(build, quick, say, main=MAIN, small=None, others=None):
    """({ratio key: (value, of minima)}, rows as measure() gives them) of all captures. Raises CheckFailed."""
    small = small or Capture("small", 200_000 if quick else 400_000, 20_000)
    others = ([] if quick else OTHERS) if others is None else others
    largest = max(capture.file_bytes for capture in (main, *others))
    with scratch_folder(largest + small.file_bytes + (256 << 20)) as folder:
        programs = Programs(build, folder)
        say("captures: checking the programs' results against each other")
        small_file = programs.generate(small)
        check_small(programs, small_file, small)
        empty_file = folder / "empty.pcap"
        empty_file.write_bytes(small_file.read_bytes()[:24])
        ratios, rows = {}, []
        for capture in (main, *others):
            file = programs.generate(capture)
            check_large(programs, file, capture)
            found, more = measure(programs, capture, file, (small, small_file, empty_file) if capture is main else None,
                                  quick, say)
            suffix = "" if capture is main else "_" + capture.name
            ratios |= {key + suffix: value for key, value in found.items()}
            rows += more
            file.unlink()
        return ratios, rows
