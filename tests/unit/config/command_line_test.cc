#include "config/command_line.h"

#include <gtest/gtest.h>

#include <initializer_list>
#include <string>
#include <vector>

namespace netspectra {

bool operator==(const CommandLine::Option& a, const CommandLine::Option& b) {
  return a.name == b.name && a.value == b.value;
}
std::ostream& operator<<(std::ostream& out, const CommandLine::Option& o) {
  return out << "--" << o.name << " [" << o.value << "]";
}

namespace {

using Strings = std::vector<std::string>;
using Options = std::vector<CommandLine::Option>;

constexpr OptionName kOptions[] = {{"help", 'h', OptionName::Use::kFlag},
                                   {"task", 't', OptionName::Use::kRepeatable},
                                   {"workers", 'w'},
                                   {"top", 'n'},
                                   {"filter", 0}};

CommandLine read(std::initializer_list<const char*> arguments) {
  std::vector<const char*> argv = {"program"};
  argv.insert(argv.end(), arguments);
  return read_command_line(static_cast<int>(argv.size()), argv.data(), kOptions);
}

TEST(CommandLine, MayBeEmpty) {
  EXPECT_TRUE(read({}).options.empty());
  EXPECT_TRUE(read_command_line(0, nullptr, kOptions).files.empty());
}

TEST(CommandLine, TakesEveryFormOfAnOption) {
  for (const CommandLine& line :
       {read({"-w", "3"}), read({"-w3"}), read({"--workers", "3"}), read({"--workers=3"})}) {
    EXPECT_EQ(line.options, (Options{{"workers", "3"}}));
    EXPECT_TRUE(line.files.empty());
    EXPECT_TRUE(line.mistakes.empty());
  }
}

TEST(CommandLine, KeepsOptionsAndFilesInOrderWhereverTheyStand) {
  const CommandLine line = read({"a.pcap", "-t", "x", "b.pcap", "--task=y", "-w", "2", "c.pcap"});
  EXPECT_EQ(line.options, (Options{{"task", "x"}, {"task", "y"}, {"workers", "2"}}));
  EXPECT_EQ(line.files, (Strings{"a.pcap", "b.pcap", "c.pcap"}));
  EXPECT_TRUE(line.mistakes.empty());
  EXPECT_TRUE(line.has("task"));
  EXPECT_FALSE(line.has("top"));
}

TEST(CommandLine, AFlagTakesNoValue) {
  const CommandLine line = read({"--help", "-w", "2"});
  EXPECT_EQ(line.options, (Options{{"help", ""}, {"workers", "2"}}));
}

TEST(CommandLine, AnEmptyValueIsAValue) {
  EXPECT_EQ(read({"--filter="}).options, (Options{{"filter", ""}}));
  EXPECT_EQ(read({"--filter", ""}).options, (Options{{"filter", ""}}));
}

TEST(CommandLine, AValueMayHoldEqualsSignsSpacesAndDashes) {
  EXPECT_EQ(read({"--task=a=b:c=d"}).options, (Options{{"task", "a=b:c=d"}}));
  EXPECT_EQ(read({"--filter", "tcp and not port 22"}).options, (Options{{"filter", "tcp and not port 22"}}));
  EXPECT_EQ(read({"--filter=-x"}).options, (Options{{"filter", "-x"}}));
  EXPECT_EQ(read({"-t", "-"}).options, (Options{{"task", "-"}}));
}

TEST(CommandLine, WithoutADoubleDashAllIsTheProgramsOwn) {
  EXPECT_TRUE(read({"-w", "2", "a.pcap"}).eal_args.empty());
}

TEST(CommandLine, BeforeADoubleDashAllIsTheEals) {
  const CommandLine line = read({"-l", "0-3", "--no-pci", "--help", "--", "-w", "2", "a.pcap"});
  EXPECT_EQ(line.eal_args, (Strings{"-l", "0-3", "--no-pci", "--help"}));
  EXPECT_EQ(line.options, (Options{{"workers", "2"}}));
  EXPECT_EQ(line.files, (Strings{"a.pcap"}));
  EXPECT_TRUE(line.mistakes.empty());
}

TEST(CommandLine, ALeadingDoubleDashLeavesTheEalNothing) {
  const CommandLine line = read({"--", "-w", "2"});
  EXPECT_TRUE(line.eal_args.empty());
  EXPECT_EQ(line.options, (Options{{"workers", "2"}}));
}

TEST(CommandLine, ASecondDoubleDashEndsTheOptions) {
  const CommandLine line = read({"--", "-w", "2", "--", "-t", "--top="});
  EXPECT_EQ(line.options, (Options{{"workers", "2"}}));
  EXPECT_EQ(line.files, (Strings{"-t", "--top="}));
  EXPECT_TRUE(line.mistakes.empty());
}

TEST(CommandLine, DoesNotGuessFromAPrefix) {
  EXPECT_EQ(read({"--work=3"}).mistakes, (Strings{"--work: unknown option (see --help)"}));
  EXPECT_EQ(read({"--worker", "3"}).mistakes,
            (Strings{"--worker: unknown option (did you mean --workers? see --help)"}));
}

TEST(CommandLine, ReportsEveryMistakeAtOnce) {
  const CommandLine line = read({"--flter=x", "-w", "-n", "5", "-xyz", "--=3", "--top", "6",
                                 "--filter=", "--filter", "", "a.pcap", "--task"});
  EXPECT_EQ(line.mistakes, (Strings{
                               "--flter: unknown option (did you mean --filter? see --help)",
                               "--workers: needs a value",
                               "-xyz: unknown option (see --help)",
                               "--: unknown option (see --help)",
                               "--top 6: is given twice",
                               "--filter \"\": is given twice",
                               "--task: needs a value",
                           }));
  EXPECT_EQ(line.options, (Options{{"top", "5"}, {"filter", ""}}));
  EXPECT_EQ(line.files, (Strings{"a.pcap"}));
}

}  // namespace
}  // namespace netspectra
