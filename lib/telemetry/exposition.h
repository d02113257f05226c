// Metrics in Prometheus' text format, name by name.
//
// Threads: one. Errors: none. Source: Prometheus text exposition format 0.0.4.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "telemetry/label_text.h"

namespace netspectra {

// name="value", fit for any value.
inline std::string label(std::string_view name, const std::string& value) {
  std::string text = std::string(name) + "=\"";
  for (const char c : label_text(value)) {  // no line ends are left in it
    if (c == '\\' || c == '"') text += '\\';
    text += c;
  }
  return text + '"';
}

inline std::string seconds(uint64_t ns) {
  return absl::StrFormat("%d.%09d", ns / 1'000'000'000, ns % 1'000'000'000);
}

class Exposition {
 public:
  explicit Exposition(const char* prefix) : prefix_(prefix) {}  // of every name

  void begin(const char* name, const char* type, const char* help) {
    name_ = absl::StrCat(prefix_, name);
    absl::StrAppend(&text_, "# HELP ", name_, " ", help, "\n# TYPE ", name_, " ", type, "\n");
  }
  void sample(const std::string& labels, const std::string& value) {
    absl::StrAppend(&text_, name_, labels.empty() ? "" : absl::StrCat("{", labels, "}"), " ", value, "\n");
  }
  void sample(const std::string& labels, uint64_t value) { sample(labels, absl::StrCat(value)); }

  void counter(const char* name, const char* help, uint64_t value) {
    begin(name, "counter", help);
    sample("", value);
  }
  void gauge(const char* name, const char* help, const std::string& value) {
    begin(name, "gauge", help);
    sample("", value);
  }
  void gauge(const char* name, const char* help, uint64_t value) { gauge(name, help, absl::StrCat(value)); }

  // One sample for each element of `of`, where `included` is true.
  template <class List, class Labels, class Value>
  void each(const char* name, const char* type, const char* help, const List& of, Labels labels,
            Value value) {
    begin(name, type, help);
    for (const auto& element : of) sample(labels(element), value(element));
  }

  std::string take() { return std::move(text_); }

 private:
  const std::string prefix_;
  std::string text_, name_;
};

}  // namespace netspectra
