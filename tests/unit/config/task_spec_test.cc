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
  TaskConfig task;
  return parse_task_spec(spec, {}, task);
}

constexpr const char* kKnownFields = "known: src_ip, dst_ip, src_port, dst_port, protocol, vlan)";

TEST(TaskSpec, NamesKindAndFields) {
  TaskConfig task;
  EXPECT_EQ(parse_task_spec("web-1=exact:dst_ip,dst_port", {}, task), Strings{});
  EXPECT_EQ(task.name, "web-1");
  EXPECT_EQ(task.kind, TaskKind::kExact);
  EXPECT_EQ(task.fields, fields({KeyField::kDstIp, KeyField::kDstPort}));
  EXPECT_EQ(task.capacity, 0u);
}

TEST(TaskSpec, KnowsEveryField) {
  for (size_t i = 0; i < kKeyFieldCount; ++i) {
    TaskConfig task;
    EXPECT_EQ(parse_task_spec(std::string("a=exact:") + kKeyFieldNames[i], {}, task), Strings{});
    EXPECT_EQ(task.fields, fields({static_cast<KeyField>(i)}));
  }
}

TEST(TaskSpec, TakesACapacity) {
  TaskConfig task;
  EXPECT_EQ(parse_task_spec("a=exact:src_ip:capacity=64Ki", {}, task), Strings{});
  EXPECT_EQ(task.capacity, 65'536u);
  TaskConfig most;
  EXPECT_EQ(parse_task_spec("a=exact:src_ip:capacity=1G", {}, most), Strings{});
  EXPECT_EQ(most.capacity, 1'000'000'000u);
}

TEST(TaskSpec, TakesFieldsInAnyOrder) {
  TaskConfig task;
  EXPECT_EQ(parse_task_spec("b=exact:vlan,protocol,dst_port,src_port,dst_ip,src_ip:capacity=4096", {}, task),
            Strings{});
  EXPECT_EQ(task_text(task), "b=exact:src_ip,dst_ip,src_port,dst_port,protocol,vlan:capacity=4096");
}

TEST(TaskSpec, TheDefaultIsTheFiveTuple) {
  EXPECT_EQ(task_text(default_task()), "per_five_tuple=exact:src_ip,dst_ip,src_port,dst_port,protocol");
}

TEST(TaskSpec, HasAShape) {
  for (const char* spec : {"", "a", "a=exact", "exact:src_ip", "a:exact=src_ip"}) {
    EXPECT_EQ(mistakes(spec), (Strings{"is not a task (NAME=KIND:FIELD,FIELD[:option=value,...])"})) << spec;
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
  const TaskConfig other = default_task();
  TaskConfig task;
  EXPECT_EQ(parse_task_spec("per_five_tuple=exact:src_ip", {other}, task),
            (Strings{"name \"per_five_tuple\" is the name of another task too"}));
  TaskConfig capital;
  EXPECT_EQ(parse_task_spec("Per_five_tuple=exact:src_ip", {other}, capital), Strings{});
}

TEST(TaskSpec, AnUnknownKindIsToldWithTheKnownOnes) {
  EXPECT_EQ(mistakes("scan=super_spreader:src_ip/dst_ip:threshold=100"),
            (Strings{"kind \"super_spreader\" is unknown (known: exact)"}));
  EXPECT_EQ(mistakes("a=exat:src_ip"),
            (Strings{"kind \"exat\" is unknown (did you mean \"exact\"? known: exact)"}));
  EXPECT_EQ(mistakes("a=:src_ip"), (Strings{"kind \"\" is unknown (known: exact)"}));
}

TEST(TaskSpec, ExactTakesNoElements) {
  EXPECT_EQ(mistakes("a=exact:src_ip/dst_ip,dst_port"),
            (Strings{"kind exact takes no elements (\"/dst_ip,dst_port\")"}));
  EXPECT_EQ(mistakes("a=exact:src_ip/"), (Strings{"kind exact takes no elements (\"/\")"}));
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

TEST(TaskSpec, OptionsAreKnownAndGivenOnce) {
  EXPECT_EQ(mistakes("a=exact:src_ip:"), (Strings{"option \"\" is unknown (known: capacity)"}));
  EXPECT_EQ(mistakes("a=exact:src_ip:capcity=1"),
            (Strings{"option \"capcity=1\" is unknown (did you mean \"capacity\"? known: capacity)"}));
  EXPECT_EQ(mistakes("a=exact:src_ip:capacity=1,capacity=2"),
            (Strings{"option \"capacity=2\" is given twice"}));
  EXPECT_EQ(mistakes("a=exact:src_ip:capacity"),
            (Strings{"option \"capacity\" must be a whole number, with or without a unit "
                     "(k, M, G, Ki, Mi, Gi; for example 250k)"}));
  EXPECT_EQ(mistakes("a=exact:src_ip:capacity=0"), (Strings{"option \"capacity=0\" must be from 1 to 1G"}));
  EXPECT_EQ(mistakes("a=exact:src_ip:capacity=1000000001"),
            (Strings{"option \"capacity=1000000001\" must be from 1 to 1G"}));
}

TEST(TaskSpec, EveryMistakeIsToldAtOnce) {
  EXPECT_EQ(mistakes("a b=exact:ip/x:capacity=0,y=1"),
            (Strings{"name \"a b\" is not a task name (1 to 64 letters, digits, _ and -)",
                     std::string("field \"ip\" is unknown (") + kKnownFields,
                     "kind exact takes no elements (\"/x\")", "option \"capacity=0\" must be from 1 to 1G",
                     "option \"y=1\" is unknown (known: capacity)"}));
}

}  // namespace
}  // namespace netspectra
