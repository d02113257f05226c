#!/usr/bin/env bash
# ns-probe on four hardware queues: a virtual machine whose NIC, a virtio-net with RSS, is bound to vfio-pci behind an
# emulated IOMMU. Sends captures and 2000 crafted connections to it, and checks totals, spread, symmetry, and the queue
# of each flow against a Toeplitz hash of its own. Run by hand, as root; takes about a minute.
# Downloads a kernel package (27 MB) unless there is one already.
set -euo pipefail

usage() {
  cat <<'HELP'
usage: tests/e2e/qemu-rss.sh [BUILD-FOLDER [CACHE-FOLDER]]
  BUILD-FOLDER   where meson built ns-probe (default: build)
  CACHE-FOLDER   keeps the kernel package from run to run (default: BUILD-FOLDER/qemu)
Needs root, /dev/net/tun, and the packages qemu-system-x86, busybox-static, cpio, tcpreplay, nats-server, iproute2.
Exit status: 0 all as it should be, 1 not, 2 wrong usage, 77 something that is needed is missing.
HELP
}

[[ ${1:-} != -h && ${1:-} != --help ]] || { usage; exit 0; }
[[ $# -le 2 ]] || { usage >&2; exit 2; }

root=$(cd "$(dirname "$0")/../.." && pwd)
build=$(realpath "${1:-$root/build}")
cache=${2:-$build/qemu}
kernel_package=linux-image-cloud-amd64
modules=(irqbypass vfio vfio_virqfd vfio_iommu_type1 vfio-pci-core vfio-pci) # in the order of loading
drivers=(librte_bus_pci librte_bus_vdev librte_net_virtio librte_mempool_ring)

skip() { echo "qemu-rss: skipped: $1" >&2; exit 77; }

[[ $EUID -eq 0 ]] || skip "needs root, for a network namespace and a tap"
[[ -c /dev/net/tun ]] || skip "needs /dev/net/tun"
for program in qemu-system-x86_64 busybox cpio tcpreplay nats-server ip apt-get dpkg-deb; do
  command -v "$program" >/dev/null || skip "needs $program: apt-get install qemu-system-x86 busybox-static cpio tcpreplay nats-server iproute2"
done
export NS_PROBE=$build/app/ns-probe/ns-probe
[[ -x $NS_PROBE ]] || skip "$build has no ns-probe: build it"

mkdir -p "$cache"
if ! compgen -G "$cache/linux-image-*.deb" >/dev/null; then
  real=$(apt-cache depends "$kernel_package" | sed -n 's/.*Depends: \(linux-image-.*\)/\1/p' | head -n 1)
  (cd "$cache" && apt-get -qq -o APT::Sandbox::User=root download "${real:?no such package: $kernel_package; run apt-get update}")
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
dpkg-deb -x "$cache"/linux-image-*.deb "$work/kernel"

# The machine's file system: busybox, the programs with their libraries at the same paths as here, and the modules.
guest=$work/guest
mkdir -p "$guest"/{bin,proc,sys,dev,run,var,huge,root,modules,usr/lib,usr/lib64}
ln -s ../run "$guest/var/run"
ln -s usr/lib usr/lib64 "$guest/"
copy() { # each file, links as links, since a library under two names must not be loaded twice; and what it is linked with
  local file real
  for file in "$@"; do
    real=$(realpath "$file")
    [[ -e $guest$real ]] || install -D "$real" "$guest$real"
    [[ -e $guest$file ]] || { mkdir -p "$guest$(dirname "$file")" && ln -s "$real" "$guest$file"; }
    ldd "$real" 2>/dev/null | sed -n 's/.*=> \(\/[^ ]*\).*/\1/p; s/^\t\(\/[^ ]*\) (.*/\1/p' | while read -r library; do
      real=$(realpath "$library")
      [[ -e $guest$real ]] || install -D "$real" "$guest$real"
      [[ -e $guest$library ]] || ln -s "$real" "$guest$library"
    done
  done
}
copy "$NS_PROBE" "$(command -v nats-server)"
pmds=$(find /usr/lib -type d -name 'pmds-*' -path '*dpdk*' | head -n 1)
for driver in "${drivers[@]}"; do copy "$pmds/$driver".so.*; done
install "$(command -v busybox)" "$guest/bin/busybox"
ln -s "$NS_PROBE" "$(command -v nats-server)" "$guest/bin/"
for module in "${modules[@]}"; do
  find "$work/kernel/lib/modules" -name "$module.ko*" -exec cp {} "$guest/modules/" \;
done
printf '%s\n' "${modules[@]}" >"$guest/modules/order"
install "$root/tests/e2e/qemu/init" "$guest/init"
(cd "$guest" && find . | cpio --quiet -o -H newc | gzip -1) >"$work/initrd"

python3 "$root/tests/e2e/qemu/rss.py" "$work"/kernel/boot/vmlinuz-* "$work/initrd"
