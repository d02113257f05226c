#!/usr/bin/env bash
# Checks the sources without running them: one line "ok NAME" or "FAIL NAME" per check, and the details of a failure.
set -uo pipefail

usage() {
  cat <<'HELP'
usage: scripts/lint.sh [--tidy]
  --tidy  also run clang-tidy, which takes minutes; needs a configured build/ci-release or build
  --help  this text
Exit status: 0 all checks passed, 1 not, 2 wrong usage.
HELP
}

tidy=false
for argument in "$@"; do
  case "$argument" in
    --tidy) tidy=true ;;
    --help | -h) usage; exit 0 ;;
    *) echo "lint: unknown argument '$argument' (see --help)" >&2; exit 2 ;;
  esac
done

cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
failures=0

# check NAME COMMAND...: the command prints what is wrong and exits with a status other than 0.
check() {
  local name=$1 details
  shift
  if details=$("$@" 2>&1); then
    echo "ok lint: $name"
  else
    echo "FAIL lint: $name"
    printf '%s\n' "$details" | head -n 80 | sed 's/^/    /'
    failures=$((failures + 1))
  fi
}

# Files below folders of which some may not exist: files FOLDER... -- FIND_TEST...
files() {
  local folders=()
  while [[ $1 != -- ]]; do
    [[ -e $1 ]] && folders+=("$1")
    shift
  done
  shift
  [[ ${#folders[@]} -eq 0 ]] || find "${folders[@]}" -type f \( "$@" \) -print0 | sort -z
}

cxx_files() { files "$@" -- -name '*.cc' -o -name '*.h'; }

layout() { cxx_files lib app tests bench | xargs -0 -r clang-format-14 --dry-run -Werror; }

# Those that no source begins with: the build has compiled the others alone.
unproven_headers() {
  local header source
  while IFS= read -r -d '' header; do
    source=${header%.h}.cc
    [[ -f $source && $(grep -m 1 '^#include' "$source") == "#include \"${header#lib/}\"" ]] || printf '%s\0' "${header#lib/}"
  done < <(files lib -- -name '*.h')
}

headers_alone() {
  local dependencies flags
  # Other people's headers as system headers: their warnings are not ours. DPDK's own -march is left out.
  dependencies=$(pkg-config --cflags libdpdk absl_status absl_statusor absl_strings absl_str_format \
    absl_flat_hash_map yaml-cpp libpcap) || return
  read -ra flags < <(sed -E 's/-march=[^ ]+//; s/-I */-isystem /g' <<<"$dependencies")
  unproven_headers |
    xargs -0 -r -n 1 -P "$(nproc)" "${CXX:-g++}" -std=c++20 -fsyntax-only -Wall -Wextra -Wpedantic -Werror \
      -march=x86-64-v2 -maes -Ilib "${flags[@]}" -x c++ /dev/null -include
}

shell_files() { files scripts tests bench .ci -- -name '*.sh' -o -path '.ci/run'; }

shell_syntax() { shell_files | xargs -0 -r -n 1 bash -n; }

shell_check() { shell_files | xargs -0 -r shellcheck --external-sources --source-path=SCRIPTDIR; }

# A file longer than this does more than one thing.
file_length() {
  cxx_files lib app | xargs -0 -r wc -l | awk '$2 != "total" && $1 > 450 {print $2 ": " $1 " lines"; bad = 1} END {exit bad}'
}

blanks() {
  ! files README.md CONTRIBUTING.md meson.build docs scripts lib app tests bench proto drivers-config .ci -- \
    -name '*.cc' -o -name '*.h' -o -name '*.sh' -o -name '*.py' -o -name '*.md' -o -name '*.yaml' -o -name '*.yml' \
    -o -name '*.fbs' -o -name 'meson.build' | xargs -0 -r grep -nIP '\t|[ \t]+$' /dev/null
}

tidy_all() {
  local folder
  for folder in build/ci-release build; do
    [[ -f $folder/compile_commands.json ]] || continue
    cxx_files lib app | sed -nz '/\.cc$/p' | xargs -0 -r -n 1 -P "$(nproc)" \
      clang-tidy-14 --quiet -p "$folder" --extra-arg=-Wno-unknown-warning-option
    return
  done
  echo "no compile_commands.json: configure a build first (meson setup build)"
  return 1
}

check "layout (clang-format)" layout
check "layers (scripts/layers.txt)" python3 tests/lint/layers.py
check "every header of lib/ compiles alone" headers_alone
check "shell scripts: syntax" shell_syntax
check "shell scripts: shellcheck" shell_check
check "no file of lib/ or app/ has over 450 lines" file_length
check "no tabs and no blanks at line ends" blanks
if $tidy; then check "clang-tidy" tidy_all; fi
[[ $failures -eq 0 ]]
