#include "ethdev/cpu_load.h"

#include <gtest/gtest.h>

namespace netspectra {
namespace {

using Numbers = std::vector<int>;

TEST(CpuLoad, IsTheShareOfTicksThatWereNotIdle) {
  const std::string before =
      "cpu  300 0 0 700 0 0 0\ncpu0 100 0 0 400 0 0 0 0 0 0\ncpu1 200 0 0 300 0 0 0 0 0 0\nintr 5\n";
  const std::string after =
      "cpu  400 0 0 800 0 0 0\ncpu0 175 0 5 420 0 0 0 0 0 0\ncpu1 200 0 0 350 50 0 0 0 0 0\nintr 9\n";
  EXPECT_EQ(busy_percent(before, after, {0, 1}), (Numbers{80, 0}));
  EXPECT_EQ(busy_percent(before, after, {7}), (Numbers{0}));
  EXPECT_EQ(busy_percent(before, before, {0}), (Numbers{0}));
}

TEST(CpuLoad, ReadsListsOfCpus) {
  EXPECT_EQ(parse_cpu_list("2-4,7\n"), (Numbers{2, 3, 4, 7}));
  EXPECT_EQ(parse_cpu_list("\n"), (Numbers{}));
}

TEST(CpuLoad, RefusesABusyCpuThatIsIsolated) {
  std::vector<std::string> warnings;
  const absl::Status status = judge_busy_cpus({2, 3}, {10, 97}, {3}, warnings);
  EXPECT_NE(status.message().find("CPU 3 is 97 % busy although it is isolated"), absl::string_view::npos)
      << status;
  EXPECT_TRUE(warnings.empty());
}

TEST(CpuLoad, WarnsOfAnyOtherBusyCpu) {
  std::vector<std::string> warnings;
  EXPECT_TRUE(judge_busy_cpus({2, 3}, {49, 50}, {}, warnings).ok());
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_NE(warnings[0].find("CPU 3 is 50 % busy with other work"), std::string::npos) << warnings[0];
}

}  // namespace
}  // namespace netspectra
