#include "ethdev/cpu_placement.h"

#include <gtest/gtest.h>

namespace netspectra {
namespace {

using Cpus = std::vector<int>;

// Two nodes of two cores with two threads each, numbered as Linux mostly does: threads after cores.
const std::vector<Cpu> kTwoNodes = {{0, 0, 0}, {1, 0, 1}, {2, 1, 2}, {3, 1, 3},
                                    {4, 0, 0}, {5, 0, 1}, {6, 1, 2}, {7, 1, 3}};

TEST(CpuPlacement, PutsWorkersOnTheirPortsNodeAndOnCoresOfTheirOwn) {
  const CpuPlacement placed = place_workers(kTwoNodes, {1, 1});
  EXPECT_EQ(placed.main_cpu, 0);
  EXPECT_EQ(placed.worker_cpus, (Cpus{2, 3}));
  EXPECT_TRUE(placed.warnings.empty());
}

TEST(CpuPlacement, KeepsOffTheMainLcoresCoreAsLongAsThereAreOthers) {
  EXPECT_EQ(place_workers(kTwoNodes, {-1, -1, -1}).worker_cpus, (Cpus{1, 2, 3}));
}

TEST(CpuPlacement, PrefersASiblingThreadOnTheRightNodeToAnotherNode) {
  const CpuPlacement placed = place_workers(kTwoNodes, {1, 1, 1});
  EXPECT_EQ(placed.worker_cpus, (Cpus{2, 3, 6}));
  EXPECT_TRUE(placed.warnings.empty());
}

TEST(CpuPlacement, SaysWhatAnotherNodeCosts) {
  const CpuPlacement placed = place_workers(kTwoNodes, {1, 1, 1, 1, 1});
  ASSERT_EQ(placed.warnings.size(), 1u);
  EXPECT_NE(placed.warnings[0].find("worker 4 polls on NUMA node 0, but its port is on node 1"),
            std::string::npos)
      << placed.warnings[0];
}

TEST(CpuPlacement, SharesCpusOnlyWhereThereAreTooFewAndSaysSo) {
  const std::vector<Cpu> two = {{0, -1, 0}, {1, -1, 1}};
  const CpuPlacement placed = place_workers(two, {-1, -1, -1});
  EXPECT_EQ(placed.worker_cpus, (Cpus{1, 0, 1}));
  ASSERT_EQ(placed.warnings.size(), 2u);
  EXPECT_NE(placed.warnings[0].find("worker 1 shares CPU 0"), std::string::npos) << placed.warnings[0];
}

TEST(CpuPlacement, ReadsTheMachinesCpus) {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  sched_getaffinity(0, sizeof(allowed), &allowed);
  const std::vector<Cpu> cpus = read_cpus(allowed);
  EXPECT_EQ(cpus.size(), static_cast<size_t>(CPU_COUNT(&allowed)));
  EXPECT_EQ(numa_node_of("no-such-interface"), -1);
}

}  // namespace
}  // namespace netspectra
