#include "ethdev/eal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rte_eal.h>
#include <rte_ethdev.h>
#include <rte_lcore.h>
#include <unistd.h>

#include <filesystem>
#include <string>

namespace netspectra {
namespace {

TEST(Eal, StartsForAPciDeviceOnlyWithHugepages) {
  const std::filesystem::path folder = "/sys/bus/pci/devices";
  std::error_code none;
  std::filesystem::directory_iterator device(folder, none);
  if (none || device == std::filesystem::directory_iterator()) GTEST_SKIP() << "no PCI device is here";
  EalConfig config;
  config.pci_ports = {"0000:fe:1f.7", device->path().filename()};
  config.memory_mib = 1 << 24;  // that much nobody reserves
  const absl::Status refused = start_eal(config).status();
  EXPECT_EQ(refused.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(refused.message()),
              testing::AllOf(
                  testing::StartsWith("port " + config.pci_ports[1] + ": "),
                  testing::ContainsRegex("scripts/hugepages.sh reserve --size [0-9]+[MK] --count [0-9]+")));
}

TEST(Eal, TakesTheCpusItIsGivenAndNoDeviceOfItsOwnAccord) {
  EalConfig config;
  config.polling_lcores = 2;
  config.pci_ports = {"0000:fe:1f.7"};
  config.telemetry = true;
  config.file_prefix = "netspectra_test_" + std::to_string(getpid());
  config.main_cpu = 0;
  config.worker_cpus = {0, 0};
  const absl::StatusOr<EalInfo> eal = start_eal(config);
  ASSERT_TRUE(eal.ok()) << eal.status();
  EXPECT_THAT(eal->polling_lcores, testing::ElementsAre(1, 2));
  EXPECT_THAT(eal->polling_cpus, testing::ElementsAre(testing::ElementsAre(0), testing::ElementsAre(0)));
  EXPECT_EQ(CPU_ISSET(0, &eal->other_cpus), CPU_COUNT(&eal->cpus) == 1);
  EXPECT_GE(CPU_COUNT(&eal->other_cpus), 1);
  for (unsigned lcore : {0u, 1u, 2u}) {
    const rte_cpuset_t cpus = rte_lcore_cpuset(lcore);
    EXPECT_EQ(CPU_COUNT(&cpus), 1);
    EXPECT_TRUE(CPU_ISSET(0, &cpus));
  }
  EXPECT_EQ(rte_eth_dev_count_avail(), 0);
  const std::string folder = rte_eal_get_runtime_dir();
  EXPECT_THAT(folder, testing::EndsWith(config.file_prefix));
  EXPECT_EQ(access((folder + "/dpdk_telemetry.v2").c_str(), F_OK), 0);
  rte_eal_cleanup();
  unlink((folder + "/dpdk_telemetry.v2").c_str());
  rmdir(folder.c_str());
}

}  // namespace
}  // namespace netspectra
