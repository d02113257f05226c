#!/usr/bin/env bash
# Shows the network devices on PCI, takes them from the kernel for DPDK, and gives them back.
# Through sysfs: https://docs.kernel.org/ABI/testing/sysfs-bus-pci ("driver_override", "drivers_probe").
set -euo pipefail

root=${BIND_NIC_ROOT:-}
devices=$root/sys/bus/pci/devices
drivers=$root/sys/bus/pci/drivers

usage() {
  cat <<'HELP'
usage: scripts/bind-nic.sh [COMMAND] [--dry-run]
  --status                 network devices: driver, interface, NUMA node, link, default route (the default)
  --bind DRIVER ADDR...    take these from the kernel and bind them to DRIVER: vfio-pci, or another that is loaded
  --unbind ADDR...         give these back to the kernel's own driver
options
  --dry-run                say what would be written, and where
  --help                   this text
ADDR is a PCI address, as --status shows it: 0000:3b:00.0, or 3b:00.0. A device that carries the default route, or an
interface that does (a bond, a bridge, a VLAN), is never taken. Nothing is written unless all addresses are right.
A binding lasts until the next boot.
Exit status: 0 done, 1 not possible here, 2 wrong usage.
Environment: BIND_NIC_ROOT, a folder with /sys, /proc and /sbin/ip of one's own.
HELP
}

fail() { echo "bind-nic: $1" >&2; exit 1; }
wrong_usage() { echo "bind-nic: $1 (see --help)" >&2; exit 2; }

first_line() {
  local line=""
  if [[ -r $1 ]]; then read -r line 2>/dev/null <"$1" || true; fi
  echo "$line"
}

# The name of what a link leads to, or nothing.
linked() { if [[ -L $1 ]]; then basename "$(readlink "$1")"; fi; }

# The kernel interfaces of a device, one a line; those of virtio hang one level deeper.
interfaces() {
  local path
  for path in "$devices/$1"/net/* "$devices/$1"/virtio*/net/*; do
    if [[ -e $path ]]; then echo "${path##*/}"; fi
  done
}

# An interface, and all that it stands on.
with_lower() {
  local path
  echo "$1"
  for path in "$root/sys/class/net/$1"/lower_*; do
    if [[ -e $path || -L $path ]]; then with_lower "${path##*/lower_}"; fi
  done
}

# Default routes of all tables, each of their next hops, as "ip" tells them. Where it stands, because a user's PATH may
# be without sbin.
told_routes() {
  local ip
  for ip in "$root"/{sbin,usr/sbin,bin,usr/bin}/ip; do
    if [[ ! -x $ip ]]; then continue; fi
    "$ip" -4 route show table all default 2>/dev/null || true
    "$ip" -6 route show table all default 2>/dev/null || true
    return
  done
}

# The interfaces that carry a default route of IPv4 or IPv6. The kernel's own "unreachable" one stands on lo.
# /proc has the first next hop only, of the main table (IPv6: all of them), but is always there.
default_routes() {
  local name
  {
    told_routes | awk '{ for (i = 1; i < NF; i++) if ($i == "dev") { if ($(i + 1) != "lo") print $(i + 1); i++ } }'
    if [[ -r $root/proc/net/route ]]; then awk '$2 == "00000000" && $8 == "00000000" {print $1}' "$root/proc/net/route"; fi
    if [[ -r $root/proc/net/ipv6_route ]]; then
      awk '$1 ~ /^0+$/ && $2 == "00" && $10 != "lo" {print $10}' "$root/proc/net/ipv6_route"
    fi
  } | sort -u | while read -r name; do with_lower "$name"; done
}

# The interface of a device that carries a default route, or nothing.
routed_interface() {
  local name
  for name in $(interfaces "$1"); do
    if grep -qxF -- "$name" <<<"$routed"; then
      echo "$name"
      return
    fi
  done
}

is_network_device() { [[ $(first_line "$devices/$1/class") == 0x02* ]]; }

link_of() {
  local name=$1 speed
  if [[ $(first_line "$root/sys/class/net/$name/carrier") != 1 ]]; then
    echo down
    return
  fi
  speed=$(first_line "$root/sys/class/net/$name/speed")
  if [[ $speed =~ ^[1-9][0-9]*$ ]]; then echo "${speed}Mb/s"; else echo up; fi
}

status() {
  local path address name names link driver node vendor device note any=false
  local form='%-13s %-10s %-16s %-16s %-5s %-11s %s\n'
  for path in "$devices"/*; do
    address=${path##*/}
    if [[ ! -e $path ]] || ! is_network_device "$address"; then continue; fi
    # shellcheck disable=SC2059
    $any || printf "$form" address device driver interface node link ""
    any=true
    names=$(interfaces "$address" | paste -sd ,)
    link=-
    for name in ${names//,/ }; do link=$(link_of "$name"); done
    driver=$(linked "$path/driver")
    node=$(first_line "$path/numa_node")
    if [[ $node == -1 ]]; then node=""; fi
    vendor=$(first_line "$path/vendor")
    device=$(first_line "$path/device")
    note=""
    if [[ -n $(routed_interface "$address") ]]; then note="default route"; fi
    # shellcheck disable=SC2059
    printf "$form" "$address" "${vendor#0x}:${device#0x}" "${driver:--}" "${names:--}" "${node:--}" "$link" "$note" |
      sed 's/ *$//'
  done
  $any || fail "there is no network device on PCI here ($devices)"
}

