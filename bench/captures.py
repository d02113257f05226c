"""pcap-analyzer over capture files, beside the floor that DPDK sets under it and beside other flow meters.

Each program's totals are compared with what was generated before anything is timed. Then pcap-analyzer and the floor run
in turn, round after round, and after that pcap-analyzer and the other flow meters; a ratio is the median of the rounds'
ratios. What is timed is the whole process. Rounds beside the floor in which a core was not all ours are set aside
(figures.py). Captures are in memory (/dev/shm) if there is room. In a quick run the other flow meters, which take most of
the time, run in fewer rounds.
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
import tempfile
from collections import Counter

import figures
from figures import Measured
from programs import CheckFailed, Programs

FLOOR_ROUNDS = 15  # so that seven calm ones are among them
ROUNDS = {True: 4, False: 7}  # by --quick
ETHERNET_BYTES = 14  # flow meters that export NetFlow count from the IP header on


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


def in_turn(measurements, rounds):
    """Runs all of {name: function} in each round, a different one first each time: {name: {round: result}}."""
    names = list(measurements)
    results = {name: {} for name in names}
    for turn in range(rounds):
        first = turn % len(names)
        for name in names[first:] + names[:first]:
            results[name][turn] = measurements[name]()
    return results


def calm_rounds(results, spins):
    """What counts of {name: {round: result}}, given {round: arithmetic before and after it}; how many rounds do not, and
    how many were disturbed of those that do."""
    slowest = [max(spins[turn]) for turn in sorted(spins)]
    least = min(min(each) for each in spins.values())
    calm = figures.calmest(slowest, least)
    return ({name: {turn: of[turn] for turn in calm} for name, of in results.items()}, len(slowest) - len(calm),
            figures.disturbed(slowest, calm, least))


def beside_the_floor(programs, file, rounds=FLOOR_ROUNDS):
    """pcap-analyzer and pmd-floor in turn: calm_rounds()."""
    turns = {"pcap-analyzer": lambda: programs.pcap_analyzer(file), "pmd-floor": lambda: programs.pmd_floor(file)}
    results, spins = {name: {} for name in turns}, {}
    last = programs.spin_ns()
    for turn in range(rounds):
        for name in list(turns)[::1 if turn % 2 == 0 else -1]:
            results[name][turn] = turns[name]()
        spins[turn] = (last, last := programs.spin_ns())
    return calm_rounds(results, spins)


def ratio(numerators, denominators):
    """Of two {round: value} of the same rounds: the median of the rounds' ratios."""
    return statistics.median(numerators[turn] / denominators[turn] for turn in numerators)


def ratio_of_minima(numerators, denominators):
    return min(numerators.values()) / min(denominators.values())


def measure(programs, capture, file, small, quick, say):
    """Times all programs over the capture. `small` is (Capture, file, empty file), or None to leave out the slow ones.

    Returns ({ratio key: (value, of minima)}, rows); a row is (program, Capture, what was timed, Measured in s, packets).
    """
    say(f"captures: {FLOOR_ROUNDS} rounds beside the floor over {capture.describe()}")
    rows, ratios = [], {}

    def row(name, of, what, values, set_aside=0, disturbed=0):
        rows.append((name, of, what, Measured(list(values.values()), {}, set_aside, disturbed), of.packets))
        return values

    def compare(key, numerators, denominators, scale=1.0):
        ratios[key] = tuple(scale * form(numerators, denominators) for form in (ratio, ratio_of_minima))

    pair, *left_out = beside_the_floor(programs, file)

    def of_pair(name, what, figure):
        return row(name, capture, what, {turn: figure(run) for turn, run in pair[name].items()}, *left_out)

    for key, what, ours, floors in (
            ("offline_over_pmd_floor", "whole process", lambda run: run.seconds, lambda run: run.seconds),
            ("offline_loop_over_pmd_floor_loop", "poll loop", lambda run: summary(run)["elapsed_s"],
             lambda run: float(re.search(r" in ([0-9.]+) s", run.output)[1]))):
        compare(key, of_pair("pcap-analyzer", what, ours), of_pair("pmd-floor", what, floors))

    say(f"captures: {ROUNDS[quick]} rounds beside other flow meters")
    turns = {"pcap-analyzer": lambda: programs.pcap_analyzer(file), "nfpcapd": lambda: programs.nfpcapd(file),
             "softflowd": lambda: programs.softflowd(file)}
    if small:
        small_capture, small_file, empty_file = small
        for name, run in (("tshark", programs.tshark), ("pmacctd", programs.pmacctd)):
            turns[name] = lambda run=run: (run(small_file), run(empty_file))
    results = in_turn(turns, ROUNDS[quick])

    def each(name, figure):
        return {turn: figure(result) for turn, result in results[name].items()}

    ours = row("pcap-analyzer", capture, "beside the others", each("pcap-analyzer", lambda run: run.seconds))
    for name in ("nfpcapd", "softflowd"):
        compare("offline_vs_" + name, row(name, capture, "whole process", each(name, lambda run: run.seconds)), ours)
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
