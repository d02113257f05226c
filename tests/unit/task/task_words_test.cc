#include "task/task_words.h"

#include <gtest/gtest.h>

namespace netspectra {
namespace {

TEST(TaskWords, EveryKindIsReadBackFromItsName) {
  for (const TaskKind kind :
       {TaskKind::kExact, TaskKind::kHeavyHitters, TaskKind::kSuperSpreader, TaskKind::kCardinality}) {
    TaskKind read = kind == TaskKind::kExact ? TaskKind::kCardinality : TaskKind::kExact;
    EXPECT_TRUE(read_kind(kind_name(kind), read)) << kind_name(kind);
    EXPECT_EQ(read, kind) << kind_name(kind);
  }
  TaskKind kind;
  EXPECT_FALSE(read_kind("", kind));
  EXPECT_FALSE(read_kind("exac", kind));
}

TEST(TaskWords, EverySetOfFieldsIsReadBackFromItsList) {
  for (unsigned set = 0; set < 1u << kKeyFieldCount; ++set) {
    KeyFields fields, read = KeyFields::five_tuple();
    for (unsigned i = 0; i < kKeyFieldCount; ++i) {
      if ((set >> i & 1) != 0) fields.add(static_cast<KeyField>(i));
    }
    EXPECT_TRUE(read_field_list(field_list(fields), read)) << field_list(fields);
    EXPECT_EQ(read, fields) << field_list(fields);
  }
  EXPECT_EQ(field_list(KeyFields::five_tuple()), "src_ip,dst_ip,src_port,dst_port,protocol");
}

TEST(TaskWords, AListWithAWordThatIsNoFieldIsRefused) {
  KeyFields fields;
  EXPECT_FALSE(read_field_list("src_ip,tcp_flags", fields));
  EXPECT_FALSE(read_field_list("src_ip dst_ip", fields));
  EXPECT_FALSE(read_field_list(",src_ip", fields));
}

}  // namespace
}  // namespace netspectra
