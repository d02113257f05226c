#!/usr/bin/env bash
# scripts/bind-nic.sh over trees of the test's own: two NICs (one with the default route), a virtio NIC, a disk.
# Plain files take every write; a FIFO with a small kernel behind it moves the device to another driver.
set -uo pipefail
# shellcheck source=testing.sh
source "$(dirname "${BASH_SOURCE[0]}")/testing.sh"

export BIND_NIC_ROOT=$work/machine
pci=$BIND_NIC_ROOT/sys/bus/pci
net=$BIND_NIC_ROOT/sys/class/net
spare=$pci/devices/0000:3b:00.0
routed=$pci/devices/0000:3b:00.1

bind_nic() { run "$root/scripts/bind-nic.sh" "$@"; }

# device ADDRESS CLASS DRIVER NODE
device() {
  mkdir -p "$pci/devices/$1" "$pci/drivers/$3"
  echo "$2" >"$pci/devices/$1/class"
  echo 0x8086 >"$pci/devices/$1/vendor"
  echo 0x10fb >"$pci/devices/$1/device"
  echo "$4" >"$pci/devices/$1/numa_node"
  : >"$pci/devices/$1/driver_override"
  : >"$pci/drivers/$3/unbind"
  ln -s "../../drivers/$3" "$pci/devices/$1/driver"
}

# interface FOLDER NAME CARRIER SPEED
interface() {
  mkdir -p "$1/net/$2" "$net/$2"
  echo "$3" >"$net/$2/carrier"
  echo "$4" >"$net/$2/speed"
}

fresh_machine() {
  rm -rf "${BIND_NIC_ROOT:?}"
  mkdir -p "$BIND_NIC_ROOT/proc/net" "$pci/drivers/vfio-pci"
  : >"$pci/drivers/vfio-pci/unbind"
  : >"$pci/drivers_probe"
  device 0000:3b:00.0 0x020000 ixgbe 1
  interface "$spare" eth1 1 10000
  device 0000:3b:00.1 0x020000 ixgbe 1
  interface "$routed" eth0 0 -1
  device 0000:00:03.0 0x020000 virtio-pci -1
  interface "$pci/devices/0000:00:03.0/virtio2" eth2 1 -1
  device 0000:00:1f.2 0x010601 ahci 0
  {
    printf 'Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n'
    printf 'eth1\t0000000A\t00000000\t0001\t0\t0\t0\t000000FF\t0\t0\t0\n'
    printf 'eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n'
  } >"$BIND_NIC_ROOT/proc/net/route"
}

# kernel_binds DEVICE DRIVER: the next unbind and probe move it there ("" = nobody takes it).
kernel_binds() {
  local unbind
  unbind=$(readlink -f "$1/driver")/unbind
  rm "$unbind" "$pci/drivers_probe"
  mkfifo "$unbind" "$pci/drivers_probe"
  {
    read -r given_up <"$unbind" && rm "$1/driver"
    read -r probed <"$pci/drivers_probe" && echo "$given_up $probed" >"$work/kernel_saw"
    [[ -z $2 ]] || ln -s "../../drivers/$2" "$1/driver"
  } &
}

fresh_machine
bind_nic
check "status is the default" ended 0
check "status has a line per network device, and a head" [ "$(wc -l <<<"$out")" -eq 4 ]
check "status has driver, interface, node and link" \
  grep -qE '^0000:3b:00\.0 +8086:10fb +ixgbe +eth1 +1 +10000Mb/s$' <<<"$out"
check "status marks the default route" grep -qE '^0000:3b:00\.1 .* eth0 +1 +down +default route$' <<<"$out"
check "status finds interfaces behind virtio" grep -qE '^0000:00:03\.0 .* virtio-pci +eth2 +- +up$' <<<"$out"
bind_nic --status
check "--status is the same" grep -q '^0000:3b:00\.0 ' <<<"$out"

