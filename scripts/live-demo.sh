#!/usr/bin/env bash
# The whole appliance on one machine, for a look at it: a probe on a wire, NATS, an engine, real traffic, the top talkers.
set -euo pipefail

usage() {
  cat <<'HELP'
usage: scripts/live-demo.sh [--keep]
Starts nats-server and ns-probe in a network namespace of their own, and ns-engine with a store in a temporary
folder; sends tests/captures/sample.pcap over a veth pair to the probe, again and again; shows after some seconds
the top talkers with ns-query; and stops and removes everything again. Before that, it installs what is missing
and builds the programs into build/. Needs root, for the namespace.
  --keep     go on until Ctrl-C, with the engine's page to look at
  --help     this text
Progress goes to stderr, the tables to stdout. Exit status: 0 done, 1 failed, 2 wrong usage.
HELP
}

die() { echo "live-demo: $1" >&2; exit "${2:-1}"; }

keep=false
for argument in "$@"; do
  case "$argument" in
    --keep) keep=true ;;
    --help | -h) usage; exit 0 ;;
    *) die "unknown argument '$argument' (see --help)" 2 ;;
  esac
done

[[ $EUID -eq 0 ]] || die "needs root, for a network namespace of its own: sudo scripts/live-demo.sh"

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=$root/build
programs=(app/ns-probe/ns-probe app/ns-engine/ns-engine app/ns-query/ns-query)
capture=$root/tests/captures/sample.pcap

work=$(mktemp -d "${TMPDIR:-/tmp}/netspectra-demo.XXXXXX")
site=demo-$$
pids=()
# Whatever ends this script: what it started ends, newest first, and what it made is removed. The namespace, and the
# interfaces with it, goes with the last process in it.
clean_up() {
  trap '' INT TERM HUP
  local pid
  for pid in "${pids[@]}"; do
    kill "$pid" 2>/dev/null || true
    timeout 5 tail --pid="$pid" -f /dev/null || kill -KILL "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
  done
  rm -rf "$work" "/var/run/dpdk/netspectra-$site.demo"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# What is built is the user's, not root's.
as_user=()
[[ -z ${SUDO_USER:-} ]] || as_user=(runuser -u "$SUDO_USER" --)
step() {
  "${as_user[@]}" "$@" >"$work/build.log" 2>&1 </dev/null && return
  tail -n 25 "$work/build.log" >&2
  die "the build failed at '$1'"
}
echo "[1/4] packages" >&2
"$root/scripts/install-deps.sh" build demo
echo "[2/4] build (the first one takes a few minutes)" >&2
[[ -f $build/build.ninja ]] || step meson setup --buildtype=release "$build" "$root"
step ninja -C "$build" "${programs[@]}"

# start NAME COMMAND...: in the background; what it says goes to a file, and it ends with this script, however that ends.
start() {
  local log=$work/$1.log
  shift
  # In a session of its own: Ctrl-C reaches this script only, which ends the others in order.
  setsid setpriv --pdeathsig KILL "$@" >"$log" 2>&1 </dev/null &
  pids=("$!" "${pids[@]}")
}
# wait_for NAME WHAT COMMAND...: until the command succeeds; at most 30 s, and while NAME, the newest, runs.
wait_for() {
  local name=$1 what=$2 end=$((SECONDS + 30))
  shift 2
  until "$@" >/dev/null 2>&1; do
    if ! kill -0 "${pids[0]}" 2>/dev/null || ((SECONDS >= end)); then
      tail -n 5 "$work/$name.log" >&2
      die "$name: $what did not come"
    fi
    sleep 0.1
  done
}

echo "[3/4] a namespace, nats-server, ns-engine, ns-probe, traffic" >&2
unshare --net true 2>"$work/error" || die "no network namespace here: $(<"$work/error")"
start namespace unshare --net sleep infinity
namespace=${pids[0]}
has_own_namespace() { [[ ! /proc/$namespace/ns/net -ef /proc/self/ns/net ]]; }
wait_for namespace "a namespace" has_own_namespace
inside=(nsenter --net="/proc/$namespace/ns/net")

# Two veth pairs: one from here to NATS, with addresses, and one for the traffic that is measured.
link=nsd$$
network=169.254.$(($$ % 254 + 1))
ip link add "$link" type veth peer name up0 netns "$namespace" 2>"$work/error" || die "no veth pair here: $(<"$work/error")"
ip address add "$network.1/30" dev "$link"
ip link set "$link" up
# shellcheck disable=SC2016
"${inside[@]}" bash -ec '
  ip link set lo up
  ip address add "$1.2/30" dev up0
  ip link set up0 up
  ip link add demo0 type veth peer name wire0
  for interface in demo0 wire0; do
    ethtool -K "$interface" gro off gso off tso off
    echo 1 >"/proc/sys/net/ipv6/conf/$interface/disable_ipv6"  # the kernel says nothing of its own accord
    ip link set "$interface" up
  done' bash "$network" >"$work/error" 2>&1 || die "the namespace's interfaces cannot be set up: $(tail -n 1 "$work/error")"

printf 'listen: "0.0.0.0:4222"\njetstream { store_dir: "%s/nats" }\n' "$work" >"$work/nats.conf"
start nats-server "${inside[@]}" nats-server -c "$work/nats.conf"
wait_for nats-server "its greeting" timeout 2 bash -c "read -r _ </dev/tcp/$network.2/4222"

start ns-engine "$build/app/ns-engine/ns-engine" --nats "nats://$network.2:4222" --site "$site" \
  --store "sqlite:$work/flows.db" --http 127.0.0.1:0
wait_for ns-engine "its address" grep "engine: listening on http" "$work/ns-engine.log"
url=$(grep -oE 'http://127\.0\.0\.1:[0-9]+' "$work/ns-engine.log" | head -n 1)
query() { "$build/app/ns-query/ns-query" --url "$url" "$@"; }

start ns-probe "${inside[@]}" "$build/app/ns-probe/ns-probe" -i demo0 -p 1s --nats nats://127.0.0.1:4222 \
  --site "$site" --probe-id demo --share-cpus
has_epochs() { [[ $(query probes --format json | grep -oE '"epochs":[0-9]+' | head -n 1 | cut -d: -f2) -ge $1 ]]; }
wait_for ns-probe "its first period" has_epochs 1

start tcpreplay "${inside[@]}" tcpreplay --quiet --intf1=wire0 --loop=0 --pps=2000 "$capture"
has_traffic() { query top --format json | grep -q '"src_ip"'; }
wait_for tcpreplay "a period with its packets" has_traffic

echo "[4/4] a few seconds of measurement" >&2
epochs=$(query probes --format json | grep -oE '"epochs":[0-9]+' | head -n 1 | cut -d: -f2)
wait_for tcpreplay "measurement" has_epochs $((epochs + 4))
query top --limit 10
if ! $keep; then
  echo "The page with the live view was on $url/ - with --keep it stays there."
  exit
fi
echo "The page: $url/ - until Ctrl-C"
while sleep 0.5; do
  for pid in "${pids[@]}"; do
    kill -0 "$pid" 2>/dev/null || die "a program ended of its own accord: $(tail -qn 1 "$work"/*.log | paste -sd ';')"
  done
done
