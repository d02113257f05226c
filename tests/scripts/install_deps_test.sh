#!/usr/bin/env bash
# scripts/install-deps.sh with stand-ins for Debian's tools: what is installed is a list in a file.
set -uo pipefail
# shellcheck source=testing.sh
source "$(dirname "${BASH_SOURCE[0]}")/testing.sh"

export INSTALLED=$work/installed CALLS=$work/calls
bin=$work/bin
mkdir "$bin"
chmod a+rx "$work" "$bin"

# stand_in NAME: a program made of the lines on standard input.
stand_in() { { echo '#!/usr/bin/env bash'; cat; } >"$bin/$1" && chmod a+rx "$bin/$1"; }

stand_in dpkg-query <<'END'
if grep -qx "${!#}" "$INSTALLED"; then echo -n installed; else exit 1; fi
END
stand_in apt-get <<'END'
echo "apt-get $DEBIAN_FRONTEND $*" >>"$CALLS"
[[ $1 != "$BROKEN" ]] || { echo "E: the archive is out of reach"; exit 100; }
END
stand_in sudo <<'END'
[[ $SUDO_WORKS == yes ]] || { echo "sudo: a password is required" >&2; exit 1; }
[[ $1 != -n ]] || exit 0
echo sudo >>"$CALLS"
exec "$@"
END

# install USER ARGUMENT...: as root, if we are, or as somebody else. The script goes in as text: another user may not
# reach the checkout.
install() {
  local user=$1 as=()
  shift
  [[ $user == root || $EUID -ne 0 ]] || as=(setpriv --reuid 65534 --regid 65534 --clear-groups)
  : >"$CALLS"
  chmod a+rw "$CALLS" "$INSTALLED"
  run "${as[@]}" env PATH="$bin:/usr/bin:/bin" BROKEN="${broken:-}" SUDO_WORKS="${sudo_works:-no}" TMPDIR="$scratch" \
    bash -c "$(<"$root/scripts/install-deps.sh")" install-deps.sh "$@"
}
scratch=$work/scratch
mkdir -m 777 "$scratch"

sed -nE 's/^(build|test) +([^ ]+) .*/\2/p' "$root/scripts/install-deps.sh" >"$INSTALLED"
check "the list has packages" [ "$(wc -l <"$INSTALLED")" -gt 10 ]
install user build test
check "nothing missing: succeeds without root" ended 0
check "nothing missing: says nothing" silent
check "nothing missing: asks the archive nothing" [ ! -s "$CALLS" ]

sed -i '/^meson$/d; /^shellcheck$/d' "$INSTALLED"
install user --dry-run
check "a dry run needs no root" ended 0
check "a dry run prints the command" [ "$out" = "apt-get update && apt-get install --yes --no-install-recommends meson" ]
check "a dry run installs nothing" [ ! -s "$CALLS" ]
install user --dry-run build test
check "groups add up" says "--no-install-recommends meson shellcheck"

install user build
check "without root and without sudo: fails" ended 1
check "without root and without sudo: one line with the command" \
  complains "as root, run: apt-get update && apt-get install --yes --no-install-recommends meson"
check "without root and without sudo: nothing is run" [ ! -s "$CALLS" ]

sudo_works=yes install user build
check "with sudo: succeeds" ended 0
check "with sudo: only what is missing is installed" grep -q 'noninteractive install .* meson -q' "$CALLS"
check "with sudo: sudo is used" grep -qx sudo "$CALLS"

# As root directly where the test runs as root, through sudo elsewhere.
sudo_works=yes install root build
check "as root: succeeds" ended 0
check "as root: the archive is asked before the installation" \
  [ "$(grep -o 'noninteractive [a-z]*' "$CALLS" | paste -sd ' ')" = "noninteractive update noninteractive install" ]
check "as root: leaves no log" [ -z "$(ls "$scratch")" ]

broken=update sudo_works=yes install root build
check "an archive out of reach fails" ended 1
check "an archive out of reach: shows apt's words" grep -q "E: the archive is out of reach" <<<"$err"
check "an archive out of reach: names the step and the log" grep -q "'apt-get update' failed (.*$scratch" <<<"$err"
check "an archive out of reach: installs nothing" [ "$(grep -c ' install ' "$CALLS")" -eq 0 ]

install user --nonsense
check "an unknown option is wrong usage" ended 2
install user --help
check "help succeeds" ended 0
