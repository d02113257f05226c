#include "config/command_line.h"

#include <algorithm>
#include <boost/program_options.hpp>

#include "absl/strings/str_cat.h"
#include "config/words.h"

namespace netspectra {
namespace {

namespace po = boost::program_options;
using Arguments = std::vector<std::string>;

constexpr int kStyle = po::command_line_style::unix_style & ~po::command_line_style::allow_guessing;

po::options_description describe_to_boost(std::span<const OptionName> known) {
  po::options_description description;
  for (const OptionName& option : known) {
    const std::string names =
        option.letter == 0 ? option.name : absl::StrCat(option.name, ",", std::string(1, option.letter));
    // With a value that may be left out, so that the parser goes on where one is missing, and it is reported
    // here together with everything else, instead of ending in an exception.
    description.add_options()(names.c_str(), po::value<std::string>()->implicit_value(""));
  }
  return description;
}

// "--name=" -> "--name" and "": an empty value is a value, but the parser takes it for a slip.
Arguments detach_empty_values(const Arguments& arguments) {
  Arguments detached;
  auto argument = arguments.begin();
  for (; argument != arguments.end() && *argument != "--"; ++argument) {
    const bool empty_value = argument->starts_with("--") && argument->find('=') == argument->size() - 1;
    if (empty_value) {
      detached.insert(detached.end(), {argument->substr(0, argument->size() - 1), ""});
    } else {
      detached.push_back(*argument);
    }
  }
  detached.insert(detached.end(), argument, arguments.end());
  return detached;
}

std::string unknown_option(const std::string& token, std::span<const OptionName> known) {
  std::vector<const char*> names;
  for (const OptionName& option : known) names.push_back(option.name);
  const std::string option = token.substr(0, token.find('='));
  const std::string closest = option.starts_with("--") ? closest_word(option.substr(2), names) : "";
  return absl::StrCat(option, ": unknown option (",
                      closest.empty() ? "" : absl::StrCat("did you mean --", closest, "? "), "see --help)");
}

void add_option(const OptionName& named, const po::option& option, CommandLine& line) {
  if (named.use == OptionName::Use::kFlag) {
    line.options.push_back({named.name, ""});
    // What stands behind it the parser took for its value; what is attached was meant as one.
    if (option.original_tokens.size() > 1) {
      line.files.push_back(option.value.at(0));
    } else if (!option.value.empty() && !option.value[0].empty()) {
      line.mistakes.push_back(absl::StrCat("--", named.name, ": takes no value (\"", option.value[0], "\")"));
    }
  } else if (option.value.empty()) {
    line.mistakes.push_back(absl::StrCat("--", named.name, ": needs a value"));
  } else if (named.use == OptionName::Use::kOnce && line.has(named.name)) {
    line.mistakes.push_back(absl::StrCat(quoted_option(named.name, option.value[0]), ": is given twice"));
  } else {
    line.options.push_back({named.name, option.value[0]});
  }
}

}  // namespace

std::string quoted_option(const std::string& name, const std::string& value) {
  return absl::StrCat("--", name, " ", value.empty() ? "\"\"" : value);
}

bool CommandLine::has(const std::string& name) const {
  return std::any_of(options.begin(), options.end(), [&](const Option& o) { return o.name == name; });
}

CommandLine read_command_line(int argc, const char* const* argv, std::span<const OptionName> known) {
  CommandLine line;
  Arguments arguments(argv + std::min(argc, 1), argv + argc);
  const auto separator = std::find(arguments.begin(), arguments.end(), "--");
  if (separator != arguments.end()) {
    line.eal_args.assign(arguments.begin(), separator);
    arguments.erase(arguments.begin(), separator + 1);
  }
  const po::options_description description = describe_to_boost(known);
  const auto parsed = po::command_line_parser(detach_empty_values(arguments))
                          .options(description)
                          .style(kStyle)
                          .allow_unregistered()
                          .run();
  for (const po::option& option : parsed.options) {
    const std::string& token = option.original_tokens.at(0);
    if (option.string_key.empty() && option.value.at(0) == token) {
      line.files.push_back(token);
      continue;
    }
    const auto named = std::find_if(known.begin(), known.end(),
                                    [&](const OptionName& o) { return option.string_key == o.name; });
    if (named == known.end()) {
      line.mistakes.push_back(unknown_option(token, known));
    } else {
      add_option(*named, option, line);
    }
  }
  return line;
}

}  // namespace netspectra
