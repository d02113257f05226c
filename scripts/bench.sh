#!/usr/bin/env bash
# All benchmarks: builds, measures, and says where the figures stand against their floors and aims.
set -euo pipefail

usage() {
  cat <<'HELP'
usage: scripts/bench.sh [--quick] [--strict] [--json FILE] [--markdown FILE]
Installs what is missing, builds a release build (into build/, or into build-bench/ where build/ is something else),
checks results against references, and times NetSpectra beside other programs. Needs no root, NIC or hugepages.
  --quick          only what the figures need, and shorter; a few minutes
  --strict         a figure that misses its floor is a failure
  --json FILE      also write everything that was measured, every sample
  --markdown FILE  also write the tables in Markdown
  --help           this text
What each figure means: docs/benchmarks.md. Progress goes to stderr, the tables to stdout.
Exit status: 0 done, 1 a check failed or a program is missing, 2 wrong usage.
HELP
}

die() { echo "bench: $1" >&2; exit "${2:-1}"; }

options=()
while [[ $# -gt 0 ]]; do
  case "$1" in
    --quick | --strict) options+=("$1") ;;
    --json | --markdown)
      [[ -n ${2:-} ]] || die "$1 needs a FILE" 2
      # Found out now, not after a quarter of an hour.
      : >"$2" || die "$2: cannot be written"
      options+=("$1" "$2")
      shift
      ;;
    --help | -h) usage; exit 0 ;;
    *) die "unknown argument '$1' (see --help)" 2 ;;
  esac
  shift
done

# Before the build, which is a load of its own.
read -r load_1 load_5 load_15 _ </proc/loadavg

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
log=$(mktemp "${TMPDIR:-/tmp}/netspectra-build.XXXXXX.log")
# Runs one step of the build; its output is shown only if it fails.
step() {
  "$@" >>"$log" 2>&1 </dev/null && return
  tail -n 25 "$log" >&2
  die "the build failed at '$1' (all of its output: $log)"
}

# A configured build folder that is not a plain release build would measure its debugging aids.
is_release() {
  python3 - "$1/meson-info/intro-buildoptions.json" <<'PYTHON'
import json, sys
options = {option["name"]: option["value"] for option in json.load(open(sys.argv[1]))}
sys.exit(options["buildtype"] != "release" or options["b_sanitize"] != "none")
PYTHON
}

echo "[1/3] packages" >&2
"$root/scripts/install-deps.sh" build bench

echo "[2/3] build (the first one takes a few minutes)" >&2
build=$root/build
if [[ -f $build/build.ninja ]] && ! is_release "$build"; then build=$root/build-bench; fi
[[ -f $build/build.ninja ]] || step meson setup --buildtype=release "$build" "$root"
# A folder that was configured before Google Benchmark was installed has no ns-bench.
ninja -C "$build" -t query bench/ns-bench >/dev/null 2>&1 || step meson setup --reconfigure "$build" "$root"
step ninja -C "$build" app/pcap-analyzer/pcap-analyzer app/ns-engine/ns-engine bench/ns-bench bench/engine-load bench/pmd-floor bench/core-check bench/generate-capture
rm -f "$log"

echo "[3/3] measurement" >&2
exec python3 -B "$root/bench/bench.py" --build "$build" --load-average "$load_1" "$load_5" "$load_15" "${options[@]}"
