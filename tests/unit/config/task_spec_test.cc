#include "config/task_spec.h"

#include <gtest/gtest.h>

#include <initializer_list>
#include <string>
#include <vector>

#include "task_text.h"

namespace netspectra {
namespace {

using Strings = std::vector<std::string>;

KeyFields fields(std::initializer_list<KeyField> list) {
  KeyFields fields;
  for (KeyField f : list) fields.add(f);
  return fields;
}

Strings mistakes(const std::string& spec) {
  std::vector<TaskConfig> tasks;
  return add_task_spec(spec, tasks);
}

TaskConfig good(const std::string& spec) {
  std::vector<TaskConfig> tasks;
  EXPECT_EQ(add_task_spec(spec, tasks), Strings{});
  EXPECT_EQ(tasks.size(), 1u);
  return tasks.at(0);
}

// As it was understood, in one line.
std::string read_back(const std::string& spec) { return task_text(good(spec)); }

constexpr const char* kKnownFields = "known: src_ip, dst_ip, src_port, dst_port, protocol, vlan)";

constexpr const char* kCount =
    "must be a whole number, with or without a unit (k, M, G, Ki, Mi, Gi; for example 250k)";
constexpr const char* kThreshold =
    "must be a count of at least 1 (4096, 10k), or a share above 0 and at most 100 % with at most four "
    "decimals (0.1%)";
constexpr const char* kMemory =
    "must be a size from 4KiB to 1GiB (B, kB, MB, GB, KiB, MiB, GiB; for example 256KiB)";

TEST(TaskSpec, NamesKindAndFields) {
  const TaskConfig task = good("web-1=exact:dst_ip,dst_port");
  EXPECT_EQ(task.name, "web-1");
  EXPECT_EQ(task.kind, TaskKind::kExact);
  EXPECT_EQ(task.fields, fields({KeyField::kDstIp, KeyField::kDstPort}));
  EXPECT_TRUE(task.elements.empty());
  EXPECT_EQ(task.capacity, 0u);
}

TEST(TaskSpec, KnowsEveryField) {
  for (size_t i = 0; i < kKeyFieldCount; ++i) {
    EXPECT_EQ(good(std::string("a=exact:") + kKeyFieldNames[i]).fields, fields({static_cast<KeyField>(i)}));
  }
}

TEST(TaskSpec, KnowsEveryKind) {
  EXPECT_EQ(good("a=exact:src_ip").kind, TaskKind::kExact);
  EXPECT_EQ(good("a=heavy_hitters:src_ip").kind, TaskKind::kHeavyHitters);
  EXPECT_EQ(good("a=super_spreader:src_ip/dst_ip").kind, TaskKind::kSuperSpreader);
  EXPECT_EQ(good("a=cardinality:src_ip").kind, TaskKind::kCardinality);
}

TEST(TaskSpec, TakesACapacity) {
  EXPECT_EQ(good("a=exact:src_ip:capacity=64Ki").capacity, 65'536u);
  EXPECT_EQ(good("a=exact:src_ip:capacity=1G").capacity, 1'000'000'000u);
}

TEST(TaskSpec, WhatIsNotGivenIsLeftToTheKind) {
  for (const char* spec :
       {"a=heavy_hitters:src_ip", "a=super_spreader:src_ip/dst_ip", "a=cardinality:src_ip"}) {
    const TaskConfig task = good(spec);
    EXPECT_FALSE(task.threshold.set());
    EXPECT_EQ(task.by, RankBy::kPackets);
    EXPECT_EQ(task.memory_bytes, 0u);
    EXPECT_EQ(task.seed, 1u);
  }
}

TEST(TaskSpec, TakesTheOptionsOfEachEstimator) {
  const TaskConfig hitters = good("a=heavy_hitters:src_ip:threshold=10k,by=bytes,memory=256KiB,seed=7");
  EXPECT_EQ(hitters.threshold.count, 10'000u);
  EXPECT_EQ(hitters.threshold.share_ppm, 0u);
  EXPECT_EQ(hitters.by, RankBy::kBytes);
  EXPECT_EQ(hitters.memory_bytes, 262'144u);
  EXPECT_EQ(hitters.seed, 7u);
  EXPECT_EQ(good("a=heavy_hitters:src_ip:by=packets").by, RankBy::kPackets);

  const TaskConfig spreader = good("a=super_spreader:src_ip/dst_ip:memory=1MiB,threshold=250,seed=0");
  EXPECT_EQ(spreader.threshold.count, 250u);
  EXPECT_EQ(spreader.memory_bytes, 1'048'576u);
  EXPECT_EQ(spreader.seed, 0u);

  EXPECT_EQ(good("a=cardinality:src_ip:seed=18446744073709551615").seed, UINT64_MAX);
}

TEST(TaskSpec, AShareIsReadToTheMillionth) {
  const std::pair<const char*, uint32_t> cases[] = {
      {"0.1%", 1'000},       {"0.0001%", 1},      {"100%", 1'000'000}, {"1%", 10'000},
      {"99.9999%", 999'999}, {"12.50%", 125'000}, {"007.5%", 75'000},  {"100.0000%", 1'000'000}};
  for (const auto& [text, ppm] : cases) {
    const Threshold threshold = good(std::string("a=heavy_hitters:src_ip:threshold=") + text).threshold;
    EXPECT_EQ(threshold.share_ppm, ppm) << text;
    EXPECT_EQ(threshold.count, 0u) << text;
  }
}

TEST(TaskSpec, WhatIsNoThresholdIsRefused) {
  for (const std::string value : {"",
                                  "0",
                                  "0%",
                                  "0.0%",
                                  "0.00001%",
                                  "100.0001%",
                                  "101%",
                                  "1000%",
                                  "%",
                                  ".%",
                                  ".1%",
                                  "1.%",
                                  "1.2.3%",
                                  "-1%",
                                  "+1%",
                                  "1 %",
                                  " 1%",
                                  "1e1%",
                                  "0.1",
                                  "10x",
                                  "-1",
                                  "1%%",
                                  "99999999999999999999%"}) {
    EXPECT_EQ(mistakes("a=heavy_hitters:src_ip:threshold=" + value),
              (Strings{"option \"threshold=" + value + "\" " + kThreshold}));
  }
  EXPECT_EQ(mistakes("a=super_spreader:src_ip/dst_ip:threshold=0"),
            (Strings{"option \"threshold=0\" must be at least 1"}));
  EXPECT_EQ(mistakes("a=super_spreader:src_ip/dst_ip:threshold=1%"),
            (Strings{std::string("option \"threshold=1%\" ") + kCount}));
}

TEST(TaskSpec, MemoryHasAUnitAndBounds) {
  const std::pair<const char*, uint64_t> cases[] = {
      {"4KiB", 4096}, {"4096B", 4096}, {"1GiB", 1'073'741'824}, {"1GB", 1'000'000'000}, {"64kB", 64'000}};
  for (const auto& [text, bytes] : cases) {
    EXPECT_EQ(good(std::string("a=heavy_hitters:src_ip:memory=") + text).memory_bytes, bytes) << text;
  }
  for (const std::string value : {"", "B", "262144", "256Ki", "4095B", "3KiB", "1073741825B", "2GiB", "1TiB",
                                  "-4KiB", "4 KiB", "4KiBB"}) {
    EXPECT_EQ(mistakes("a=super_spreader:src_ip/dst_ip:memory=" + value),
              (Strings{"option \"memory=" + value + "\" " + kMemory}));
  }
}

TEST(TaskSpec, RankAndSeedAreChecked) {
  EXPECT_EQ(mistakes("a=heavy_hitters:src_ip:by=flows"),
            (Strings{"option \"by=flows\" is unknown (known: packets, bytes)"}));
  EXPECT_EQ(mistakes("a=cardinality:src_ip:seed=x"), (Strings{std::string("option \"seed=x\" ") + kCount}));
}

TEST(TaskSpec, TakesFieldsAndElementsInAnyOrder) {
  EXPECT_EQ(read_back("b=exact:vlan,protocol,dst_port,src_port,dst_ip,src_ip:capacity=4096"),
            "b=exact:src_ip,dst_ip,src_port,dst_port,protocol,vlan:capacity=4096");
  EXPECT_EQ(read_back("b=super_spreader:vlan,src_ip/dst_port,dst_ip:threshold=5"),
            "b=super_spreader:src_ip,vlan/dst_ip,dst_port:threshold=5");
}

TEST(TaskSpec, TheDefaultIsTheFiveTuple) {
  EXPECT_EQ(task_text(default_task()), "per_five_tuple=exact:src_ip,dst_ip,src_port,dst_port,protocol");
}

TEST(TaskSpec, TheWordDefaultAddsTheDefaultTasks) {
  std::vector<TaskConfig> tasks;
  EXPECT_EQ(add_task_spec("web=exact:dst_port", tasks), Strings{});
  EXPECT_EQ(add_task_spec("default", tasks), Strings{});
  Strings texts;
  for (const TaskConfig& task : tasks) texts.push_back(task_text(task));
  EXPECT_EQ(texts,
            (Strings{"web=exact:dst_port", "per_five_tuple=exact:src_ip,dst_ip,src_port,dst_port,protocol",
                     "top_src=heavy_hitters:src_ip", "top_dst=heavy_hitters:dst_ip",
                     "spread_src=super_spreader:src_ip/dst_ip", "spread_dst=super_spreader:dst_ip/src_ip",
                     "flows=cardinality:src_ip,dst_ip,src_port,dst_port,protocol"}));
}

TEST(TaskSpec, ADefaultTasksNameIsNotSharedEither) {
  std::vector<TaskConfig> tasks;
  EXPECT_EQ(add_task_spec("top_dst=exact:dst_ip", tasks), Strings{});
  EXPECT_EQ(add_task_spec("default", tasks), (Strings{"name \"top_dst\" is the name of another task too"}));
}

TEST(TaskSpec, HasAShape) {
  for (const char* spec : {"", "a", "a=exact", "exact:src_ip", "a:exact=src_ip", "Default"}) {
    EXPECT_EQ(mistakes(spec), (Strings{"is not a task (NAME=KIND:FIELD,FIELD[/ELEMENT,ELEMENT]"
                                       "[:option=value,...], or default)"}))
        << spec;
  }
}

TEST(TaskSpec, ANameIsAFileNameAndASubjectToken) {
  const std::string longest(64, 'n');
  EXPECT_EQ(mistakes(longest + "=exact:src_ip"), Strings{});
  EXPECT_EQ(mistakes("AZaz09_-=exact:src_ip"), Strings{});
  for (const std::string& name : {std::string(), longest + "n", std::string("a b"), std::string("a.b"),
                                  std::string("a/b"), std::string("*"), std::string("\xc3\xa9")}) {
    EXPECT_EQ(mistakes(name + "=exact:src_ip"),
              (Strings{"name \"" + name + "\" is not a task name (1 to 64 letters, digits, _ and -)"}));
  }
}

TEST(TaskSpec, ANameIsNotSharedWithAnotherTask) {
  std::vector<TaskConfig> tasks = {default_task()};
  EXPECT_EQ(add_task_spec("per_five_tuple=exact:src_ip", tasks),
            (Strings{"name \"per_five_tuple\" is the name of another task too"}));
  EXPECT_EQ(add_task_spec("Per_five_tuple=exact:src_ip", tasks), Strings{});
}

TEST(TaskSpec, AnUnknownKindIsToldWithTheKnownOnes) {
  const std::string known = "known: exact, heavy_hitters, super_spreader, cardinality)";
  EXPECT_EQ(mistakes("scan=spread:src_ip/dst_ip:threshold=100"),
            (Strings{"kind \"spread\" is unknown (" + known}));
  EXPECT_EQ(mistakes("a=heavy_hitter:src_ip"),
            (Strings{"kind \"heavy_hitter\" is unknown (did you mean \"heavy_hitters\"? " + known}));
  EXPECT_EQ(mistakes("a=:src_ip"), (Strings{"kind \"\" is unknown (" + known}));
}

TEST(TaskSpec, OnlySuperSpreadersTakeElements) {
  EXPECT_EQ(mistakes("a=exact:src_ip/dst_ip,dst_port"),
            (Strings{"kind exact takes no elements (\"/dst_ip,dst_port\")"}));
  EXPECT_EQ(mistakes("a=heavy_hitters:src_ip/"), (Strings{"kind heavy_hitters takes no elements (\"/\")"}));
  EXPECT_EQ(mistakes("a=cardinality:src_ip/dst_ip"),
            (Strings{"kind cardinality takes no elements (\"/dst_ip\")"}));
}

TEST(TaskSpec, ElementsAreThereKnownGivenOnceAndNotInTheKey) {
  EXPECT_EQ(mistakes("a=super_spreader:src_ip"),
            (Strings{"kind super_spreader needs elements (FIELD,FIELD/ELEMENT,ELEMENT)"}));
  EXPECT_EQ(mistakes("a=super_spreader:src_ip/"),
            (Strings{std::string("element \"\" is unknown (") + kKnownFields}));
  EXPECT_EQ(mistakes("a=super_spreader:src_ip/dstip,src_ip,vlan,vlan"),
            (Strings{std::string("element \"dstip\" is unknown (did you mean \"dst_ip\"? ") + kKnownFields,
                     "element \"src_ip\" is a field of the same task", "element \"vlan\" is given twice"}));
  EXPECT_EQ(mistakes("a=super_spreader:src_ip/dst_ip/vlan"),
            (Strings{std::string("element \"dst_ip/vlan\" is unknown (") + kKnownFields}));
}

TEST(TaskSpec, FieldsAreKnownAndGivenOnce) {
  EXPECT_EQ(mistakes("a=exact:"), (Strings{std::string("field \"\" is unknown (") + kKnownFields}));
  EXPECT_EQ(mistakes("a=exact:src_ip,"), (Strings{std::string("field \"\" is unknown (") + kKnownFields}));
  EXPECT_EQ(mistakes("a=exact:source"),
            (Strings{std::string("field \"source\" is unknown (") + kKnownFields}));
  EXPECT_EQ(mistakes("a=exact:src_ip,srcip,src_ip"),
            (Strings{std::string("field \"srcip\" is unknown (did you mean \"src_ip\"? ") + kKnownFields,
                     "field \"src_ip\" is given twice"}));
}

TEST(TaskSpec, OptionsAreTheKindsAndGivenOnce) {
  EXPECT_EQ(mistakes("a=exact:src_ip:"),
            (Strings{"option \"\" is not an option of exact (known: capacity)"}));
  EXPECT_EQ(mistakes("a=exact:src_ip:capcity=1"), (Strings{"option \"capcity=1\" is not an option of exact "
                                                           "(did you mean \"capacity\"? known: capacity)"}));
  EXPECT_EQ(mistakes("a=exact:src_ip:seed=1"),
            (Strings{"option \"seed=1\" is not an option of exact (known: capacity)"}));
  EXPECT_EQ(mistakes("a=heavy_hitters:src_ip:capacity=1M"),
            (Strings{"option \"capacity=1M\" is not an option of heavy_hitters "
                     "(known: threshold, by, memory, seed)"}));
  EXPECT_EQ(mistakes("a=super_spreader:src_ip/dst_ip:by=bytes"),
            (Strings{"option \"by=bytes\" is not an option of super_spreader "
                     "(known: threshold, memory, seed)"}));
  EXPECT_EQ(mistakes("a=cardinality:src_ip:memory=1MiB"),
            (Strings{"option \"memory=1MiB\" is not an option of cardinality (known: seed)"}));
  EXPECT_EQ(mistakes("a=exact:src_ip:capacity=1,capacity=2"),
            (Strings{"option \"capacity=2\" is given twice"}));
  EXPECT_EQ(mistakes("a=heavy_hitters:src_ip:seed=1,threshold=5,seed=1,threshold=1%"),
            (Strings{"option \"seed=1\" is given twice", "option \"threshold=1%\" is given twice"}));
  EXPECT_EQ(mistakes("a=exact:src_ip:capacity"), (Strings{std::string("option \"capacity\" ") + kCount}));
  EXPECT_EQ(mistakes("a=exact:src_ip:capacity=0"), (Strings{"option \"capacity=0\" must be from 1 to 1G"}));
  EXPECT_EQ(mistakes("a=exact:src_ip:capacity=1000000001"),
            (Strings{"option \"capacity=1000000001\" must be from 1 to 1G"}));
}

TEST(TaskSpec, EveryMistakeIsToldAtOnce) {
  EXPECT_EQ(mistakes("a b=exact:ip/x:capacity=0,y=1"),
            (Strings{"name \"a b\" is not a task name (1 to 64 letters, digits, _ and -)",
                     std::string("field \"ip\" is unknown (") + kKnownFields,
                     "kind exact takes no elements (\"/x\")", "option \"capacity=0\" must be from 1 to 1G",
                     "option \"y=1\" is not an option of exact (known: capacity)"}));
  EXPECT_EQ(
      mistakes("a=super_spreader:src_ip/ip:threshold=0,memory=1,by=packets"),
      (Strings{std::string("element \"ip\" is unknown (") + kKnownFields,
               "option \"threshold=0\" must be at least 1", std::string("option \"memory=1\" ") + kMemory,
               "option \"by=packets\" is not an option of super_spreader "
               "(known: threshold, memory, seed)"}));
}

}  // namespace
}  // namespace netspectra
