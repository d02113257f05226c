// What the doctor finds on machines of the test's own making: memory, permissions, cores, disk.
#include "doctor/doctor.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "fake_machine.h"

namespace netspectra {
namespace {

const std::string kPool1 = "/sys/devices/system/node/node1/hugepages";

TEST_F(DoctorTest, FindsNothingWrongWithAMachineThatIsRight) {
  std::string order;
  for (const Finding& f : examine(config_)) {
    EXPECT_EQ(f.level, Finding::Level::kGood) << f.subject << ": " << f.text;
    EXPECT_EQ(f.mend, "") << f.subject;
    order += f.subject + "; ";
  }
  EXPECT_EQ(
      order,
      "hugepages; memlock; permissions; IOMMU; vfio; driver of 0000:3b:00.0; vfio group of 0000:3b:00.0; "
      "NUMA node of 0000:3b:00.0; spread of 0000:3b:00.0; cores; isolation; sibling threads; governor; "
      "spool; ");
}

TEST(FindingsText, HasALineForEachAndTheMendBelow) {
  EXPECT_EQ(findings_text({{Finding::Level::kGood, "a", "is well", ""},
                           {Finding::Level::kWarning, "b", "is slow", "do this"},
                           {Finding::Level::kFault, "c", "is not there", ""}}),
            "ok    a: is well\n"
            "warn  b: is slow\n"
            "      mend: do this\n"
            "FAULT c: is not there\n");
}

TEST_F(DoctorTest, CountsTheHugepagesOfThePortsNode) {
  EXPECT_EQ(finding("hugepages"), "good: 1024 of 1024 pages of 2M free on node 1, 512 MiB needed");
  machine_.pages(kPool1, 300, 156);
  EXPECT_EQ(
      finding("hugepages"),
      "fault: 156 of 300 pages of 2M free on node 1, 512 MiB needed: a NIC on PCI writes its packets there | "
      "sudo scripts/hugepages.sh reserve --size 2M --count 400 --node 1 --persistent");
}

TEST_F(DoctorTest, AddsUpHugepagesOfBothSizes) {
  machine_.pages(kPool1, 0, 0);
  machine_.write(kPool1 + "/hugepages-1048576kB/nr_hugepages", "2");
  machine_.write(kPool1 + "/hugepages-1048576kB/free_hugepages", "1");
  EXPECT_EQ(finding("hugepages"),
            "good: 0 of 0 pages of 2M, 1 of 2 pages of 1G free on node 1, 512 MiB needed");
}

TEST_F(DoctorTest, SharesTheMemoryAmongNodesByQueues) {
  machine_.nic("0000:5e:00.0", "vfio-pci", "0", "18");
  config_.ports = {{kNic, 3}, {"0000:5e:00.0", 1}};
  EXPECT_EQ(finding("hugepages"),
            "good: 1024 of 1024 pages of 2M free on node 0, 128 MiB needed\n"
            "good: 1024 of 1024 pages of 2M free on node 1, 384 MiB needed");
}

TEST_F(DoctorTest, LetsVirtualPortsDoWithoutHugepages) {
  port("vdev:net_null0", 1);
  machine_.pages("/sys/kernel/mm/hugepages", 0, 0);
  EXPECT_EQ(finding("hugepages"),
            "warning: 0 of 0 pages of 2M free, 512 MiB needed: ordinary memory will do, and is slower | "
            "sudo scripts/hugepages.sh reserve --size 2M --count 256 --persistent");
  machine_.remove("/sys/kernel/mm/hugepages");
  EXPECT_EQ(finding("hugepages"), "warning: none, 512 MiB needed: ordinary memory will do, and is slower");
}

TEST_F(DoctorTest, ComparesMemlockWithWhatWillBeLocked) {
  EXPECT_EQ(finding("memlock"), "good: no limit");
  machine_.memlock("8388608");
  EXPECT_EQ(finding("memlock"),
            "fault: at most 8 MiB may be locked, 512 MiB will be | "
            "sudo prlimit --pid $$ --memlock=unlimited   (as a service: LimitMEMLOCK=infinity)");
  machine_.status("0000000000004000", "0-7");
  EXPECT_EQ(finding("memlock"), "good: a limit of 8 MiB, which CAP_IPC_LOCK lifts");
  machine_.status("0", "0-7");
  port("pcap:x", 1);
  EXPECT_EQ(finding("memlock"), "good: a limit of 8 MiB");
  machine_.memlock("536870912");
  port(kNic, 1);
  EXPECT_EQ(finding("memlock"), "good: a limit of 512 MiB");
  config_.kernel_locked_bytes = 1;  // another port's rings, beside the NIC's memory
  EXPECT_TRUE(finding("memlock").starts_with("fault: at most 512 MiB may be locked, 513 MiB will be"));
}

TEST_F(DoctorTest, ComparesMemlockWithTheRingsOfKernelInterfacesAndNotWithTheOtherMemory) {
  port("eth1", 1);
  machine_.memlock("8388608");
  config_.kernel_locked_bytes = 8388608;
  EXPECT_EQ(finding("memlock"), "good: a limit of 8 MiB");
  config_.kernel_locked_bytes = 8388609;
  EXPECT_EQ(finding("memlock"),
            "fault: at most 8 MiB may be locked, 9 MiB will be | "
            "sudo prlimit --pid $$ --memlock=unlimited   (as a service: LimitMEMLOCK=infinity)");
}

TEST_F(DoctorTest, AsksForThePermissionsThatThePortsNeedAndNoOthers) {
  machine_.status("0", "0-7");
  EXPECT_EQ(finding("permissions"), "good: none needed");  // vfio: the group's file says who may
  port("eth1", 1);
  EXPECT_EQ(finding("permissions"),
            "fault: cap_net_raw, cap_net_admin missing: the ports cannot be opened | "
            "sudo setcap cap_net_raw,cap_net_admin+ep \"$(command -v ns-probe)\"");
  machine_.status("0000000000002000", "0-7");
  EXPECT_EQ(finding("permissions"),
            "fault: cap_net_admin missing: the ports cannot be opened | "
            "sudo setcap cap_net_raw,cap_net_admin+ep \"$(command -v ns-probe)\"");
  machine_.status("0000000000003000", "0-7");
  EXPECT_EQ(finding("permissions"), "good: cap_net_raw, cap_net_admin");
}

TEST_F(DoctorTest, AsksForPhysicalAddressesWhereThereIsNoIommu) {
  machine_.status("0", "0-7");
  machine_.nic(kNic, "uio_pci_generic", "1", "");
  EXPECT_EQ(finding("permissions"),
            "fault: cap_sys_rawio, cap_sys_admin missing: the ports cannot be opened | "
            "sudo setcap cap_sys_rawio,cap_sys_admin+ep \"$(command -v ns-probe)\"");
}

TEST_F(DoctorTest, CountsTheCores) {
  EXPECT_EQ(finding("cores"), "good: 8 CPUs are usable (0-7), 3 needed: 2 workers and the control core");
  machine_.status("0", "0,4");
  EXPECT_EQ(finding("cores"),
            "warning: 2 CPUs are usable (0,4), 3 needed: 2 workers and the control core. Workers that share "
            "a CPU lose "
            "packets while they wait | ns-probe --queues 1 ...");
}

TEST_F(DoctorTest, LooksForIsolatedCores) {
  EXPECT_EQ(finding("isolation"), "good: CPUs 4-7 are isolated, without a tick");
  machine_.write("/proc/cmdline", "isolcpus=4-7");
  EXPECT_EQ(finding("isolation"),
            "warning: CPUs 4-7 are isolated, but the kernel's tick still interrupts them | "
            "kernel command line: nohz_full=4-7 rcu_nocbs=4-7");
  machine_.status("0", "0-3");
  EXPECT_EQ(finding("isolation"),
            "warning: CPUs 4-7 are isolated, but this process may use only 0-3 | "
            "taskset -c 0,4-7 ns-probe ...   (as a service: CPUAffinity=)");
  machine_.write("/sys/devices/system/cpu/isolated", "");
  EXPECT_EQ(finding("isolation"),
            "warning: no CPU is isolated: the kernel's other work interrupts the workers, and packets are "
            "lost meanwhile | "
            "kernel command line: isolcpus=managed_irq,domain,2-3 nohz_full=2-3 rcu_nocbs=2-3");
}

TEST_F(DoctorTest, FindsThreadsThatShareACore) {
  EXPECT_EQ(finding("sibling threads"), "good: no two usable CPUs share a core");
  for (int cpu = 0; cpu < 8; ++cpu) {
    const int first = cpu % 4;
    machine_.write("/sys/devices/system/cpu/cpu" + std::to_string(cpu) + "/topology/thread_siblings_list",
                   std::to_string(first) + "," + std::to_string(first + 4));
  }
  EXPECT_EQ(finding("sibling threads"),
            "warning: some usable CPUs share a core: two workers on one are slowed by half | "
            "taskset -c 0-3 ns-probe ...   (as a service: CPUAffinity=)");
  port(kNic, 4);
  EXPECT_EQ(finding("sibling threads"),
            "warning: 8 usable CPUs are threads of 4 cores, and 5 are needed: workers slow each other | "
            "ns-probe --queues 3 ...");
}

TEST_F(DoctorTest, FindsGovernorsThatSaveEnergy) {
  EXPECT_EQ(finding("governor"), "good: performance, or none");
  machine_.write("/sys/devices/system/cpu/cpu5/cpufreq/scaling_governor", "powersave");
  EXPECT_EQ(finding("governor"),
            "warning: powersave on CPUs 5: a burst meets a core that has not sped up yet | "
            "sudo cpupower frequency-set -g performance");
  machine_.status("0", "0-4");  // not one of ours
  EXPECT_EQ(finding("governor"), "good: performance, or none");
}

TEST_F(DoctorTest, ComparesTheSpoolsDiskWithItsLimit) {
  EXPECT_TRUE(finding("spool").starts_with("good: /var/spool has room for ")) << finding("spool");
  config_.spool_limit_bytes = uint64_t{1} << 60;
  EXPECT_TRUE(
      finding("spool").ends_with("its limit is 1.2 EB: the disk will be full first | df -h /var/spool"))
      << finding("spool");
}

TEST_F(DoctorTest, TakesASpoolThatIsYetToBeMade) {
  for (const char* dir : {"/var/yet", "/var/yet/", "/var/spool/"}) {
    config_.spool_dir = dir;
    EXPECT_TRUE(finding("spool").starts_with(std::string("good: ") + dir + " has room for "))
        << finding("spool");
  }
  // The start makes one folder, not those above it.
  config_.spool_dir = "/var/not/there/yet";
  EXPECT_EQ(
      finding("spool"),
      "fault: /var/not/there/yet cannot be made: the folder above it is missing, and only the last one is "
      "made | sudo install -d -m 0750 -o \"$(id -un)\" /var/not/there/yet");
  config_.spool_dir = "/var/spool/x/below_a_file";
  EXPECT_EQ(finding("spool"),
            "fault: /var/spool/x/below_a_file cannot be made: a file is in the way | "
            "sudo install -d -m 0750 -o \"$(id -un)\" /var/spool/x/below_a_file");
  config_.spool_dir = "";
  EXPECT_TRUE(finding("spool").starts_with("warning: none: ")) << finding("spool");
  config_.publishes = false;
  EXPECT_EQ(finding("spool"), "");
}

TEST_F(DoctorTest, FindsASpoolThatCannotBeWritten) {
  namespace fs = std::filesystem;
  fs::permissions(machine_.root(), fs::perms::group_exec | fs::perms::others_exec, fs::perm_options::add);
  fs::permissions(machine_.root() + "/var/spool", fs::perms::owner_read);
  // As somebody else, because root writes everywhere.
  const auto told = [&] {
    if (geteuid() == 0 && setuid(65534) != 0) return false;
    return finding("spool").starts_with("fault: /var/spool cannot be written: Permission denied");
  };
  EXPECT_EXIT(std::exit(told() ? 0 : 1), testing::ExitedWithCode(0), "");
  fs::permissions(machine_.root() + "/var/spool", fs::perms::owner_all);  // so that it can be removed
}

TEST(Doctor, SaysWhetherThisMachinesClockIsSynchronised) {
  std::string clock;
  for (const Finding& f : examine({})) clock += f.subject == "clock" ? f.text : "";
  EXPECT_TRUE(clock == "synchronised" || clock.starts_with("not ")) << clock;
}

TEST(Doctor, SurvivesAMachineThatTellsNothing) {
  DoctorConfig config;
  config.root = testing::TempDir() + "/no_such_machine";
  config.memory_mib = 64;
  config.ports = {{kNic, 1}, {"eth0", 1}, {"pcap:x", 1}, {"vdev:net_null0", 1}};
  EXPECT_FALSE(examine(config).empty());
}

}  // namespace
}  // namespace netspectra
