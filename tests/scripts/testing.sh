# shellcheck shell=bash
# For tests written in bash: source it, then one check per promise. Prints "ok NAME" or "FAIL NAME" for each.
# $work is an empty folder, removed at the end; the test's exit status is 1 if a check failed.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
export root
work=$(mktemp -d "${TMPDIR:-/tmp}/netspectra-test.XXXXXX")
failures=0
trap 'rm -rf "$work"; [[ $failures -eq 0 ]] || exit 1' EXIT

# run COMMAND...: its exit status, standard output and standard error are then in $status, $out and $err.
run() {
  status=0
  "$@" >"$work/.out" 2>"$work/.err" </dev/null || status=$?
  out=$(<"$work/.out")
  err=$(<"$work/.err")
}

# check NAME CONDITION...: CONDITION is a command that holds or not.
check() {
  local name
  name="$(basename "${BASH_SOURCE[1]}" .sh): $1"
  shift
  if "$@"; then
    echo "ok $name"
  else
    echo "FAIL $name"
    printf '    %s\n' "condition: $*" "status: $status" "stdout: $out" "stderr: $err"
    failures=$((failures + 1))
  fi
}

# Conditions.
ended() { [[ $status -eq $1 ]]; }                                           # the exit status is $1
says() { [[ $out == *"$1"* ]]; }                                            # standard output contains $1
complains() { [[ $status -ne 0 && $err == *"$1"* && $err != *$'\n'* ]]; }   # failed, with one line that contains $1
holds() { [[ $(<"$1") == "$2" ]]; }                                         # file $1 contains $2, exactly
silent() { [[ -z $out && -z $err ]]; }
