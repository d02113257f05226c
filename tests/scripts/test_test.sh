#!/usr/bin/env bash
# scripts/test.sh over a small project whose results are known: it must count right and hide nothing.
set -uo pipefail
# shellcheck source=testing.sh
source "$(dirname "${BASH_SOURCE[0]}")/testing.sh"

tree=$work/tree
mkdir -p "$tree/scripts" "$tree/tests/scripts" "$tree/tests/lint"
cp "$root/scripts/test.sh" "$root/scripts/count_tests.py" "$tree/scripts/"

stand_in() { { echo '#!/usr/bin/env bash'; cat; } >"$1" && chmod +x "$1"; }
last_line() { [[ ${out##*$'\n'} == "$1" ]]; }

stand_in "$tree/scripts/install-deps.sh" <<<':'
stand_in "$tree/scripts/lint.sh" <<<'echo "ok lint: one"; echo "ok lint: two"'
stand_in "$tree/tests/scripts/a_test.sh" <<<'echo "ok a"'
stand_in "$tree/tests/lint/b_test.sh" <<<'echo "ok b"'
cat >"$tree/good.cc" <<'END'
#include <gtest/gtest.h>
TEST(A, One) {}
TEST(A, Two) {}
TEST(B, Three) { GTEST_SKIP(); }
END
cat >"$tree/meson.build" <<'END'
project('netspectra', 'cpp')
gtest = dependency('gtest_main')
test('good', executable('good', 'good.cc', dependencies: gtest), protocol: 'gtest', suite: 'unit')
test('plain', find_program('true'))
END

run "$tree/scripts/test.sh" --quick
check "all passed: succeeds" ended 0
check "all passed: lint, scripts and each case are counted" last_line "7 passed, 0 failed"

# One more of each way to fail.
cat >"$tree/mixed.cc" <<'END'
#include <gtest/gtest.h>
TEST(A, One) {}
TEST(A, Two) { FAIL() << "the reason"; }
TEST(A, Three) { ADD_FAILURE(); }
END
cat >"$tree/crash.cc" <<'END'
#include <gtest/gtest.h>
TEST(A, One) {}
TEST(A, Two) { abort(); }
END
cat >"$tree/overflow.cc" <<'END'
#include <climits>
int main(int count, char**) { volatile int value = INT_MAX; value = value + count; }
END
cat >>"$tree/meson.build" <<'END'
test('mixed', executable('mixed', 'mixed.cc', dependencies: gtest), protocol: 'gtest')
test('crash', executable('crash', 'crash.cc', dependencies: gtest), protocol: 'gtest')
test('overflow', executable('overflow', 'overflow.cc'))
test('slow', find_program('sleep'), args: ['9'], timeout: 1)
END
stand_in "$tree/scripts/lint.sh" <<<'echo "ok lint: one"; echo "FAIL lint: two"; exit 1'
stand_in "$tree/tests/lint/b_test.sh" <<<'echo "ok b"; exit 3'

run "$tree/scripts/test.sh"
check "failures: exit status" ended 1
check "failures: the reason is shown" says "the reason"
check "failures: the script that ended badly is named" says "FAIL tests/lint/b_test.sh: exit status 3"
# good 2, plain, mixed 1, overflow; failed: mixed 2, crash, slow.
check "failures: the release build's cases" says "build/ci-release: 5 passed, 4 failed, 1 skipped"
check "failures: the sanitizers find what the release build does not" says "build/ci-asan: 4 passed, 5 failed, 1 skipped"
# Passed beside these: one lint check, a, b. Failed: one lint check, b's status.
check "failures: the last line" last_line "12 passed, 11 failed"

echo 'not C++' >"$tree/good.cc"
stand_in "$tree/scripts/install-deps.sh" <<<'echo "install-deps: no archive"; exit 1'
run "$tree/scripts/test.sh" --quick
check "a broken build: exit status" ended 1
check "a broken build: the compiler's words are shown" says "good.cc:1"
check "a broken build: failed packages are shown" says "install-deps: no archive"
check "a broken build: the other stages ran and are counted" last_line "3 passed, 4 failed"

run "$tree/scripts/test.sh" --nonsense
check "an unknown option is wrong usage" ended 2
