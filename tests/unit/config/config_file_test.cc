#include "config/config_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "temp_file.h"

namespace netspectra {
namespace {

using Strings = std::vector<std::string>;

// A configuration of four keys: two texts, a list of texts, and a list of maps.
struct Example {
  std::string name, colour;
  Strings hosts;
  Strings rules;
  Strings mistakes;  // without the path
};

Example read(const std::string& yaml) {
  Example example;
  const auto into = [](std::string& target) {
    return [&target](const ConfigNode& node) {
      node.read_text([&](const std::string& text) {
        if (text == "bad") return absl::InvalidArgumentError("must be good");
        target = text;
        return absl::OkStatus();
      });
    };
  };
  const TempFile file(yaml);
  example.mistakes = read_config_file(file.path(), [&](const ConfigNode& root) {
    root.read_map({
        {"name", into(example.name)},
        {"colour", into(example.colour)},
        {"hosts",
         [&](const ConfigNode& list) {
           list.read_texts([&](const std::string& text) {
             example.hosts.push_back(text);
             return absl::OkStatus();
           });
         }},
        {"rules",
         [&](const ConfigNode& list) {
           list.read_list([&](const ConfigNode& item) {
             example.rules.emplace_back();
             item.read_map({{"id", into(example.rules.back()), true}});
           });
         }},
    });
  });
  for (std::string& mistake : example.mistakes) {
    EXPECT_EQ(mistake.rfind(file.path(), 0), 0u) << mistake;
    mistake.erase(0, file.path().size());
  }
  return example;
}

TEST(ConfigFile, GivesTextsListsAndMaps) {
  const Example example = read("name: n1\nhosts: [a, b]\nrules:\n  - id: r1\n  - {id: r2}\n");
  EXPECT_EQ(example.mistakes, Strings{});
  EXPECT_EQ(example.name, "n1");
  EXPECT_EQ(example.colour, "");
  EXPECT_EQ(example.hosts, (Strings{"a", "b"}));
  EXPECT_EQ(example.rules, (Strings{"r1", "r2"}));
}

TEST(ConfigFile, ThatIsEmptySetsNothing) {
  for (const char* yaml : {"", "\n", "# only a comment\n", "---\n", "---\n...\n"}) {
    const Example example = read(yaml);
    EXPECT_EQ(example.mistakes, Strings{}) << yaml;
    EXPECT_EQ(example.name, "");
  }
}

TEST(ConfigFile, MayHaveOneDocumentWithItsMarkers) {
  const Example example = read("# first\n---\nname: n\n...\n# last\n");
  EXPECT_EQ(example.mistakes, Strings{});
  EXPECT_EQ(example.name, "n");
}

TEST(ConfigFile, TakesWindowsLineEndsAndAByteOrderMark) {
  const Example example = read("\xef\xbb\xbfname: n\r\ncolour: c\r\n");
  EXPECT_EQ(example.mistakes, Strings{});
  EXPECT_EQ(example.name, "n");
  EXPECT_EQ(example.colour, "c");
}

TEST(ConfigFile, UnknownAndRepeatedKeysAreMistakes) {
  EXPECT_EQ(
      read("color: red\nname: a\nname: b\nname: c\nxyz: 1\n").mistakes,
      (Strings{":1: color: unknown key (did you mean \"colour\"? known: name, colour, hosts, rules)",
               ":3: name: is given twice (first on line 2)", ":4: name: is given twice (first on line 2)",
               ":5: xyz: unknown key (known: name, colour, hosts, rules)"}));
}

TEST(ConfigFile, KeysThatAreRequiredAreMissed) {
  EXPECT_EQ(
      read("rules:\n  - {}\n  - id: r\n  - {idd: r}\n").mistakes,
      (Strings{":2: rules[0]: has no id", ":4: rules[2].idd: unknown key (did you mean \"id\"? known: id)",
               ":4: rules[2]: has no id"}));
}

TEST(ConfigFile, ValuesOfTheWrongShapeAreMistakes) {
  EXPECT_EQ(
      read("name: [a]\ncolour: {a: b}\nhosts: a\nrules: [7, [8]]\n").mistakes,
      (Strings{
          ":1: name: must be a single value, not a list", ":2: colour: must be a single value, not a map",
          ":3: hosts: must be a list, not a single value", ":4: rules[0]: must be a map, not a single value",
          ":4: rules[1]: must be a map, not a list"}));
}

TEST(ConfigFile, KeysWithoutAValueAreMistakes) {
  EXPECT_EQ(read("name:\ncolour: ~\nhosts: []\nrules:\n").mistakes,
            (Strings{":1: name: has no value (must be a single value)",
                     ":2: colour: has no value (must be a single value)",
                     ":3: hosts: must not be an empty list", ":4: rules: has no value (must be a list)"}));
}

TEST(ConfigFile, WhatTheReaderRefusesIsToldWithTheLineAndTheValue) {
  EXPECT_EQ(read("hosts:\n  - a\ncolour:\n  bad\nrules:\n  - id: ok\n  - id: bad\n").mistakes,
            (Strings{":3: colour: \"bad\" must be good", ":7: rules[1].id: \"bad\" must be good"}));
}

TEST(ConfigFile, MistakesComeInTheOrderOfTheLines) {
  // The missing key is found last, but its map begins first.
  EXPECT_EQ(
      read("rules:\n  - idd: 1\n\n    xx: 2\nname: bad\n").mistakes,
      (Strings{":2: rules[0].idd: unknown key (did you mean \"id\"? known: id)", ":2: rules[0]: has no id",
               ":4: rules[0].xx: unknown key (known: id)", ":5: name: \"bad\" must be good"}));
}

TEST(ConfigFile, ReplacesVariablesFromTheEnvironment) {
  setenv("NS_TEST_ONE", "first", 1);
  setenv("NS_TEST_TWO_2", "${NS_TEST_ONE}", 1);
  setenv("NS_TEST_EMPTY", "", 1);
  const Example example = read(
      "name: ${NS_TEST_ONE}\ncolour: 'a${NS_TEST_ONE}b${NS_TEST_EMPTY}${NS_TEST_TWO_2}$c$'\n"
      "hosts: [\"${NS_TEST_ONE}\", plain]\n");
  EXPECT_EQ(example.mistakes, Strings{});
  EXPECT_EQ(example.name, "first");
  EXPECT_EQ(example.colour, "afirstb${NS_TEST_ONE}$c$");  // once: not what came out of a variable
  EXPECT_EQ(example.hosts, (Strings{"first", "plain"}));
}

TEST(ConfigFile, AVariableThatIsNotSetIsAMistake) {
  unsetenv("NS_TEST_NONE");
  EXPECT_EQ(
      read("\nname: a${NS_TEST_NONE}\n").mistakes,
      (Strings{":2: name: \"a${NS_TEST_NONE}\" needs NS_TEST_NONE, which the environment does not set"}));
  EXPECT_EQ(read("name: a${NS\n").mistakes, (Strings{":1: name: \"a${NS\" has a \"${\" without its \"}\""}));
  for (const std::string name : {"", "1A", "A-B", "A B"}) {
    EXPECT_EQ(read("name: '${" + name + "}'\n").mistakes,
              (Strings{":1: name: \"${" + name + "}\" has no variable name in \"${" + name +
                       "}\" (letters, digits and _)"}));
  }
}

TEST(ConfigFile, DoesNotShowWhatCameFromTheEnvironment) {
  setenv("NS_TEST_SECRET", "bad", 1);
  EXPECT_EQ(read("name: ${NS_TEST_SECRET}\n").mistakes,
            (Strings{":1: name: \"${NS_TEST_SECRET}\" must be good"}));
}

TEST(ConfigFile, ThatIsNotYamlIsToldWithTheLine) {
  EXPECT_EQ(read("name: a\ncolour: b: c\n").mistakes, (Strings{":2: is not valid YAML (illegal map value)"}));
  EXPECT_EQ(read("name: a\nhosts: [a\n").mistakes,
            (Strings{":3: is not valid YAML (end of sequence flow not found)"}));
  EXPECT_EQ(read("name: a\n\tcolour: b\n").mistakes,
            (Strings{":2: is not valid YAML (illegal tab when looking for indentation)"}));
  EXPECT_EQ(read("name: *x\n").mistakes,
            (Strings{":1: is not valid YAML (the referenced anchor is not defined)"}));
}

TEST(ConfigFile, WithoutKeysIsAMistake) {
  EXPECT_EQ(read("- a\n- b\n").mistakes, (Strings{":1: must be a map, not a list"}));
  EXPECT_EQ(read("\xd4\xc3\xb2\xa1 capture").mistakes.size(), 1u);
}

TEST(ConfigFile, NothingMayFollowItsDocument) {
  EXPECT_EQ(read("name: a\n---\ncolour: b\n").mistakes,
            (Strings{":2: the YAML document has ended before this (a file holds one)"}));
  EXPECT_EQ(read(", bad\nname: a\n").mistakes,
            (Strings{":1: the YAML document has ended before this (a file holds one)"}));
}

TEST(ConfigFile, SurvivesDeepNesting) { EXPECT_EQ(read(std::string(100'000, '[')).mistakes.size(), 1u); }

TEST(ConfigFile, ThatCannotBeReadIsToldInOneLine) {
  const auto never = [](const ConfigNode&) { FAIL() << "nothing to read"; };
  EXPECT_EQ(read_config_file("/does/not/exist.yaml", never),
            (Strings{"/does/not/exist.yaml: cannot be read (No such file or directory)"}));
  EXPECT_EQ(read_config_file("/", never), (Strings{"/: cannot be read (Is a directory)"}));
  EXPECT_EQ(read_config_file("/dev/zero", never),
            (Strings{"/dev/zero: cannot be read (more than 1 MiB: not a configuration)"}));
}

TEST(ConfigFile, ThatMayNotBeReadIsToldInOneLine) {
  const TempFile file("name: a\n");
  ASSERT_EQ(chmod(file.path().c_str(), 0), 0);
  const uid_t user = geteuid();
  if (user == 0) {  // root may read everything: be nobody for a moment
    ASSERT_EQ(seteuid(65534), 0);
  }
  const Strings mistakes = read_config_file(file.path(), [](const ConfigNode&) { FAIL(); });
  ASSERT_EQ(seteuid(user), 0);
  EXPECT_EQ(mistakes, (Strings{file.path() + ": cannot be read (Permission denied)"}));
}

TEST(ConfigFile, MayHaveOneMebibyte) {
  const std::string yaml = "name: n\n#";
  EXPECT_EQ(read(yaml + std::string((1 << 20) - yaml.size(), '#')).mistakes, Strings{});
  EXPECT_EQ(read(yaml + std::string((1 << 20) - yaml.size() + 1, '#')).mistakes,
            (Strings{": cannot be read (more than 1 MiB: not a configuration)"}));
}

}  // namespace
}  // namespace netspectra
