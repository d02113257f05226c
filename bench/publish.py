#!/usr/bin/env python3
"""What publishing costs: ns-probe at full speed with and without it, and the control core's time per record.

usage: bench/publish.py BUILD_DIR [--repetitions N] [--seconds S]

The worker polls net_pcap in its infinite_rx mode (a small capture, over and over, from memory) with the default tasks
and a period of one second. By turns the snapshots go to a real nats-server (JetStream, files) or nowhere (--sink local
into /dev/null). Compared are the medians of the whole periods' packet rates. Then a capture of a million flows is replayed
once and its records are published: what the control core needs for each.
"""
import argparse
import pathlib
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time

RATE = re.compile(r"Z [\d.]+m?s(?: \([^)]*\))?: ([\d.]+) (pps|kpps|Mpps)")
SCALE = {"pps": 1e-6, "kpps": 1e-3, "Mpps": 1.0}
RECORDS = re.compile(r"([\d,]+) records handed over, (\d+) ns each")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def run_probe(build, *arguments):
    command = [build / "app/ns-probe/ns-probe", *arguments]
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"publish.py: ns-probe failed:\n{done.stderr}")
    return done.stderr


def rates(log):
    """Mpps of the whole periods: the first and the last are cut short."""
    found = [float(value) * SCALE[unit] for value, unit in RATE.findall(log)]
    if len(found) < 4:
        sys.exit(f"publish.py: too few periods in:\n{log}")
    return found[1:-1]


def capture(build, path, packets, flows):
    subprocess.run([build / "bench/generate-capture", "--packets", str(packets), "--flows", str(flows), path],
                   check=True, stdout=subprocess.DEVNULL)
    return path


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--repetitions", type=int, default=7)
    parser.add_argument("--seconds", type=int, default=6)
    options = parser.parse_args()

    with tempfile.TemporaryDirectory() as work:
        work = pathlib.Path(work)
        port = free_port()
        url = f"nats://127.0.0.1:{port}"
        server = subprocess.Popen(["nats-server", "-js", "-sd", work / "jetstream", "-a", "127.0.0.1", "-p", str(port)],
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            time.sleep(1)
            small = capture(options.build, work / "small.pcap", 1000, 1000)
            endless = ["-i", f"vdev:net_pcap0,rx_pcap={small},infinite_rx=1", "-p", "1s",
                       "--duration", f"{options.seconds}s"]
            with_nats, without = [], []
            for _ in range(options.repetitions):
                with_nats.append(statistics.median(rates(run_probe(options.build, *endless, "--nats", url))))
                without.append(statistics.median(rates(
                    run_probe(options.build, *endless, "--sink", "local", "-f", "json", "-o", "/dev/null"))))
            for name, values in (("publishing", with_nats), ("not publishing", without)):
                print(f"{name:15} {statistics.median(values):6.2f} Mpps (median of {len(values)}; "
                      f"{min(values):.2f} to {max(values):.2f})")
            cost = 1 - statistics.median(with_nats) / statistics.median(without)
            best = 1 - max(with_nats) / max(without)
            print(f"cost of publishing to the worker: {100 * cost:.1f} % of medians, {100 * best:.1f} % of the best runs")

            large = capture(options.build, work / "large.pcap", 2_000_000, 1_000_000)
            per_record = []
            for _ in range(max(3, options.repetitions // 2)):
                found = RECORDS.search(run_probe(options.build, "-i", f"pcap:{large}", "-p", "1s", "--nats", url))
                if found is None:
                    sys.exit("publish.py: ns-probe has not said what handing over costs")
                per_record.append(int(found.group(2)))
            print(f"control core: {statistics.median(per_record):.0f} ms per million records encoded and handed to the "
                  f"publisher ({min(per_record)} to {max(per_record)}; {found.group(1)} records a run)")
        finally:
            server.terminate()
            server.wait()


if __name__ == "__main__":
    main()
