#!/usr/bin/env bash
# Shows, reserves and releases the huge pages that packet buffers and flow tables live on.
# Through sysfs, which has every size and node: https://docs.kernel.org/admin-guide/mm/hugetlbpage.html
set -euo pipefail

sysfs=${HUGEPAGES_SYSFS:-/sys}
tmpfiles=${HUGEPAGES_TMPFILES:-/etc/tmpfiles.d}
boot_file=$tmpfiles/netspectra-hugepages.conf

usage() {
  cat <<'HELP'
usage: scripts/hugepages.sh [COMMAND] [OPTION...]
  show                                     pools, mounts and transparent huge pages (the default)
  reserve --size SIZE --count N [--node K] make the pool N pages large: on NUMA node K, or spread over all nodes
  release [--size SIZE] [--node K]         give back all pages, or those of one size or node
  mount --size SIZE                        mount hugetlbfs, for programs that share pages between processes
options
  --size SIZE    2M or 1G, or another size that the processor has
  --persistent   with reserve: also at each boot, through systemd-tmpfiles (1G pages: says which kernel
                 parameters to set, since memory is too fragmented for them once the machine runs)
                 with release: no longer at boot
  --dry-run      say what would be done
  --help         this text
A port's queues want their pages on its own node: cat /sys/bus/pci/devices/ADDRESS/numa_node.
Exit status: 0 done, 1 not possible here, 2 wrong usage.
Environment: HUGEPAGES_SYSFS (/sys) and HUGEPAGES_TMPFILES (/etc/tmpfiles.d), for trees of one's own.
HELP
}

fail() { echo "hugepages: $1" >&2; exit 1; }
wrong_usage() { echo "hugepages: $1 (see --help)" >&2; exit 2; }

# "2M" -> 2048; fails on anything else than a number of K, M or G.
size_to_kb() {
  [[ $1 =~ ^([1-9][0-9]{0,5})([KMG])$ ]] || return 1
  case ${BASH_REMATCH[2]} in
    K) echo "${BASH_REMATCH[1]}" ;;
    M) echo $((BASH_REMATCH[1] * 1024)) ;;
    G) echo $((BASH_REMATCH[1] * 1024 * 1024)) ;;
  esac
}

kb_to_size() {
  if (($1 % 1048576 == 0)); then
    echo $(($1 / 1048576))G
  elif (($1 % 1024 == 0)); then
    echo $(($1 / 1024))M
  else
    echo "$1K"
  fi
}

# The numbers of the NUMA nodes; none where the kernel has no NUMA.
nodes() {
  local path
  for path in "$sysfs"/devices/system/node/node[0-9]*; do
    if [[ -d $path/hugepages ]]; then echo "${path##*/node}"; fi
  done | sort -n
}

# The folder that holds the pools of a node, or of the whole machine where the node is "".
pools_of() {
  if [[ -n $1 ]]; then
    echo "$sysfs/devices/system/node/node$1/hugepages"
  else
    echo "$sysfs/kernel/mm/hugepages"
  fi
}

