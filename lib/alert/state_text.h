// The lines that the alerts' state is kept in.
//
// Shapes: a line is a word and its values, separated by tabs; tabs, newlines and backslashes in values are written \t,
//   \n, \\. The first line names the format, the last is "end", the number of lines before it, and a checksum over
//   them: a file that was cut short, or changed, is told from one that is whole.
// Threads: pure functions. Errors: DataLoss, saying what is wrong.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "packet/flow_key.h"

namespace netspectra {

class StateText {
 public:
  StateText();
  // Begins a line.
  StateText& line(const char* word);
  StateText& add(const std::string& text);
  StateText& add(uint64_t number);
  StateText& add(double number);
  StateText& add(const FlowKey& key);
  StateText& add(KeyFields fields);
  std::string finish();

 private:
  std::string text_;
  uint64_t lines_ = 0;
};

// One line, value by value. A value that is not there, or is not what is asked for, is 0 or "" and makes ok() false.
class StateLine {
 public:
  explicit StateLine(std::vector<std::string> values) : values_(std::move(values)) {}
  const std::string& word() const { return values_[0]; }
  bool more() const { return at_ < values_.size(); }
  bool ok() const { return ok_; }
  std::string text();
  uint64_t number(uint64_t most = UINT64_MAX);
  double real();
  FlowKey key();
  KeyFields fields();

 private:
  std::vector<std::string> values_;
  size_t at_ = 1;
  bool ok_ = true;
};

absl::StatusOr<std::vector<StateLine>> read_state_text(const std::string& text);

// Whole or not at all: a temporary file beside it, fsync, rename, fsync of the folder.
absl::Status replace_file(const std::string& path, const std::string& content);
// NotFound where there is none.
absl::StatusOr<std::string> read_file(const std::string& path);

}  // namespace netspectra
