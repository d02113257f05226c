#!/usr/bin/env python3
"""Runs all benchmarks of a build and reports them; scripts/bench.sh builds first and calls this."""
import argparse
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time

import captures
import engine
import figures
import machine
import report

REPETITIONS = 15  # so that seven calm ones are among them
SECONDS_PER_REPETITION = {True: 0.05, False: 0.25}  # by --quick


STARTED = time.monotonic()


def say(text):
    print(f"bench: at {time.monotonic() - STARTED:.0f} s: {text}", file=sys.stderr, flush=True)


def run_ns_bench(build, quick):
    """({name: Measured}, [failures], context)."""
    program = build / "bench" / "ns-bench"
    if not os.access(program, os.X_OK):
        return {}, ["ns-bench: not built (is libbenchmark-dev installed?)"], {}
    say("ns-bench: checking and timing")
    with tempfile.TemporaryDirectory(prefix="netspectra-bench.") as folder:
        out = pathlib.Path(folder) / "ns-bench.json"
        command = [program, f"--benchmark_out={out}", "--benchmark_out_format=json",
                   f"--benchmark_repetitions={REPETITIONS}", "--benchmark_enable_random_interleaving=true",
                   "--benchmark_display_aggregates_only=true",
                   f"--benchmark_min_time={SECONDS_PER_REPETITION[quick]}"]
        if quick:
            command.append("--benchmark_filter=" + figures.quick_filter())
        # Its own tables are progress here: results on standard output are this program's.
        status = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=sys.stderr, check=False).returncode
        try:
            measured, failures, context = figures.read_benchmarks(out.read_text())
        except (OSError, ValueError, KeyError) as error:
            return {}, [f"ns-bench: exit status {status}, and no results ({error})"], {}
    if status != 0 and not failures:
        failures = [f"ns-bench: exit status {status}"]
    return measured, failures, context


def main():
    parser = argparse.ArgumentParser(prog="scripts/bench.sh")
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--load-average", type=float, nargs=3, default=os.getloadavg())
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--strict", action="store_true")
    parser.add_argument("--json", type=pathlib.Path)
    parser.add_argument("--markdown", type=pathlib.Path)
    options = parser.parse_args()
    # SIGTERM as Ctrl-C: what is under way is ended, and the captures are removed.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))

    build = options.build.resolve()
    benchmarks, failures, context = run_ns_bench(build, options.quick)
    capture_ratios, rows = {}, []
    try:
        capture_ratios, rows = captures.run_all(build, options.quick, say)
    except captures.CheckFailed as failure:
        failures.append(str(failure))
    try:
        capture_ratios.update(engine.run_all(build, options.quick, say))
    except (engine.CheckFailed, OSError) as failure:
        failures.append(str(failure))
    result = report.assemble(machine.describe(build, options.load_average, context), options.quick, benchmarks,
                             capture_ratios, rows, failures)
    say("done")
    if options.json:
        options.json.write_text(json.dumps(result, indent=1) + "\n")
    if options.markdown:
        options.markdown.write_text(report.as_markdown(result, benchmarks, rows))
    print(report.as_text(result, benchmarks, rows), end="")
    return 1 if result["failures"] or (options.strict and not report.floors_met(result)) else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
