#!/usr/bin/env bash
# From a fresh checkout to the first table of flows: packages, build, run.
set -euo pipefail

usage() {
  cat <<'HELP'
usage: scripts/quickstart.sh [CAPTURE]
Installs what is missing, builds pcap-analyzer into build/ and runs it over CAPTURE
(pcap or pcapng; default: tests/captures/sample.pcap). The run needs no root, NIC or hugepages.
Progress goes to stderr, the table to stdout.
HELP
}

die() { echo "quickstart: $1" >&2; exit "${2:-1}"; }

[[ $# -le 1 ]] || { usage >&2; exit 2; }
case "${1:-}" in
  --help | -h) usage; exit 0 ;;
  -*) die "unknown option '$1' (see --help)" 2 ;;
esac

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
capture=${1:-$root/tests/captures/sample.pcap}
# Said before the build, which takes a minute or more.
[[ -e $capture ]] || die "$capture: no such file"
[[ -f $capture && -r $capture ]] || die "$capture: not a file that can be read"

build=$root/build
program=app/pcap-analyzer/pcap-analyzer
log=$(mktemp "${TMPDIR:-/tmp}/netspectra-build.XXXXXX.log")
# Runs one step of the build; its output is shown only if it fails.
step() {
  "$@" >>"$log" 2>&1 </dev/null && return
  tail -n 25 "$log" >&2
  die "the build failed at '$1' (all of its output: $log)"
}

echo "[1/3] packages" >&2
"$root/scripts/install-deps.sh" build

echo "[2/3] build (the first one takes a few minutes)" >&2
[[ -f $build/build.ninja ]] || step meson setup --buildtype=release "$build" "$root"
step ninja -C "$build" "$program"
rm -f "$log"

echo "[3/3] pcap-analyzer $capture" >&2
exec "$build/$program" "$capture"
