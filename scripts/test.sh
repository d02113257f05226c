#!/usr/bin/env bash
# The whole test command: builds, lints and runs every test, then says how many passed.
set -uo pipefail

usage() {
  cat <<'HELP'
usage: scripts/test.sh [--quick]
Installs what is missing, builds the release build (build/ci-release) and the build with address and
undefined-behaviour sanitizers (build/ci-asan), and runs the lint checks, the tests of the scripts and
all tests of both builds. A stage that fails shows its log; the other stages still run.
  --quick  without the sanitizer build
  --help   this text
The last line is "N passed, N failed"; exit status 1 if any failed, 2 for wrong usage.
HELP
}

quick=false
for argument in "$@"; do
  case "$argument" in
    --quick) quick=true ;;
    --help | -h) usage; exit 0 ;;
    *) echo "test: unknown argument '$argument' (see --help)" >&2; exit 2 ;;
  esac
done

cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
exec </dev/null
mkdir -p build
logs=$(mktemp -d "${TMPDIR:-/tmp}/netspectra-test.XXXXXX")
trap 'rm -rf "$logs"' EXIT
passed=0
failed=0

heading() { printf '\n== %s (at %d s)\n' "$1" "$SECONDS"; }

# A step that is no test of its own: it counts only when it fails.
must() {
  local name=$1
  shift
  "$@" >"$logs/must" 2>&1 && return
  tail -n 60 "$logs/must"
  echo "FAIL $name"
  failed=$((failed + 1))
  return 1
}

# A command that prints one line "ok ..." or "FAIL ..." for each of its cases.
cases_of() {
  local good bad
  "$@" 2>&1 | tee "$logs/cases"
  local status=${PIPESTATUS[0]}
  good=$(grep -c '^ok ' "$logs/cases")
  bad=$(grep -c '^FAIL ' "$logs/cases")
  if [[ $bad -eq 0 && ($status -ne 0 || $good -eq 0) ]]; then
    echo "FAIL $1: exit status $status after $good cases"
    bad=1
  fi
  passed=$((passed + good))
  failed=$((failed + bad))
}

# build FOLDER MESON_OPTION...
build() {
  local folder=$1 again=()
  shift
  [[ -f $folder/build.ninja ]] && again=(--reconfigure)
  must "configure $folder" meson setup "${again[@]}" "$@" "$folder" && must "build $folder" ninja -C "$folder"
}

# run_tests FOLDER MESON_TEST_OPTION...
run_tests() {
  local folder=$1 good bad skipped status=0
  shift
  # What an earlier run reported must not speak for a program that now crashes.
  rm -f "$folder"/*.xml "$folder"/meson-logs/testlog*
  meson test -C "$folder" --no-rebuild --print-errorlogs "$@" || status=$?
  if ! read -r good bad skipped < <(python3 scripts/count_tests.py "$folder"); then
    good=0 bad=0 skipped=0
  fi
  if [[ $bad -eq 0 && ($status -ne 0 || $good -eq 0) ]]; then
    echo "FAIL meson test in $folder: exit status $status after $good cases"
    bad=1
  fi
  echo "$folder: $good passed, $bad failed, $skipped skipped"
  passed=$((passed + good))
  failed=$((failed + bad))
}

heading "packages"
must "packages" scripts/install-deps.sh build test

heading "lint"
cases_of scripts/lint.sh

heading "release build"
build build/ci-release --buildtype=release && run_tests build/ci-release

heading "tests of the scripts"
for script in tests/scripts/*_test.sh tests/lint/*_test.sh; do
  BUILD=$PWD/build/ci-release cases_of "$script"
done

if ! $quick; then
  heading "build with sanitizers"
  # Warnings are the release build's business: GCC's flow warnings misjudge instrumented code.
  export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_stack_use_after_return=1}
  export UBSAN_OPTIONS=${UBSAN_OPTIONS:-halt_on_error=1:print_stacktrace=1}
  # Line numbers are all that a report needs; whole debug information takes a quarter of the build's time.
  build build/ci-asan --buildtype=plain -Doptimization=1 -Dwerror=false -Db_lundef=false \
    -Db_sanitize=address,undefined '-Dcpp_args=-D_GLIBCXX_ASSERTIONS -g1' &&
    run_tests build/ci-asan --timeout-multiplier 4
fi

printf '\ntook %d s\n' "$SECONDS"
echo "$passed passed, $failed failed"
[[ $failed -eq 0 ]]
