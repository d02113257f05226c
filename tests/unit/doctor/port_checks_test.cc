// What the doctor finds about ports of each kind.
#include <gtest/gtest.h>

#include "fake_machine.h"

namespace netspectra {
namespace {

const std::string kDevice = std::string("/sys/bus/pci/devices/") + kNic;
const std::string kDriver = std::string("driver of ") + kNic;
const std::string kBind = std::string(" | sudo scripts/bind-nic.sh --bind vfio-pci ") + kNic;

TEST_F(DoctorTest, FindsAPciPortThatIsNotThere) {
  port("0000:99:00.0", 1);
  EXPECT_EQ(finding("port 0000:99:00.0"),
            "fault: there is no such PCI device | scripts/bind-nic.sh --status");
}

TEST_F(DoctorTest, FindsAPciDeviceThatIsNoNic) {
  machine_.write(kDevice + "/class", "0x010601");
  EXPECT_EQ(finding(std::string("port ") + kNic),
            "fault: is no network device (class 0x010601) | scripts/bind-nic.sh --status");
}

TEST_F(DoctorTest, TellsDriversApart) {
  EXPECT_EQ(finding(kDriver), "good: vfio-pci");
  machine_.nic(kNic, "mlx5_core", "1", "17");
  EXPECT_EQ(finding(kDriver), "good: mlx5_core, shared with the kernel");
  EXPECT_EQ(finding("IOMMU"), "");  // not needed
  machine_.nic(kNic, "ixgbe", "1", "17");
  EXPECT_EQ(finding(kDriver), "fault: ixgbe, which keeps the port for the kernel" + kBind);
  machine_.nic(kNic, "", "1", "17");
  EXPECT_EQ(finding(kDriver), "fault: none is bound" + kBind);
}

TEST_F(DoctorTest, NeverProposesToTakeTheDefaultRoutesPort) {
  machine_.nic(kNic, "ixgbe", "1", "17");
  machine_.write(kDevice + "/net/eth0/x", "");
  const std::string refusal =
      "fault: ixgbe as eth0, which carries the default route: taking it would cut this machine off | "
      "scripts/bind-nic.sh --status   (and choose another port)";
  EXPECT_EQ(finding(kDriver), refusal);
  // Nor where a VLAN on a bond on it does.
  machine_.write("/proc/net/route",
                 "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\n"
                 "bond0.7\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\n");
  machine_.write("/sys/class/net/bond0.7/lower_bond0", "");
  machine_.write("/sys/class/net/bond0/lower_eth0", "");
  EXPECT_EQ(finding(kDriver), refusal);
  machine_.write("/proc/net/route", "");
  EXPECT_EQ(finding(kDriver), "fault: ixgbe, which keeps the port for the kernel" + kBind);
  const std::string zeros(32, '0');
  machine_.write("/proc/net/ipv6_route",
                 zeros + " 00 " + zeros +
                     " 00 fe800000000000000000000000000001 00000400 00000001 00000000 00000003 eth0");
  EXPECT_EQ(finding(kDriver), refusal);
}

TEST_F(DoctorTest, AsksIpForTheRoutesThatProcDoesNotList) {
  const auto says = [this](const std::string& ipv4, const std::string& ipv6) {
    machine_.write("/sbin/ip",
                   "#!/bin/sh\n[ \"$2 $3 $4 $5 $6\" = 'route show table all default' ] || exit 1\n"
                   "case $1 in -4) echo '" +
                       ipv4 + "' ;; -6) echo '" + ipv6 + "' ;; esac");
    std::filesystem::permissions(machine_.root() + "/sbin/ip", std::filesystem::perms::owner_all);
    return finding(kDriver).find(" as eth1, which carries the default route: ") != std::string::npos;
  };
  machine_.nic(kNic, "ixgbe", "1", "17");
  machine_.write(kDevice + "/net/eth1/x", "");
  EXPECT_FALSE(says("default via 10.0.0.1 dev eth0 proto dhcp metric 100",
                    "unreachable default dev lo proto kernel metric 4294967295"));
  EXPECT_TRUE(
      says("default proto static\n\tnexthop via 10.0.0.1 dev eth0 weight 1\n"
           "\tnexthop via 10.0.1.1 dev eth1 weight 1",
           ""));
  EXPECT_TRUE(says("default via 10.0.0.1 dev eth0\ndefault via 10.0.1.1 dev eth1 table 7", ""));
  EXPECT_TRUE(says("", "default via fe80::1 dev eth1 table 9 metric 1024 pref medium"));
  machine_.write("/sys/class/net/bond0/lower_eth1", "");
  EXPECT_TRUE(says("default via 10.0.1.1 dev bond0 table 7", ""));
  // Without an answer, what /proc lists still counts.
  machine_.write("/sbin/ip", "#!/bin/sh\nexit 1");
  EXPECT_TRUE(finding(kDriver).starts_with("fault: ixgbe, which keeps the port")) << finding(kDriver);
  machine_.write(kDevice + "/net/eth0/x", "");
  EXPECT_TRUE(finding(kDriver).starts_with("fault: ixgbe as eth0, which carries the default route"));
}

TEST_F(DoctorTest, FindsInterfacesBehindVirtio) {
  machine_.nic(kNic, "virtio-pci", "-1", "17");
  machine_.write(kDevice + "/virtio2/net/eth0/x", "");
  EXPECT_TRUE(finding(kDriver).starts_with("fault: virtio-pci as eth0, which carries the default route"));
}

TEST_F(DoctorTest, LooksForIommuAndVfio) {
  EXPECT_EQ(finding("IOMMU"), "good: on");
  EXPECT_EQ(finding("vfio"), "good: vfio-pci is loaded");
  machine_.remove("/sys/kernel/iommu_groups");
  machine_.remove("/sys/module/vfio_pci");
  EXPECT_EQ(
      finding("IOMMU"),
      "fault: off: vfio-pci will not hand out a NIC | kernel command line: intel_iommu=on iommu=pt   (AMD: "
      "iommu=pt; and VT-d or AMD-Vi on in the BIOS)");
  EXPECT_EQ(finding("vfio"), "fault: vfio-pci is not loaded | sudo modprobe vfio-pci");
  machine_.write("/sys/module/vfio/parameters/enable_unsafe_noiommu_mode", "Y");
  EXPECT_TRUE(finding("IOMMU").starts_with("warning: off, and vfio set to do without: ")) << finding("IOMMU");
}

TEST_F(DoctorTest, LooksAtTheVfioGroupAsAWhole) {
  const std::string subject = std::string("vfio group of ") + kNic;
  EXPECT_EQ(finding(subject), "good: /dev/vfio/17 can be opened");
  machine_.nic("0000:3b:00.1", "ixgbe", "1", "17");
  EXPECT_EQ(
      finding(subject),
      "fault: the kernel drives 0000:3b:00.1 (ixgbe) in the same IOMMU group, which vfio takes as a whole | "
      "sudo scripts/bind-nic.sh --bind vfio-pci 0000:3b:00.1");
  machine_.nic("0000:3b:00.1", "pcieport", "1", "17");  // a bridge above it does no harm
  EXPECT_EQ(finding(subject), "good: /dev/vfio/17 can be opened");
  machine_.remove("/dev/vfio/17");
  EXPECT_EQ(finding(subject),
            "fault: /dev/vfio/17 cannot be opened: No such file or directory | sudo chown \"$(id -un)\" "
            "/dev/vfio/17");
}

TEST_F(DoctorTest, ComparesTheNodesCpusWithTheQueues) {
  const std::string subject = std::string("NUMA node of ") + kNic;
  EXPECT_EQ(finding(subject), "good: 1, which has 4 usable CPUs for 2 queues");
  machine_.status("0", "0-4");
  EXPECT_EQ(finding(subject),
            "warning: 1, which has 1 usable CPUs for 2 queues: the others' packets cross the nodes' link | "
            "taskset -c 4-7 ns-probe ...   (as a service: CPUAffinity=)");
  machine_.write(kDevice + "/numa_node", "-1");
  EXPECT_TRUE(finding(subject).starts_with("warning: not known: ")) << finding(subject);
  machine_.remove("/sys/devices/system/node/node1");
  EXPECT_EQ(finding(subject), "good: the only one");
}

TEST_F(DoctorTest, LooksAtKernelInterfaces) {
  port("eth1", 2);
  EXPECT_EQ(finding("port eth1"), "good: up");
  EXPECT_EQ(finding("queues of eth1"), "good: 2 of the kernel for 2 here");
  machine_.write("/sys/class/net/eth1/carrier", "0");
  EXPECT_EQ(finding("port eth1"), "warning: has no link: nothing arrives | sudo ethtool eth1");
  machine_.write("/sys/class/net/eth1/flags", "0x1002");
  EXPECT_EQ(finding("port eth1"), "fault: is down | sudo ip link set eth1 up");
  port("eth1", 4);
  EXPECT_EQ(finding("queues of eth1"),
            "warning: 2 of the kernel for 4 here: only so many of its CPUs receive, and af_xdp needs as many "
            "as here | "
            "sudo ethtool -L eth1 combined 4");
  machine_.remove("/sys/class/net/eth1/device");  // a veth: nothing to set
  EXPECT_EQ(finding("queues of eth1"), "good: 2 of the kernel for 4 here");
  port("eth9", 1);
  EXPECT_EQ(finding("port eth9"), "fault: there is no such interface (there are: eth0, eth1) | ip -br link");
}

TEST_F(DoctorTest, SaysWhoSpreadsANicsPackets) {
  const std::string subject = std::string("spread of ") + kNic;
  const std::string look = std::string(" | ns-probe -i ") + kNic +
                           " -q 2 --sink local -p 1s --duration 1s 2>&1 | grep -E 'spread by|RSS'   (if it "
                           "cannot: -q 1)";
  // vfio-pci does not tell what the NIC is: the kernel's own driver for it does.
  EXPECT_EQ(
      finding(subject),
      "good: by RSS of net_ixgbe, with a symmetric key that the start sets: both directions of a flow come "
      "to one queue");
  machine_.nic(kNic, "mlx5_core", "1", "17");
  EXPECT_TRUE(finding(subject).starts_with("good: by RSS of mlx5_pci, ")) << finding(subject);
  machine_.nic(kNic, "vfio-pci", "1", "17");
  machine_.write(kDevice + "/modalias", "pci:v00001AF4d00001041sv00001AF4sd00000001bc02sc00i00");
  EXPECT_EQ(finding(subject), "warning: by RSS of net_virtio, which may not do: needs rss=on" + look);
  machine_.nic(kNic, "virtio-pci", "1", "17");
  EXPECT_TRUE(finding(subject).starts_with("warning: by RSS of net_virtio, ")) << finding(subject);
  machine_.nic(kNic, "", "1", "17");
  machine_.remove("/lib/modules");
  EXPECT_EQ(finding(subject),
            "warning: not known: there is no preset for this NIC's driver, or it is not recognised" + look);
  config_.ports[0].rss = false;
  EXPECT_EQ(
      finding(subject),
      "warning: RSS is switched off by the port's driver_settings: all packets come to queue 0, 1 of the "
      "workers have nothing to do | driver_settings: {rss: true}");
  port(kNic, 1);
  EXPECT_EQ(finding(subject), "good: one queue: nothing to spread");
  port("0000:99:00.0", 2);
  EXPECT_EQ(finding("spread of 0000:99:00.0"), "");
}

TEST_F(DoctorTest, SaysWhoSpreadsAnInterfacesPackets) {
  port("eth1", 2);
  EXPECT_EQ(
      finding("spread of eth1"),
      "good: by the kernel's fanout, whose hash is symmetric: both directions of a flow come to one queue");
  config_.ports[0].kernel_driver = "af_xdp";
  EXPECT_EQ(
      finding("spread of eth1"),
      "warning: by the NIC's own RSS: unless its key is symmetric, the two directions of a flow come to "
      "different queues | ethtool -x eth1   (symmetric: the same two bytes all along, as set by: ethtool -X "
      "eth1 hkey 6d:5a:6d:5a:...)");
  port("eth1", 1);
  EXPECT_EQ(finding("spread of eth1"), "good: one queue: nothing to spread");
  port("eth9", 2);
  EXPECT_EQ(finding("spread of eth9"), "");
}

TEST_F(DoctorTest, LooksWhetherACaptureCanBeRead) {
  machine_.write("/captures/a.pcap", "");
  port("pcap:captures/a.pcap", 1);
  EXPECT_EQ(finding("port pcap:captures/a.pcap"), "good: can be read");
  port("pcap:captures/b.pcap", 1);
  EXPECT_EQ(finding("port pcap:captures/b.pcap"),
            "fault: cannot be read: No such file or directory | ls -l captures/b.pcap");
}

TEST_F(DoctorTest, HasNothingToSayAboutVirtualDevices) {
  port("vdev:net_null0", 1);
  EXPECT_EQ(finding("port vdev:net_null0"), "good: a virtual device");
}

}  // namespace
}  // namespace netspectra
