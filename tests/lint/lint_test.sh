#!/usr/bin/env bash
# Each lint check must be able to fail: a small tree with one fault of each kind.
set -uo pipefail
# shellcheck source=../scripts/testing.sh
source "$(dirname "${BASH_SOURCE[0]}")/../scripts/testing.sh"

tree=$work/tree
fresh_tree() {
  rm -rf "$tree"
  mkdir -p "$tree/scripts" "$tree/tests/lint" "$tree/lib/base" "$tree/lib/packet"
  cp "$root/scripts/lint.sh" "$root/scripts/layers.txt" "$tree/scripts/"
  cp "$root/tests/lint/layers.py" "$tree/tests/lint/"
  cp "$root/.clang-format" "$tree/"
  printf '#pragma once\n#include <cstdint>\ninline uint32_t one() { return 1; }\n' >"$tree/lib/base/one.h"
}

# catches NAME TEXT: only the check NAME fails, and its details contain TEXT.
catches() {
  run "$tree/scripts/lint.sh"
  check "$1: fails" says "FAIL lint: $1"
  check "$1: says what" says "$2"
  check "$1: no other check fails" [ "$(grep -c '^FAIL' <<<"$out")" -eq 1 ]
  check "$1: exit status" ended 1
}

fresh_tree
run "$tree/scripts/lint.sh"
check "a clean tree passes" ended 0
check "a clean tree fails nothing" [ "$(grep -c '^FAIL' <<<"$out")" -eq 0 ]

fresh_tree
printf '#pragma once\ninline int two( ) {return 2;}\n' >"$tree/lib/base/two.h"
catches "layout (clang-format)" "two.h:2"

fresh_tree
printf '#pragma once\n#include "packet/two.h"\n' >"$tree/lib/base/two.h"
printf '#pragma once\n' >"$tree/lib/packet/two.h"
catches "layers (scripts/layers.txt)" "lib/base/two.h:2: room 'base' may not include room 'packet'"

fresh_tree
printf '#pragma once\ninline std::string two() { return "2"; }\n' >"$tree/lib/base/two.h"
catches "every header of lib/ compiles alone" "base/two.h"

fresh_tree
# shellcheck disable=SC2016 # the fault is the text itself
printf '#!/usr/bin/env bash\nrm $1\n' >"$tree/scripts/two.sh"
catches "shell scripts: shellcheck" "SC2086"

fresh_tree
for ((i = 0; i < 451; i++)); do echo "int line_$i;"; done >"$tree/lib/base/two.cc"
catches "no file of lib/ or app/ has over 450 lines" "lib/base/two.cc: 451 lines"

fresh_tree
printf 'A line with a blank at its end. \n' >"$tree/README.md"
catches "no tabs and no blanks at line ends" "README.md:1"

run "$tree/scripts/lint.sh" --nonsense
check "an unknown option is wrong usage" ended 2
check "an unknown option is named" complains "--nonsense"
