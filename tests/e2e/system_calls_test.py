"""In steady state the pollers make no system call: captures are read through their mapped pages."""
import collections
import re
import shutil
import subprocess
import sys

from harness import ANALYZER, SKIP, ipv4_udp, main, write_pcap

BURST = 64


def system_calls(folder, packets, workers):
    """{name: calls} of the whole process over a capture of so many packets."""
    path = folder / "steady.pcap"
    frames = [ipv4_udp("192.0.2.1", "192.0.2.2", port, 53) for port in range(64)]
    write_pcap(path, [(1_700_000_000 * 10**9 + i, frames[i % 64]) for i in range(packets)])
    trace = folder / "trace"
    subprocess.run(["strace", "-f", "-qq", "-o", trace, ANALYZER, "-w", str(workers), path], check=True,
                   stdout=subprocess.DEVNULL, timeout=300)
    calls = collections.Counter()
    for line in trace.read_text().splitlines():
        if found := re.match(r"\d+ +(\w+)\(", line):
            calls[found[1]] += 1
    return calls


def test_no_system_call_per_burst(folder):
    bursts = 200_000 / BURST
    for workers in (1, 2):
        few, many = (system_calls(folder, packets, workers) for packets in (20_000, 220_000))
        extra = many - few
        # The control core sleeps half a millisecond at a time while strace slows everything down.
        extra.pop("clock_nanosleep", 0)
        # Workers that wait for the front end, or for a core, give theirs up; so does the front end when rings are full.
        yields = extra.pop("sched_yield", 0)
        assert workers > 1 or yields < bursts / 100, yields
        assert sum(extra.values()) < bursts / 100, (workers, extra)


if __name__ == "__main__":
    if shutil.which("strace") is None or subprocess.run(["strace", "-qq", "-o", "/dev/null", "true"], check=False).returncode != 0:
        print("strace cannot trace here")
        sys.exit(SKIP)
    main(globals())
