#!/usr/bin/env bash
# scripts/bench.sh in a tree whose path has blanks, with stand-ins for the packages, meson, ninja and the measurement.
set -uo pipefail
# shellcheck source=testing.sh
source "$(dirname "${BASH_SOURCE[0]}")/testing.sh"

tree="$work/a fresh tree"
export CALLS=$work/calls TMPDIR=$work/scratch
mkdir -p "$tree/scripts" "$tree/bench" "$work/bin" "$TMPDIR"
cp "$root/scripts/bench.sh" "$tree/scripts/"

stand_in() { { echo '#!/usr/bin/env bash'; cat; } >"$1" && chmod +x "$1"; }
stand_in "$tree/scripts/install-deps.sh" <<'END'
echo "install-deps $*" >>"$CALLS"
END
# meson setup --buildtype=release FOLDER SOURCE, or meson setup --reconfigure FOLDER SOURCE
stand_in "$work/bin/meson" <<'END'
echo "meson $2 $(basename "$3")" >>"$CALLS"
mkdir -p "$3/meson-info" && touch "$3/build.ninja"
echo '[{"name": "buildtype", "value": "release"}, {"name": "b_sanitize", "value": "none"}]' \
  >"$3/meson-info/intro-buildoptions.json"
[[ $2 != --reconfigure ]] || touch "$3/has-ns-bench"
END
# ninja -C FOLDER -t query TARGET, or ninja -C FOLDER TARGET...
stand_in "$work/bin/ninja" <<'END'
[[ $3 != -t ]] || { [[ -f $2/has-ns-bench ]]; exit; }
echo "ninja ${*:3}" >>"$CALLS"
[[ -z $BUILD_FAILS ]] || { echo "error: a type is missing"; exit 1; }
END
cat >"$tree/bench/bench.py" <<'END'
import os, pathlib, sys
words = sys.argv[1:]
folder = pathlib.Path(words[words.index("--build") + 1])
load = words.index("--load-average")
assert all(float(word) >= 0 for word in words[load + 1:load + 4]), words
print("measured", folder.name, *words[load + 4:])
sys.exit(int(os.environ["BENCH_STATUS"]))
END

bench() {
  : >"$CALLS"
  run env PATH="$work/bin:$PATH" BUILD_FAILS="${build_fails:-}" BENCH_STATUS="${bench_status:-0}" \
    "$tree/scripts/bench.sh" "$@"
}

build_fails=yes bench
check "a failed build fails" ended 1
check "a failed build shows its log's end" grep -q "error: a type is missing" <<<"$err"
check "a failed build leaves its log" grep -rq "a type is missing" "$TMPDIR"
rm -rf "${TMPDIR:?}"/* "$tree/build"

bench
check "a fresh tree is measured" ended 0
check "only the measurement writes to standard output" [ "$out" = "measured build" ]
check "the packages of two groups are installed" grep -qx "install-deps build bench" "$CALLS"
check "the build is a release build" grep -qx -- "meson --buildtype=release build" "$CALLS"
check "the programs are built" \
  grep -qx "ninja app/pcap-analyzer/pcap-analyzer app/ns-engine/ns-engine bench/ns-bench bench/engine-load bench/pmd-floor bench/core-check bench/generate-capture" "$CALLS"
check "no log is left" [ -z "$(ls "$TMPDIR")" ]

bench --quick --strict --json "$work/a result.json" --markdown "$work/table.md"
check "options are passed on" \
  [ "$out" = "measured build --quick --strict --json $work/a result.json --markdown $work/table.md" ]
check "a configured release build is used again" [ "$(grep -c meson "$CALLS")" -eq 0 ]

rm "$tree/build/has-ns-bench"
bench
check "a build from before Google Benchmark is configured again" grep -qx -- "meson --reconfigure build" "$CALLS"

sed -i 's/"none"/"address"/' "$tree/build/meson-info/intro-buildoptions.json"
bench
check "a sanitizer build is not measured" [ "$out" = "measured build-bench" ]

bench_status=1 bench
check "the measurement's exit status is passed on" ended 1

bench --json "$work/no such folder/x.json"
check "a file that cannot be written fails" ended 1
check "a file that cannot be written is found before the build" [ ! -s "$CALLS" ]
bench --json
check "an option without its file is wrong usage" ended 2
bench --nonsense
check "an unknown option is wrong usage" ended 2
bench --help
check "help succeeds" ended 0