# Writes, or says so. May fail only with a line on what is needed.
write() {
  local value=$1 file=$2
  if $dry_run; then
    echo "would write ${value:-an empty line} to $file"
    return
  fi
  if [[ ! -w $file ]]; then
    [[ -e $file ]] || fail "this kernel has no $file"
    [[ $EUID -eq 0 ]] || fail "$file can be written by root only: run this with sudo"
    fail "$file is read-only here: in a container, do this on the host"
  fi
  { echo "$value" >"$file"; } 2>/dev/null || fail "the kernel refused to write ${value:-an empty line} to $file"
}

# The full form of an address that may be taken; fails with the reason otherwise.
checked_address() {
  local address=${1,,} name
  if [[ $address =~ ^[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]$ ]]; then address=0000:$address; fi
  [[ $address =~ ^[0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]$ ]] ||
    wrong_usage "'$1' is not a PCI address such as 0000:3b:00.0"
  [[ -e $devices/$address ]] || fail "$address: there is no such PCI device (scripts/bind-nic.sh --status shows those there are)"
  is_network_device "$address" ||
    fail "$address: is no network device (class $(first_line "$devices/$address/class"))"
  name=$(routed_interface "$address")
  [[ -z $name ]] || fail "$address: $name carries the default route; without it this machine is cut off"
  echo "$address"
}

# The driver is given up, and the kernel looks for another; driver_override says which, if any.
rebind() {
  local address=$1 override=$2 driver
  driver=$(linked "$devices/$address/driver")
  write "$override" "$devices/$address/driver_override"
  if [[ -n $driver ]]; then write "$address" "$drivers/$driver/unbind"; fi
  write "$address" "$root/sys/bus/pci/drivers_probe"
}

# The driver of a device, once it has one; some take a moment.
driver_after_probe() {
  local tries driver
  for ((tries = 0; tries < 20; tries++)); do
    driver=$(linked "$devices/$1/driver")
    if [[ -n $driver ]]; then
      echo "$driver"
      return
    fi
    sleep 0.1
  done
}

bind() {
  local address driver
  [[ -d $drivers/$wanted ]] || fail "driver $wanted is not loaded: try 'sudo modprobe $wanted'"
  for address in "$@"; do
    driver=$(linked "$devices/$address/driver")
    if [[ $driver == "$wanted" ]]; then
      echo "$address: bound to $wanted already"
      continue
    fi
    rebind "$address" "$wanted"
    $dry_run && continue
    [[ $(driver_after_probe "$address") == "$wanted" ]] ||
      fail "$address: $wanted did not take it (vfio-pci needs an IOMMU; dmesg says more); give it back with --unbind $address"
    echo "$address: bound to $wanted${driver:+, was $driver}"
  done
}

unbind() {
  local address driver
  for address in "$@"; do
    rebind "$address" ""
    $dry_run && continue
    driver=$(driver_after_probe "$address")
    [[ -n $driver ]] || fail "$address: no driver of the kernel took it (is its module loaded? dmesg says more)"
    echo "$address: given back to $driver"
  done
}

command="" wanted="" dry_run=false
arguments=()
while [[ $# -gt 0 ]]; do
  case $1 in
    --help | -h) usage; exit 0 ;;
    --dry-run) dry_run=true ;;
    --status | --bind | --unbind)
      [[ -z $command ]] || wrong_usage "--$command and $1 cannot be had at once"
      command=${1#--}
      if [[ $command == bind ]]; then
        [[ $# -ge 2 && $2 != -* ]] || wrong_usage "--bind needs a driver and addresses"
        wanted=$2
        [[ $wanted =~ ^[A-Za-z0-9_-]+$ ]] || wrong_usage "--bind needs a driver first: '$wanted' is none"
        shift
      fi
      ;;
    -*) wrong_usage "unknown option '$1'" ;;
    *) arguments+=("$1") ;;
  esac
  shift
done

routed=$(default_routes)
if [[ ${command:=status} == status ]]; then
  [[ ${#arguments[@]} -eq 0 ]] || wrong_usage "unknown argument '${arguments[0]}'"
  status
  exit
fi
[[ ${#arguments[@]} -gt 0 ]] || wrong_usage "--$command needs addresses"
addresses=()
for argument in "${arguments[@]}"; do
  # In two steps, for the exit status.
  address=$(checked_address "$argument") || exit
  addresses+=("$address")
done
"$command" "${addresses[@]}"
