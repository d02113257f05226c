#!/usr/bin/env bash
# scripts/hugepages.sh over a sysfs tree of the test's own: two NUMA nodes with 2M pages, 1G pages if asked for.
# A plain file grants every page; a FIFO with a small kernel behind it grants fewer.
set -uo pipefail
# shellcheck source=testing.sh
source "$(dirname "${BASH_SOURCE[0]}")/testing.sh"

export HUGEPAGES_SYSFS=$work/sys HUGEPAGES_TMPFILES=$work/etc/tmpfiles.d
boot_file=$HUGEPAGES_TMPFILES/netspectra-hugepages.conf
machine=$HUGEPAGES_SYSFS/kernel/mm/hugepages
node1=$HUGEPAGES_SYSFS/devices/system/node/node1/hugepages

hugepages() { run "$root/scripts/hugepages.sh" "$@"; }

# fresh_sysfs KB...: the page sizes that the machine has.
fresh_sysfs() {
  local folder kb
  rm -rf "${HUGEPAGES_SYSFS:?}" "${HUGEPAGES_TMPFILES:?}"
  for folder in "$machine" "${node1/node1/node0}" "$node1"; do
    for kb in "$@"; do
      mkdir -p "$folder/hugepages-${kb}kB"
      for file in nr_hugepages free_hugepages surplus_hugepages; do
        echo 0 >"$folder/hugepages-${kb}kB/$file"
      done
    done
  done
  mkdir -p "$HUGEPAGES_SYSFS/kernel/mm/transparent_hugepage"
  echo 'always [madvise] never' >"$HUGEPAGES_SYSFS/kernel/mm/transparent_hugepage/enabled"
}

# kernel_with POOL PAGES: the next write to a pool ends with that many pages in it.
kernel_with() {
  rm "$1/nr_hugepages"
  mkfifo "$1/nr_hugepages"
  { read -r _ <"$1/nr_hugepages" && echo "$2" >"$1/nr_hugepages"; } &
}

fresh_sysfs 2048 1048576
echo 64 >"$node1/hugepages-2048kB/nr_hugepages"
echo 60 >"$node1/hugepages-2048kB/free_hugepages"
hugepages
check "show is the default" ended 0
check "show has a line per node and size" [ "$(grep -cE '^[01] +(2M|1G) ' <<<"$out")" -eq 4 ]
check "show has total, free and surplus" grep -qE '^1 +2M +64 +60 +0$' <<<"$out"
check "show has the mode of transparent huge pages" says "transparent huge pages: madvise"
check "show has the mounts" says "mounts: "

hugepages reserve --size 2M --count 16
check "reserve without a node is the whole machine's pool" holds "$machine/hugepages-2048kB/nr_hugepages" 16
check "reserve says what was granted" says "16 2M pages"
check "reserve without --persistent writes no file" [ ! -e "$boot_file" ]
hugepages reserve --size 1G --count 3 --node 1
check "reserve takes a node" holds "$node1/hugepages-1048576kB/nr_hugepages" 3
check "reserve names the node" says "3 1G pages on node 1"

hugepages reserve --size 2M --count 99 --dry-run
check "a dry run succeeds" ended 0
check "a dry run says what would be written" says "would write 99 to $machine/hugepages-2048kB/nr_hugepages"
check "a dry run writes nothing" holds "$machine/hugepages-2048kB/nr_hugepages" 16

hugepages release --size 2M
check "release of one size empties it" holds "$machine/hugepages-2048kB/nr_hugepages" 0
check "release of one size leaves the other" holds "$node1/hugepages-1048576kB/nr_hugepages" 3
hugepages release --node 1
check "release of a node empties it" holds "$node1/hugepages-1048576kB/nr_hugepages" 0

fresh_sysfs 2048
kernel_with "$machine/hugepages-2048kB" 9
hugepages reserve --size 2M --count 16
check "a partial grant fails" ended 1
check "a partial grant says how many" complains "9 of 16 2M pages were granted"
check "a partial grant says what to do" complains "compact_memory"
check "a partial grant names the kernel parameter" complains "hugepagesz=2M hugepages=16"
wait

