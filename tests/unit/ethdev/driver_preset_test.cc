#include "ethdev/driver_preset.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>

namespace netspectra {
namespace {

TEST(DriverPreset, IsThereForEachDriverThatIsNamedInTheGuide) {
  std::set<std::string> drivers;
  for (const DriverPreset& preset : driver_presets()) drivers.insert(preset.driver);
  const std::set<std::string> named = {"",         "mlx5_pci", "net_af_packet", "net_af_xdp", "net_ena",
                                       "net_i40e", "net_iavf", "net_ice",       "net_ixgbe",  "net_null",
                                       "net_pcap", "net_ring", "net_virtio",    "net_vmxnet3"};
  EXPECT_EQ(drivers, named);
}

TEST(DriverPreset, IsChosenByTheDriversNameElseTheOneForAnyDriver) {
  EXPECT_EQ(driver_preset("mlx5_pci").bind, "bifurcated");
  EXPECT_EQ(driver_preset("net_af_packet").devargs.at("blocksz"), "65536");
  EXPECT_EQ(driver_preset("net_nobody_knows").driver, "");
}

TEST(DriverPreset, NamesTheSourceOfEveryTrap) {
  for (const DriverPreset& preset : driver_presets()) {
    EXPECT_FALSE(preset.traps.empty()) << preset.driver;
    for (const std::string& trap : preset.traps) EXPECT_THAT(trap, testing::MatchesRegex(".+ \\[.+\\]"));
  }
}

TEST(DriverPreset, IsOverriddenKeyByKey) {
  const DriverPreset preset =
      with_overrides(driver_preset("net_af_packet"), {{"rx_descriptors", "4096"},
                                                      {"mtu", "0"},
                                                      {"promiscuous", "false"},
                                                      {"devargs", "framesz=4096,qdisc_bypass=0"}});
  EXPECT_EQ(preset.rx_descriptors, 4096u);
  EXPECT_EQ(preset.mtu, 0u);
  EXPECT_FALSE(preset.promiscuous);
  EXPECT_EQ(preset.devargs.at("framesz"), "4096");
  EXPECT_EQ(preset.devargs.at("blocksz"), "65536");  // the preset's, kept
}

TEST(DriverPreset, RefusesWrongOverridesWithAPhraseThatFollowsTheKey) {
  const auto refusal = [](const std::string& key, const std::string& value) {
    return std::string(check_preset_override(key, value).message());
  };
  EXPECT_EQ(refusal("burst", "32"),
            "is not a driver setting (known: rx_descriptors, mtu, promiscuous, rss, hardware_timestamps, "
            "rebalance, "
            "outgoing, devargs)");
  EXPECT_EQ(refusal("rx_descriptors", "31"), "needs a number from 32 to 32768, not '31'");
  EXPECT_EQ(refusal("rx_descriptors", "many"), "needs a number from 32 to 32768, not 'many'");
  EXPECT_EQ(refusal("mtu", "70000"), "needs a number from 68 to 65535, or 0, not '70000'");
  EXPECT_EQ(refusal("rss", "yes"), "needs true or false, not 'yes'");
  EXPECT_EQ(refusal("devargs", "framesz"),
            "needs device arguments like framesz=2048,framecnt=8192, not 'framesz'");
  EXPECT_EQ(refusal("mtu", "9000"), "");
}

}  // namespace
}  // namespace netspectra
