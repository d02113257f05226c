#!/usr/bin/env bash
# scripts/quickstart.sh in a tree whose path has blanks, with stand-ins for the packages, meson, ninja and the program.
set -uo pipefail
# shellcheck source=testing.sh
source "$(dirname "${BASH_SOURCE[0]}")/testing.sh"

tree="$work/a fresh tree"
export CALLS=$work/calls TMPDIR=$work/scratch
mkdir -p "$tree/scripts" "$tree/tests/captures" "$work/bin" "$TMPDIR" "$work/else where"
cp "$root/scripts/quickstart.sh" "$tree/scripts/"
echo sample >"$tree/tests/captures/sample.pcap"
echo mine >"$work/else where/my capture.pcap"

stand_in() { { echo '#!/usr/bin/env bash'; cat; } >"$1" && chmod +x "$1"; }
stand_in "$tree/scripts/install-deps.sh" <<'END'
echo "install-deps $*" >>"$CALLS"
END
# meson setup --buildtype=release FOLDER SOURCE
stand_in "$work/bin/meson" <<'END'
echo "meson $2" >>"$CALLS"
[[ -z $MESON_FAILS ]] || { echo "ERROR: Dependency lookup failed"; exit 1; }
mkdir -p "$3" && touch "$3/build.ninja"
END
# ninja -C FOLDER TARGET
stand_in "$work/bin/ninja" <<'END'
echo "ninja $3" >>"$CALLS"
mkdir -p "$(dirname "$2/$3")"
printf '#!/usr/bin/env bash\necho "measured $(cat "$1")"\nexit $PROGRAM_STATUS\n' >"$2/$3"
chmod +x "$2/$3"
END

quickstart() {
  : >"$CALLS"
  run env PATH="$work/bin:$PATH" MESON_FAILS="${meson_fails:-}" PROGRAM_STATUS="${program_status:-0}" \
    "$tree/scripts/quickstart.sh" "$@"
}

cd "$work/else where" || exit 1
quickstart "missing.pcap"
check "a missing capture fails" ended 1
check "a missing capture is named" complains "missing.pcap: no such file"
check "a missing capture is found before the build" [ ! -s "$CALLS" ]
quickstart .
check "a folder is refused" complains ".: not a file"

meson_fails=yes quickstart
check "a failed build fails" ended 1
check "a failed build shows its log's end" grep -q "ERROR: Dependency lookup failed" <<<"$err"
check "a failed build names its log" grep -q "failed at 'meson' (all of its output: $TMPDIR/" <<<"$err"
check "a failed build leaves its log" grep -rq "Dependency lookup failed" "$TMPDIR"
rm -f "$TMPDIR"/*

quickstart
check "the sample is measured" ended 0
check "only the program writes to standard output" [ "$out" = "measured sample" ]
check "three steps are announced" [ "$(grep -cE '^\[[123]/3\] ' <<<"$err")" -eq 3 ]
check "only the build group is installed" grep -qx "install-deps build" "$CALLS"
check "the build is a release build" grep -qx -- "meson --buildtype=release" "$CALLS"
check "only the program is built" grep -qx "ninja app/pcap-analyzer/pcap-analyzer" "$CALLS"
check "no log is left" [ -z "$(ls "$TMPDIR")" ]

quickstart "my capture.pcap"
check "a capture relative to the caller's folder is measured" [ "$out" = "measured mine" ]
check "a configured build is not configured again" [ "$(grep -c meson "$CALLS")" -eq 0 ]

program_status=1 quickstart
check "the program's exit status is passed on" ended 1

quickstart one two
check "two captures are wrong usage" ended 2
quickstart --nonsense
check "an unknown option is wrong usage" ended 2
quickstart --help
check "help succeeds" ended 0
