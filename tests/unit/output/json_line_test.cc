#include "output/json_line.h"

#include <gtest/gtest.h>

#include <string>

namespace netspectra {
namespace {

std::string nested(int deep) {
  std::string text = "1";
  for (int i = 0; i < deep; ++i) text = i % 2 == 0 ? "{\"a\":" + text + "}" : "[" + text + "]";
  return deep % 2 == 0 ? "{\"a\":" + text + "}" : text;
}

TEST(JsonLine, IsAnyObjectOfRfc8259) {
  for (const std::string text :
       {R"({})", R"({ "a" : [ ] , "b" : { } })",
        R"({"a":[0,-1,10.25,1e9,-0.5E-3,2e+1,true,false,null,"",[{}]]})",
        R"({"a\"\\\/\b\f\n\r\t\u00e9":"b"})", "{\"\xc3\xa9\":\"\xf0\x9f\x98\x80 \xe2\x82\xac\"}"}) {
    EXPECT_TRUE(is_json_line(text)) << text;
  }
  EXPECT_TRUE(is_json_line(nested(63)));
}

TEST(JsonLine, IsNothingElse) {
  for (const std::string text : {R"()",           R"({)",           R"(})",          R"(1)",
                                 R"([])",         R"("{}")",        R"({}{})",       R"({} )",
                                 R"( {})",        R"({a})",         R"({"a"})",      R"({"a":})",
                                 R"({"a":1,})",   R"({,})",         R"({1:2})",      R"({"a":1 "b":2})",
                                 R"({"a":[1,]})", R"({"a":[1})",    R"({"a":01})",   R"({"a":1.})",
                                 R"({"a":.5})",   R"({"a":+1})",    R"({"a":1e})",   R"({"a":-})",
                                 R"({"a":True})", R"({"a":nullx})", R"({"a":"\x"})", R"({"a":"\u12g4"})",
                                 R"({"a":"\u12)", R"({"a":"b)",     R"({"a":"b\)"}) {
    EXPECT_FALSE(is_json_line(text)) << text;
  }
}

TEST(JsonLine, HoldsNoControlsAndNoBytesThatAreNotUtf8) {
  for (const std::string text :
       {"{\"a\":\"\n\"}", "{\"a\":\n1}", "{\"a\":\t1}", "{}\n", "{\"a\":\"\x1b[31m\"}", "{\"\x7f\":1}",
        "{\"a\":\"\xff\"}", "{\"a\":\"\xc3\"}", "{\"a\":\"\xc0\x80\"}", "{\"a\":\"\xed\xa0\x80\"}",
        "{\"a\":\"\xf4\x90\x80\x80\"}"}) {
    EXPECT_FALSE(is_json_line(text)) << testing::PrintToString(text);
  }
  EXPECT_FALSE(is_json_line(std::string("{\"a\":\"\0\"}", 9)));
}

TEST(JsonLine, IsNotNestedWithoutEnd) {
  EXPECT_FALSE(is_json_line(nested(65)));
  EXPECT_FALSE(is_json_line(nested(1000)));
}

}  // namespace
}  // namespace netspectra
