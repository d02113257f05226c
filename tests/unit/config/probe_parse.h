// ns-probe's options from arguments and a file, for tests.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "config/probe_options.h"
#include "temp_file.h"

namespace netspectra {

using Strings = std::vector<std::string>;

inline absl::StatusOr<std::variant<ProbeOptions, EarlyExit>> parse_probe(const Strings& arguments) {
  std::vector<const char*> argv = {"ns-probe"};
  for (const std::string& a : arguments) argv.push_back(a.c_str());
  return parse_probe_options(static_cast<int>(argv.size()), argv.data());
}

inline ProbeOptions probe_options(const Strings& arguments) {
  const auto result = parse_probe(arguments);
  if (!result.ok() || !std::holds_alternative<ProbeOptions>(*result)) {
    ADD_FAILURE() << result.status();
    return {};
  }
  return std::get<ProbeOptions>(*result);
}

}  // namespace netspectra