bind_nic --bind vfio-pci 0000:3b:00.0 --dry-run
check "a dry run succeeds" ended 0
check "a dry run prints the writes, in order" [ "$out" = "would write vfio-pci to $spare/driver_override
would write 0000:3b:00.0 to $pci/drivers/ixgbe/unbind
would write 0000:3b:00.0 to $pci/drivers_probe" ]
check "a dry run writes nothing" [ ! -s "$spare/driver_override" ]
check "a dry run unbinds nothing" [ ! -s "$pci/drivers/ixgbe/unbind" ]
bind_nic --dry-run --unbind 3b:00.0
check "an unbinding's dry run clears the override" says "would write an empty line to $spare/driver_override"

kernel_binds "$spare" vfio-pci
bind_nic --bind vfio-pci 3B:00.0
check "a short address in capitals is bound" ended 0
check "binding says from what to what" [ "$out" = "0000:3b:00.0: bound to vfio-pci, was ixgbe" ]
check "binding goes by driver_override" holds "$spare/driver_override" vfio-pci
check "the kernel saw unbind and probe" holds "$work/kernel_saw" "0000:3b:00.0 0000:3b:00.0"
wait
bind_nic --bind vfio-pci 0000:3b:00.0
check "binding again changes nothing" says "0000:3b:00.0: bound to vfio-pci already"
kernel_binds "$spare" ixgbe
bind_nic --unbind 0000:3b:00.0
check "unbinding gives it back" [ "$out" = "0000:3b:00.0: given back to ixgbe" ]
check "unbinding clears the override" holds "$spare/driver_override" ""
wait

fresh_machine
kernel_binds "$spare" ""
bind_nic --bind vfio-pci 0000:3b:00.0
check "a driver that does not take it is a failure" complains "vfio-pci did not take it"
check "a driver that does not take it: says how to go back" complains "--unbind 0000:3b:00.0"
wait

fresh_machine
bind_nic --bind vfio-pci 0000:3b:00.0 0000:3b:00.1
check "the default route's device is refused" ended 1
check "the default route's device is refused by name" complains "0000:3b:00.1: eth0 carries the default route"
check "no device is taken if one is refused" [ ! -s "$spare/driver_override" ]
bind_nic --unbind 0000:3b:00.1
check "the default route's device is not unbound" complains "eth0 carries the default route"
bind_nic --bind vfio-pci 0000:3b:00.1 --dry-run
check "nor is it in a dry run" complains "eth0 carries the default route"
bind_nic --bind vfio-pci 0000:3b:00.1 --force
check "and there is no way to force it" complains "unknown option '--force'"

mkdir -p "$net/bond0"
ln -s ../eth1 "$net/bond0/lower_eth1"
sed -i 's/^eth0/bond0/' "$BIND_NIC_ROOT/proc/net/route"
bind_nic --bind vfio-pci 0000:3b:00.0
check "a device below a bond with the default route is refused" complains "eth1 carries the default route"
bind_nic --bind vfio-pci 0000:3b:00.1 --dry-run
check "a device without any route is not" ended 0
: >"$BIND_NIC_ROOT/proc/net/route"
zeros=00000000000000000000000000000000
{
  echo "$zeros 00 $zeros 00 fe800000000000000000000000000001 00000400 00000001 00000000 00000003     eth2"
  echo "$zeros 00 $zeros 00 $zeros ffffffff 00000001 00000000 00200200       lo"
} >"$BIND_NIC_ROOT/proc/net/ipv6_route"
bind_nic --bind vfio-pci 0000:00:03.0
check "the default route of IPv6 counts, too" complains "eth2 carries the default route"

# stub_ip IPV4 IPV6: a machine whose "ip" tells these routes.
# shellcheck disable=SC2016  # the stub expands them
stub_ip() {
  mkdir -p "$BIND_NIC_ROOT/sbin"
  {
    echo '#!/bin/sh'
    echo '[ "$2 $3 $4 $5 $6" = "route show table all default" ] || exit 1'
    printf 'case $1 in -4) echo "%s" ;; -6) echo "%s" ;; esac\n' "$1" "$2"
  } >"$BIND_NIC_ROOT/sbin/ip"
  chmod +x "$BIND_NIC_ROOT/sbin/ip"
}
fresh_machine
stub_ip "default via 192.0.2.1 dev eth0" "unreachable default dev lo proto kernel metric 4294967295"
bind_nic --bind vfio-pci 0000:3b:00.0 --dry-run
check "a device of which ip tells no default route may be taken" ended 0
stub_ip $'default proto static\n\tnexthop via 192.0.2.1 dev eth0 weight 1\n\tnexthop via 198.51.100.1 dev eth1 weight 1' ""
bind_nic --bind vfio-pci 0000:3b:00.0
check "a default route's second next hop counts, too" complains "0000:3b:00.0: eth1 carries the default route"
bind_nic --status
check "status marks each next hop" [ "$(grep -c 'default route$' <<<"$out")" -eq 2 ]
stub_ip $'default via 192.0.2.1 dev eth0\ndefault via 198.51.100.1 dev eth1 table 7' ""
bind_nic --bind vfio-pci 0000:3b:00.0
check "so does a default route of another table" complains "eth1 carries the default route"
stub_ip "" "default via fe80::1 dev eth1 table 9 metric 1024 pref medium"
bind_nic --bind vfio-pci 0000:3b:00.0
check "and one of IPv6" complains "eth1 carries the default route"
printf '#!/bin/sh\nexit 1\n' >"$BIND_NIC_ROOT/sbin/ip"
bind_nic --bind vfio-pci 0000:3b:00.1
check "without an answer of ip, /proc still counts" complains "eth0 carries the default route"

fresh_machine
bind_nic --bind vfio-pci 0000:99:00.0
check "an unknown address fails" complains "0000:99:00.0: there is no such PCI device"
bind_nic --bind vfio-pci 0000:00:1f.2
check "what is no network device fails" complains "0000:00:1f.2: is no network device (class 0x010601)"
bind_nic --bind igb_uio 0000:3b:00.0
check "a driver that is not loaded fails" complains "driver igb_uio is not loaded: try 'sudo modprobe igb_uio'"
bind_nic --bind vfio-pci eth1
check "an interface's name is wrong usage" ended 2
check "an interface's name is told so" complains "'eth1' is not a PCI address"
for arguments in "--bind" "--bind vfio-pci" "--unbind" "--bind ../x 3b:00.0" "--status 3b:00.0" "--status --unbind 3b:00.0" "-x"; do
  # shellcheck disable=SC2086
  bind_nic $arguments
  check "wrong usage: $arguments" ended 2
done
bind_nic --help
check "help succeeds" ended 0
check "help names every command" grep -qE -- '--bind DRIVER ADDR' <<<"$out"

rm -r "${pci:?}/devices"
bind_nic
check "a machine without PCI says so" complains "there is no network device on PCI here"
