#!/usr/bin/env bash
# Installs what NetSpectra needs from Debian 12's own archive, and only what is missing.
# Silent, and without root, when nothing is missing.
set -euo pipefail

# The one list of packages: group, package, why.
packages() {
  cat <<'LIST'
build g++                            the C++20 compiler (GCC 12)
build meson                          the build system
build ninja-build                    runs the build
build pkg-config                     finds the libraries below
build libdpdk-dev                    packet input, with the pcap and ring drivers
build libabsl-dev                    Status, StrFormat, flat_hash_map
build libboost-program-options-dev   command lines
build libyaml-cpp-dev                configuration files
build libpcap-dev                    capture files and their filter language
build libflatbuffers-dev             snapshots as bytes
build flatbuffers-compiler           their schema, compiled
build libnats-dev                    NATS client
build libssl-dev                     NKey signatures for NATS
build libsqlite3-dev                 the embedded store
build libboost-dev                   Asio and Beast: metrics and queries over HTTP
build libcurl4-openssl-dev           HTTP to ClickHouse, webhooks, e-mail
build zlib1g-dev                     estimator states, compressed
build nlohmann-json3-dev             reading JSON
test  libgtest-dev                   unit tests
test  libgmock-dev                   unit tests: matchers
test  libbenchmark-dev               benchmarks of the parts: their checks against references run as a test
test  clang-14                       fuzz targets (libFuzzer)
test  libclang-rt-14-dev             fuzz targets: libFuzzer and sanitizer run-times
test  clang-format-14                lint: layout
test  clang-tidy-14                  lint: scripts/lint.sh --tidy
test  shellcheck                     lint: shell scripts
test  nats-server                    tests of what goes to NATS
test  openssl                        certificates for tests of TLS
test  clickhouse-server                tests of the store at scale
test  clickhouse-client                the same: its database program
test  chromium                       tests of the live page
test  python3-aiosmtpd               tests of alerts by e-mail
test  iproute2                       network namespaces for tests of live ports
test  ethtool                        the same: offloads off
test  tcpreplay                      the same: a sender that is not ours
test  python3                        test drivers, the layer check, counting of results
test  strace                         end-to-end tests: system calls of a running worker
test  curl                           the examples of docs/query-api.md
test  jq                             the same
test  procps                         tests of scripts/live-demo.sh: pgrep
demo  nats-server                    what probe and engine talk over
demo  iproute2                       a namespace with a veth pair
demo  ethtool                        the same: offloads off
demo  tcpreplay                      a sender
bench libbenchmark-dev               benchmarks of the parts
bench nfdump                         benchmarks: another flow meter, and what reads its files
bench softflowd                      benchmarks: another flow meter
bench tshark                         benchmarks: another flow meter
bench pmacct                         benchmarks: another flow meter
bench python3                        benchmarks: runs them, reports
bench nats-server                    benchmarks: from probe to query
bench clickhouse-server              benchmarks: the store at scale
bench clickhouse-client              the same: its database program
LIST
}

usage() {
  cat <<'HELP'
usage: scripts/install-deps.sh [--dry-run] [GROUP...]
Installs the Debian packages of each GROUP that are missing.
  build      to build and run the programs (the default)
  test       to test and lint them
  bench      to measure them, and other flow meters beside them
  demo       to run scripts/live-demo.sh
  --dry-run  only print the command that would be run; nothing if nothing is missing
  --help     this text
Root is asked for (sudo) only when a package is missing.
Exit status: 0 done, 1 failed, 2 wrong usage.
HELP
}

die() { echo "install-deps: $1" >&2; exit "${2:-1}"; }

dry_run=false
groups=()
for argument in "$@"; do
  case "$argument" in
    --dry-run) dry_run=true ;;
    --help | -h) usage; exit 0 ;;
    build | test | bench | demo) groups+=("$argument") ;;
    *) die "unknown argument '$argument' (see --help)" 2 ;;
  esac
done
[[ ${#groups[@]} -gt 0 ]] || groups=(build)

wanted=()
while read -r group package _; do
  [[ " ${groups[*]} " == *" $group "* ]] && wanted+=("$package")
done < <(packages)

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
  die "this is not a Debian system; install what corresponds to Debian 12's: ${wanted[*]}"
fi

missing=()
for package in "${wanted[@]}"; do
  status=$(dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null) || status=none
  [[ $status == installed ]] || missing+=("$package")
done
[[ ${#missing[@]} -gt 0 ]] || exit 0

install=(apt-get install --yes --no-install-recommends "${missing[@]}")
if $dry_run; then
  echo "apt-get update && ${install[*]}"
  exit 0
fi

as_root=()
if [[ $EUID -ne 0 ]]; then
  # Without a terminal sudo cannot ask for a password: take it only where it needs none.
  if command -v sudo >/dev/null && { [[ -t 0 ]] || sudo -n true 2>/dev/null; }; then
    as_root=(sudo)
  else
    die "${#missing[@]} packages are missing; as root, run: apt-get update && ${install[*]}"
  fi
fi

log=$(mktemp "${TMPDIR:-/tmp}/netspectra-install.XXXXXX.log")
run() {
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive "$@" -q -o DPkg::Lock::Timeout=300 >>"$log" 2>&1 && return
  tail -n 15 "$log" >&2
  die "'$1 $2' failed (all of its output: $log)"
}

echo "install-deps: installing ${missing[*]}" >&2
run apt-get update
run "${install[@]}"
rm -f "$log"
