// A tree that stands for a machine's root: two NUMA nodes of four CPUs (0-3, 4-7), each a core of its own, the second
// node's isolated; a NIC on it, two kernel interfaces. All as it should be, until a test changes it.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "doctor/doctor.h"

namespace netspectra {

constexpr const char* kNic = "0000:3b:00.0";

class FakeMachine {
 public:
  FakeMachine() : root_(testing::TempDir() + "/doctor_test_XXXXXX") {
    EXPECT_NE(mkdtemp(root_.data()), nullptr);
    for (const int node : {0, 1}) {
      const std::string folder = "/sys/devices/system/node/node" + std::to_string(node);
      write(folder + "/cpulist", node == 0 ? "0-3" : "4-7");
      pages(folder + "/hugepages", 1024, 1024);
    }
    pages("/sys/kernel/mm/hugepages", 2048, 2048);
    for (int cpu = 0; cpu < 8; ++cpu) {
      const std::string folder = "/sys/devices/system/cpu/cpu" + std::to_string(cpu);
      write(folder + "/topology/thread_siblings_list", std::to_string(cpu));
      write(folder + "/cpufreq/scaling_governor", "performance");
    }
    write("/sys/devices/system/cpu/isolated", "4-7");
    write("/proc/cmdline", "root=/dev/sda1 isolcpus=4-7 nohz_full=4-7 rcu_nocbs=4-7");
    status("00000000000030c0", "0-7");
    memlock("unlimited");
    write("/sys/module/vfio_pci/version", "");
    write("/proc/sys/kernel/osrelease", "6.1.0");
    write("/lib/modules/6.1.0/modules.alias",
          "# Aliases extracted from modules themselves.\n"
          "alias pci:v00001AF4d*sv*sd*bc*sc*i* virtio_pci\n"
          "alias pci:v00008086d000010FBsv*sd*bc*sc*i* ixgbe\n"
          "alias vfio_pci:v*d*sv*sd*bc*sc*i* vfio_pci");
    write("/proc/net/route",
          "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n"
          "eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n");
    nic(kNic, "vfio-pci", "1", "17");
    interface("eth0");
    interface("eth1");
  }
  ~FakeMachine() { std::filesystem::remove_all(root_); }
  FakeMachine(const FakeMachine&) = delete;
  FakeMachine& operator=(const FakeMachine&) = delete;

  const std::string& root() const { return root_; }

  void write(const std::string& file, const std::string& text) const {
    std::filesystem::create_directories(std::filesystem::path(root_ + file).parent_path());
    std::ofstream(root_ + file) << text << "\n";
  }
  void remove(const std::string& file) const { std::filesystem::remove_all(root_ + file); }
  void link(const std::string& link, const std::string& target) const {
    remove(link);
    std::filesystem::create_directories(std::filesystem::path(root_ + link).parent_path());
    std::filesystem::create_symlink(target, root_ + link);
  }

  void pages(const std::string& folder, int total, int free) const {
    write(folder + "/hugepages-2048kB/nr_hugepages", std::to_string(total));
    write(folder + "/hugepages-2048kB/free_hugepages", std::to_string(free));
  }
  void status(const std::string& capabilities, const std::string& cpus) const {
    write("/proc/self/status", "Name:\tns-probe\nCapEff:\t" + capabilities + "\nCpus_allowed_list:\t" + cpus);
  }
  void memlock(const std::string& soft) const {
    write("/proc/self/limits",
          "Limit                     Soft Limit           Hard Limit           Units     \n"
          "Max locked memory         " +
              soft + "              " + soft + "              bytes     ");
  }
  // `driver` "" = none; `group` "" = no IOMMU.
  void nic(const std::string& address, const std::string& driver, const std::string& node,
           const std::string& group) const {
    const std::string device = "/sys/bus/pci/devices/" + address;
    write(device + "/class", "0x020000");
    write(device + "/modalias", "pci:v00008086d000010FBsv00008086sd00000003bc02sc00i00");
    write(device + "/numa_node", node);
    remove(device + "/driver");
    if (!driver.empty()) link(device + "/driver", "../../../bus/pci/drivers/" + driver);
    remove(device + "/iommu_group");
    if (group.empty()) return;
    link(device + "/iommu_group", "../../../kernel/iommu_groups/" + group);
    write("/sys/kernel/iommu_groups/" + group + "/devices/" + address, "");
    write("/dev/vfio/" + group, "");
  }
  void interface(const std::string& name) const {
    const std::string device = "/sys/class/net/" + name;
    write(device + "/flags", "0x1003");
    write(device + "/carrier", "1");
    for (const char* queue : {"rx-0", "rx-1", "tx-0"}) write(device + "/queues/" + queue + "/x", "");
    write(device + "/device/numa_node", "0");
  }

 private:
  std::string root_;
};

class DoctorTest : public testing::Test {
 protected:
  DoctorTest() {
    config_.root = machine_.root();
    config_.drivers = {{"net_ixgbe", {}}, {"mlx5_pci", {}}, {"net_virtio", {"needs rss=on"}}};
    config_.memory_mib = 512;
    config_.spool_dir = "/var/spool";
    config_.spool_limit_bytes = 1;
    machine_.write("/var/spool/x", "");
    port(kNic, 2);
  }
  void port(const std::string& spec, unsigned queues) { config_.ports = {{spec, queues}}; }

  // "LEVEL: text | mend" of the finding on `subject`; "" = none.
  std::string finding(const std::string& subject) const {
    std::string found;
    for (const Finding& f : examine(config_)) {
      if (f.subject != subject) continue;
      const char* levels[] = {"good: ", "warning: ", "fault: "};
      found += (found.empty() ? "" : "\n") + std::string(levels[static_cast<size_t>(f.level)]) + f.text;
      if (!f.mend.empty()) found += " | " + f.mend;
    }
    return found;
  }

  const FakeMachine machine_;
  DoctorConfig config_;
};

}  // namespace netspectra