fresh_sysfs 2048
kernel_with "$node1/hugepages-2048kB" 0
hugepages reserve --size 2M --count 4 --node 1
check "an empty grant on a node names the node" complains "0 of 4 2M pages were granted on node 1"
check "the kernel parameter has the node" complains "hugepages=1:4"
wait

fresh_sysfs 2048
kernel_with "$machine/hugepages-2048kB" 5
hugepages release
check "pages in use are not released" ended 1
check "pages in use are counted" complains "5 2M pages are still in use"
wait

fresh_sysfs 2048
hugepages reserve --size 2M --count 4 --node 7
check "a node that is not there fails" ended 1
check "a node that is not there: says which are" complains "no NUMA node 7 (it has: 0 1)"
hugepages reserve --size 1G --count 1
check "a machine without 1G pages fails" ended 1
check "a machine without 1G pages: says what it has" complains "no 1G pages (it has: 2M)"
rm -r "$HUGEPAGES_SYSFS"
hugepages show
check "a kernel without huge pages fails" complains "this kernel has no huge pages"

fresh_sysfs 2048
rm -r "$HUGEPAGES_SYSFS/devices"
echo 8 >"$machine/hugepages-2048kB/nr_hugepages"
hugepages show
check "a kernel without NUMA has one line per size" grep -qE '^- +2M +8 +0 +0$' <<<"$out"
hugepages reserve --size 2M --count 2
check "a kernel without NUMA can reserve" holds "$machine/hugepages-2048kB/nr_hugepages" 2

fresh_sysfs 2048
hugepages reserve --size 2M --count 16 --persistent
check "--persistent writes a tmpfiles line" holds "$boot_file" "w $machine/hugepages-2048kB/nr_hugepages - - - - 16"
hugepages reserve --size 2M --count 32 --persistent
check "a second --persistent replaces the line" holds "$boot_file" "w $machine/hugepages-2048kB/nr_hugepages - - - - 32"
hugepages reserve --size 2M --count 4 --node 1 --persistent
hugepages reserve --size 2M --count 6 --node 0 --persistent
check "nodes have a line each, instead of the machine's" [ "$(wc -l <"$boot_file")" -eq 2 ]
check "the first node's line is kept" grep -q "node1/hugepages/hugepages-2048kB/nr_hugepages - - - - 4" "$boot_file"
hugepages release --node 1 --persistent
check "release --persistent removes the node's line" [ "$(grep -c node1 "$boot_file")" -eq 0 ]
check "release --persistent keeps the other node's line" grep -q "node0/.* 6$" "$boot_file"
hugepages release --persistent
check "release --persistent of everything removes the file" [ ! -e "$boot_file" ]

fresh_sysfs 2048 1048576
hugepages reserve --size 1G --count 2 --persistent
check "1G pages are for the kernel's command line" says "hugepagesz=1G hugepages=2"
check "1G pages have no tmpfiles line" [ ! -e "$boot_file" ]

# Another user may not reach the checkout, so the script goes in as text.
as_user=()
[[ $EUID -ne 0 ]] || as_user=(setpriv --reuid 65534 --regid 65534 --clear-groups)
chmod -R a+rX,a-w "$HUGEPAGES_SYSFS" && chmod a+x "$work"
run "${as_user[@]}" bash -c "$(<"$root/scripts/hugepages.sh")" hugepages.sh reserve --size 2M --count 1
check "without root: fails" ended 1
check "without root: says what it needs" complains "can be written by root only: run this with sudo"
chmod -R u+w "$HUGEPAGES_SYSFS"

hugepages reserve --size 2M
check "reserve without a count is wrong usage" ended 2
hugepages reserve --size 2X --count 1
check "a bad size is wrong usage" ended 2
check "a bad size is named" complains "'2X'"
hugepages reserve --size 2M --count -3
check "a bad count is wrong usage" ended 2
hugepages reserve --size 2M --count 1 --node
check "an option without its value is wrong usage" ended 2
hugepages paint
check "an unknown command is wrong usage" ended 2
check "an unknown command is named" complains "'paint'"
hugepages --help
check "help succeeds" ended 0
check "help says how" says "usage: scripts/hugepages.sh"
