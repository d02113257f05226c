// The command line of any program here, split into its pieces; what they mean is the caller's business.
//
// Shapes: [EAL ARGUMENTS --] [options] FILE... Where `--` is there, what stands before the first one is the
//   EAL's, untouched; a second `--` ends the options, so that a file's name may start with '-'.
//   Options are -x VALUE, -xVALUE, --name VALUE or --name=VALUE, spelt out in full. A VALUE that starts with
//   '-' and has more letters must be attached (--name=-5).
// Errors: gathered, one line each: "--name VALUE: what is wrong".
// Threads: set-up only.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace netspectra {

struct OptionName {
  // A flag takes no value.
  enum class Use : uint8_t { kFlag, kOnce, kRepeatable };
  const char* name;
  char letter;  // 0 = none
  Use use = Use::kOnce;
};

struct CommandLine {
  struct Option {
    std::string name;
    std::string value;  // "" for a flag
  };
  std::vector<std::string> eal_args;
  std::vector<Option> options;  // in the order given
  std::vector<std::string> files;
  std::vector<std::string> mistakes;

  bool has(const std::string& name) const;
};

CommandLine read_command_line(int argc, const char* const* argv, std::span<const OptionName> known);

// An option as mistakes name it: `--name VALUE`.
std::string quoted_option(const std::string& name, const std::string& value);

}  // namespace netspectra