# The page sizes of the machine in kB, smallest first.
sizes_kb() {
  local path name
  for path in "$sysfs"/kernel/mm/hugepages/hugepages-*kB; do
    if [[ -d $path ]]; then
      name=${path##*/hugepages-}
      echo "${name%kB}"
    fi
  done | sort -n
}

mounts() { awk '$3 == "hugetlbfs" {print $2, $4}' /proc/mounts; }

show() {
  local kb node pool
  [[ -n $(sizes_kb) ]] || fail "this kernel has no huge pages ($sysfs/kernel/mm/hugepages is empty or missing)"
  local all_nodes
  all_nodes=$(nodes)
  printf '%-6s %-6s %8s %8s %8s\n' node size total free surplus
  for node in ${all_nodes:--}; do
    for kb in $(sizes_kb); do
      pool=$(pools_of "${node#-}")/hugepages-${kb}kB
      [[ -d $pool ]] || continue
      printf '%-6s %-6s %8s %8s %8s\n' "$node" "$(kb_to_size "$kb")" "$(<"$pool/nr_hugepages")" \
        "$(<"$pool/free_hugepages")" "$(<"$pool/surplus_hugepages")"
    done
  done
  local mounted transparent=$sysfs/kernel/mm/transparent_hugepage/enabled mode=none
  mounted=$(mounts | awk '{printf "%s%s (%s)", (NR > 1 ? ", " : ""), $1, $2}')
  echo "mounts: ${mounted:-none}"
  [[ ! -r $transparent ]] || mode=$(sed 's/.*\[\(.*\)\].*/\1/' "$transparent")
  echo "transparent huge pages: $mode"
}

# The pool asked for must exist on this machine.
require_pool() {
  local offered
  if [[ -n $node && ! -d $(pools_of "$node") ]]; then
    offered=$(nodes | paste -sd ' ')
    fail "this machine has no NUMA node $node (it has: ${offered:-none})"
  fi
  if [[ -n $size && ! -d $(pools_of "$node")/hugepages-${kb}kB ]]; then
    offered=$(for each in $(sizes_kb); do kb_to_size "$each"; done | paste -sd ' ')
    fail "this machine has no $size pages (it has: ${offered:-none})"
  fi
}

# Writes, or says so. May fail only with a line on what is needed.
write() {
  local value=$1 file=$2
  if $dry_run; then
    echo "would write $value to $file"
    return
  fi
  if [[ ! -w $file ]]; then
    [[ $EUID -eq 0 ]] || fail "$file can be written by root only: run this with sudo"
    fail "$file is read-only here: in a container, do this on the host"
  fi
  { echo "$value" >"$file"; } 2>/dev/null || fail "the kernel refused to write $value to $file"
}

# A line per pool, as systemd-tmpfiles reads it. A whole machine's line replaces those of its nodes, and the other way.
persist() {
  local pool=$1 count=$2 kept=""
  if $dry_run; then
    echo "would write to $boot_file: w $pool/nr_hugepages - - - - $count"
    return
  fi
  [[ ! -f $boot_file ]] || kept=$(without_pool "$boot_file")
  mkdir -p "$tmpfiles" 2>/dev/null || fail "$tmpfiles cannot be made: run this with sudo"
  { printf '%s' "${kept:+$kept$'\n'}w $pool/nr_hugepages - - - - $count"$'\n' >"$boot_file"; } 2>/dev/null ||
    fail "$boot_file cannot be written: run this with sudo"
  echo "at boot: $count pages ($boot_file)"
}

# The lines of a file but those of the chosen size (all, where none is chosen) and node.
without_pool() {
  local pattern="hugepages-${kb:-[0-9]+}kB/nr_hugepages"
  if [[ -n $node ]]; then pattern="(node$node/hugepages|kernel/mm/hugepages)/$pattern"; fi
  grep -Ev "$pattern" "$1" || true
}

reserve() {
  [[ -n $size && -n $count ]] || wrong_usage "reserve needs --size and --count"
  require_pool
  local pool have where
  pool=$(pools_of "$node")/hugepages-${kb}kB
  where=${node:+ on node $node}
  write "$count" "$pool/nr_hugepages"
  if ! $dry_run; then
    # The kernel comes as near as it can, and reports no failure.
    have=$(<"$pool/nr_hugepages")
    if ((have < count)); then
      fail "$have of $count $size pages were granted$where: free memory is short or in pieces; $(remedy)"
    fi
    if ((have > count)); then
      fail "$have $size pages remain$where, $count were asked for: the others are in use"
    fi
    echo "$have $size pages$where"
  fi
  $persistent || return 0
  if ((kb < 1048576)); then
    persist "$pool" "$count"
  else
    echo "at boot: add to the kernel's command line: $(boot_parameter)"
  fi
}

boot_parameter() { echo "hugepagesz=$size hugepages=${node:+$node:}$count"; }

remedy() {
  if ((kb < 1048576)); then
    echo "try again after 'echo 1 > /proc/sys/vm/compact_memory', or boot with '$(boot_parameter)'"
  else
    echo "boot with '$(boot_parameter)'"
  fi
}

release() {
  [[ -z $count ]] || wrong_usage "release takes no --count"
  require_pool
  local each pool left kept
  for each in ${kb:-$(sizes_kb)}; do
    pool=$(pools_of "$node")/hugepages-${each}kB
    [[ -d $pool ]] || continue
    write 0 "$pool/nr_hugepages"
    $dry_run && continue
    left=$(<"$pool/nr_hugepages")
    ((left == 0)) ||
      fail "$left $(kb_to_size "$each") pages are still in use: end the programs that hold them (and remove their files below the hugetlbfs mounts)"
  done
  $dry_run || echo "released"
  if ! $persistent || [[ ! -f $boot_file ]]; then return 0; fi
  if $dry_run; then
    echo "would remove from $boot_file"
    return
  fi
  kept=$(without_pool "$boot_file")
  [[ -w $boot_file && -w $tmpfiles ]] || fail "$boot_file cannot be changed: run this with sudo"
  if [[ -n $kept ]]; then echo "$kept" >"$boot_file"; else rm "$boot_file"; fi
  echo "no longer at boot"
}

mount_pages() {
  [[ -n $size && -z $count && -z $node ]] || wrong_usage "mount needs --size, and only that"
  $persistent && wrong_usage "mount is not persistent: systemd's dev-hugepages.mount is, or a line in /etc/fstab"
  require_pool
  local mounted point=/dev/hugepages-$size notation=${kb}K
  # /proc/mounts has no G: 1G pages are "pagesize=1024M" there.
  if ((kb >= 1024)); then notation=$((kb / 1024))M; fi
  mounted=$(mounts | awk -v want=",pagesize=$notation," 'index("," $2 ",", want) {print $1; exit}')
  if [[ -n $mounted ]]; then
    echo "$size pages are mounted on $mounted"
  elif $dry_run; then
    echo "would mount $size pages on $point"
  else
    [[ $EUID -eq 0 ]] || fail "mounting needs root: run this with sudo"
    if ! { mkdir -p "$point" && mount -t hugetlbfs -o "pagesize=$size" netspectra "$point"; } 2>/dev/null; then
      fail "hugetlbfs cannot be mounted on $point: in a container, do this on the host"
    fi
    echo "$size pages are mounted on $point"
  fi
}

command=show
size="" kb="" count="" node="" persistent=false dry_run=false
if [[ $# -gt 0 && $1 != -* ]]; then
  command=$1
  shift
fi
while [[ $# -gt 0 ]]; do
  case $1 in
    --help | -h) usage; exit 0 ;;
    --persistent) persistent=true ;;
    --dry-run) dry_run=true ;;
    --size | --count | --node)
      [[ $# -ge 2 ]] || wrong_usage "$1 needs a value"
      case $1 in
        --size) kb=$(size_to_kb "$2") || wrong_usage "--size '$2' is not like 2M or 1G"; size=$(kb_to_size "$kb") ;;
        --count) [[ $2 =~ ^(0|[1-9][0-9]{0,8})$ ]] || wrong_usage "--count '$2' is not a number"; count=$2 ;;
        --node) [[ $2 =~ ^(0|[1-9][0-9]{0,3})$ ]] || wrong_usage "--node '$2' is not a number"; node=$2 ;;
      esac
      shift
      ;;
    *) wrong_usage "unknown argument '$1'" ;;
  esac
  shift
done

case $command in
  show)
    [[ -z $size$count$node ]] || wrong_usage "show takes no options"
    show
    ;;
  reserve) reserve ;;
  release) release ;;
  mount) mount_pages ;;
  *) wrong_usage "unknown command '$command'" ;;
esac
