#include "config/words.h"

#include <gtest/gtest.h>

namespace netspectra {
namespace {

constexpr const char* kWords[] = {"period", "progress", "top", "tasks"};

TEST(Words, AreFoundByTheirPlace) {
  EXPECT_EQ(find_word("period", kWords).value(), 0u);
  EXPECT_EQ(find_word("tasks", kWords).value(), 3u);
}

TEST(Words, AnUnknownOneIsToldWithAllThatAreKnown) {
  EXPECT_EQ(find_word("colour", kWords).status().message(),
            "is unknown (known: period, progress, top, tasks)");
}

TEST(Words, AMisspeltOneIsToldWithItsLikelyMeaning) {
  EXPECT_EQ(find_word("perod", kWords).status().message(),
            "is unknown (did you mean \"period\"? known: period, progress, top, tasks)");
}

TEST(Words, CloseIsAThirdOfTheLettersAndASwapCountsOnce) {
  EXPECT_EQ(closest_word("peroid", kWords), "period");  // one swap
  EXPECT_EQ(closest_word("prd", kWords), "");           // three letters missing of six
  EXPECT_EQ(closest_word("perd", kWords), "period");    // two letters missing of six
  EXPECT_EQ(closest_word("task", kWords), "tasks");     // one missing
  EXPECT_EQ(closest_word("progresses", kWords), "progress");
  EXPECT_EQ(closest_word("tpo", kWords), "top");
  EXPECT_EQ(closest_word("tip", kWords), "top");
  EXPECT_EQ(closest_word("tie", kWords), "");
  EXPECT_EQ(closest_word("", kWords), "");
  EXPECT_EQ(closest_word("PERIOD", kWords), "");
}

TEST(Words, TheNearerOfTwoWins) {
  constexpr const char* kPorts[] = {"src_port", "dst_port"};
  EXPECT_EQ(closest_word("dsr_port", kPorts), "dst_port");
  EXPECT_EQ(closest_word("src_prot", kPorts), "src_port");
}

}  // namespace
}  // namespace netspectra
