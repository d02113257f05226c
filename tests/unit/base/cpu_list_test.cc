#include "base/cpu_list.h"

#include <gtest/gtest.h>

namespace netspectra {
namespace {

using Cpus = std::set<unsigned>;

TEST(CpuList, ReadsNumbersAndRanges) {
  EXPECT_EQ(parse_cpu_list("2-4,7\n"), (Cpus{2, 3, 4, 7}));
  EXPECT_EQ(parse_cpu_list("\n"), Cpus{});
  EXPECT_EQ(parse_cpu_list(""), Cpus{});
}

TEST(CpuList, LeavesOutWhatIsNone) {
  EXPECT_EQ(parse_cpu_list("x,3,4-,5-y,-6,8-7"), Cpus{3});
  EXPECT_EQ(parse_cpu_list("8190-4000000000"), (Cpus{8190, 8191}));
}

TEST(CpuList, IsWrittenAsShortAsItCanBe) {
  EXPECT_EQ(cpu_list_text({0, 1, 2, 5, 7, 8}), "0-2,5,7-8");
  EXPECT_EQ(cpu_list_text({}), "");
}

}  // namespace
}  // namespace netspectra
