#!/usr/bin/env bash
# scripts/live-demo.sh in a tree whose path has blanks, with stand-ins for the packages and ninja: the programs are those of
# the build. As root, the demo runs for real: to its end, until Ctrl-C, and into failures.
set -uo pipefail
# shellcheck source=testing.sh
source "$(dirname "${BASH_SOURCE[0]}")/testing.sh"

programs=${BUILD:-$root/build}/app
tree="$work/a fresh tree"
export CALLS=$work/calls TMPDIR=$work/scratch
mkdir -p "$tree/scripts" "$tree/tests/captures" "$tree/build" "$work/bin" "$TMPDIR"
chmod -R a+rX "$work"
cp "$root/scripts/live-demo.sh" "$tree/scripts/"
cp "$root/tests/captures/sample.pcap" "$tree/tests/captures/"

stand_in() { { echo '#!/usr/bin/env bash'; cat; } >"$1" && chmod a+rx "$1"; }
stand_in "$tree/scripts/install-deps.sh" <<'END_OF_IT'
echo "install-deps $*" >>"$CALLS"
END_OF_IT
stand_in "$work/bin/ninja" <<'END_OF_IT'
echo "ninja ${*:3}" >>"$CALLS"
[[ -z ${BUILD_FAILS:-} ]] || { echo "error: a type is missing"; exit 1; }
END_OF_IT
stand_in "$work/bin/meson" <<'END_OF_IT'
echo "meson $2" >>"$CALLS"
touch "$3/build.ninja"
END_OF_IT

# The demo, which ends in good order when this test is killed.
demo() {
  : >"$CALLS"
  run setpriv --pdeathsig TERM env PATH="$work/bin:$PATH" "$tree/scripts/live-demo.sh" "$@"
}
links() { ip -o link show | cut -d: -f2; }
# Nothing of a demo is left: no file, no process, no interface. The kernel takes its time over the last.
nothing_left() {
  local end=$((SECONDS + 30))
  until [[ -z $(ls -A "$TMPDIR") && $(links) == "$links_before" ]] && ! pgrep -f "$TMPDIR|site demo-" >/dev/null; do
    ((SECONDS < end)) || return 1
    sleep 0.1
  done
}

demo --help
check "help succeeds" ended 0
check "help needs no root and starts nothing" [ ! -s "$CALLS" ]
demo --nonsense
check "an unknown option is wrong usage" ended 2
check "an unknown option is named" complains "unknown argument '--nonsense'"
if [[ $EUID -eq 0 ]]; then
  run setpriv --reuid 65534 --regid 65534 --clear-groups bash -c "$(<"$root/scripts/live-demo.sh")" "$tree/scripts/live-demo.sh"
else
  demo
fi
check "without root: one line that says so" complains "needs root, for a network namespace of its own"

missing=$(for tool in ip ethtool tcpreplay nats-server unshare nsenter pgrep; do command -v "$tool" >/dev/null || echo "$tool"; done)
if [[ $EUID -ne 0 || -n $missing ]] || ! unshare --net true || [[ ! -x $programs/ns-query/ns-query ]]; then
  echo "not run: the demo itself, which needs root, network namespaces, the programs${missing:+, $missing}"
  exit
fi
links_before=$(links)

stand_in "$work/bin/unshare" <<'END_OF_IT'
echo "unshare: unshare failed: Operation not permitted" >&2
exit 1
END_OF_IT
demo
check "without namespaces: one line that says so" grep -q "^live-demo: no network namespace here: .*not permitted" <<<"$err"
check "without namespaces: fails" ended 1
rm "$work/bin/unshare"
BUILD_FAILS=yes demo
check "a failed build shows its end and fails" grep -q "error: a type is missing" <<<"$err"
check "a failed build leaves nothing" nothing_left

ln -s "$programs" "$tree/build/app"
demo
check "the demo succeeds" ended 0
check "it shows flows of the capture" grep -qE "192\.0\.2\.[12] .* TCP " <<<"$out"
check "it shows the ledger beneath" grep -qE "^ +received +[0-9,]{4,} packets" <<<"$out"
check "it says where the page is" grep -qE "page .*http://127\.0\.0\.1:[0-9]+/" <<<"$out"
check "packages are installed and the programs built first" \
  holds "$CALLS" $'install-deps build demo\nninja app/ns-probe/ns-probe app/ns-engine/ns-engine app/ns-query/ns-query'
check "it leaves nothing" nothing_left

# Of a background process bash has Ctrl-C ignored, unless there is job control.
set -m
# begin WHAT FILE: the demo with --keep, in the background, until it has said WHAT.
begin() {
  setpriv --pdeathsig TERM env --default-signal=INT PATH="$work/bin:$PATH" "$tree/scripts/live-demo.sh" --keep >"$work/out" 2>"$work/err" </dev/null &
  pid=$!
  local end=$((SECONDS + 60))
  until grep -qF "$1" "$work/$2" || ! kill -0 "$pid" || ((SECONDS >= end)); do sleep 0.1; done
}
end_with() {
  kill "-$1" "$pid"
  run wait "$pid" 2>/dev/null
}

begin "The page: " out
url=$(grep -oE "http://127\.0\.0\.1:[0-9]+/" "$work/out")
page=$(python3 -c 'import sys, urllib.request; print(urllib.request.urlopen(sys.argv[1], timeout=30).status)' "$url")
check "with --keep the page is served" [ "$page" = 200 ]
end_with INT
check "Ctrl-C ends it" ended 130
check "Ctrl-C leaves nothing" nothing_left
begin "[3/4]" err
end_with TERM
check "SIGTERM amid the start ends it" ended 143
check "SIGTERM amid the start leaves nothing" nothing_left

stand_in "$work/bin/tcpreplay" <<'END_OF_IT'
echo "tcpreplay: out of order"
exit 1
END_OF_IT
demo
check "a program that fails is named, with its last words" grep -q "tcpreplay: out of order" <<<"$err"
check "a program that fails fails the demo" ended 1
check "a program that fails leaves nothing" nothing_left
