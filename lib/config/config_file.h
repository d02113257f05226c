// A YAML configuration file, read key by key, with every mistake and its line.
//
// Purpose: the reader of a program's configuration names the keys and what to do with each value; this file
//   knows YAML, lines, misspelt and repeated keys, and replaces ${NAME} in values from the environment.
// Errors: gathered, not returned one by one: "FILE:LINE: key: what is wrong", in the order of the lines.
//   A value is quoted as it stands in the file, so that no secret from the environment is printed.
// Threads: set-up only. Ownership: a ConfigNode is a handle; it is valid while its file is being read.
// Source: YAML 1.2 by yaml-cpp.
#pragma once

#include <yaml-cpp/yaml.h>

#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"

namespace netspectra {

class ConfigNode {
 public:
  using Reader = std::function<void(const ConfigNode&)>;
  using EntryReader = std::function<void(const std::string& key, const ConfigNode&)>;
  // Takes a value, or fails with a phrase that follows it: `must be one of a, b`.
  using Setter = std::function<absl::Status(const std::string&)>;
  struct Key {
    const char* name;
    Reader read;
    bool required = false;
  };

  bool is_text() const { return node_.IsScalar(); }
  void read_text(const Setter& set) const;
  void read_list(const Reader& read_item) const;
  void read_texts(const Setter& add) const {
    read_list([&](const ConfigNode& item) { item.read_text(add); });
  }
  void read_map(const std::vector<Key>& keys) const;
  // A map whose keys only the caller can judge.
  void read_entries(const EntryReader& read) const;
  // For what only the reader can tell: `what` follows the key.
  void mistake(const std::string& what) const;

 private:
  friend std::vector<std::string> read_config_file(const std::string& path, const Reader& read);
  struct File;

  ConfigNode(File* file, YAML::Node node, int line, std::string key)
      : file_(file), node_(std::move(node)), line_(line), key_(std::move(key)) {}

  void wrong_shape(const char* wanted) const;

  File* file_;
  YAML::Node node_;
  int line_;         // from 1
  std::string key_;  // "tasks[0].name"; "" for the whole file
};

// Calls `read` with the whole file, unless it cannot be read or is not YAML. Returns all mistakes, one line
// each; none: all went well.
std::vector<std::string> read_config_file(const std::string& path, const ConfigNode::Reader& read);

}  // namespace netspectra
