#include "ethdev/driver_preset.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

namespace netspectra {
namespace {

constexpr uint32_t kMostDescriptors = 32768, kLargestMtu = 65535;

struct NumberKey {
  const char* key;
  uint32_t DriverPreset::*member;
  uint32_t smallest, largest;
  bool zero;  // whether 0 is a value too
};
constexpr std::array kNumberKeys = {
    NumberKey{"rx_descriptors", &DriverPreset::rx_descriptors, 32, kMostDescriptors, false},
    NumberKey{"mtu", &DriverPreset::mtu, 68, kLargestMtu, true},
};

struct FlagKey {
  const char* key;
  bool DriverPreset::*member;
};
constexpr std::array kFlagKeys = {
    FlagKey{"promiscuous", &DriverPreset::promiscuous},
    FlagKey{"rss", &DriverPreset::rss},
    FlagKey{"hardware_timestamps", &DriverPreset::hardware_timestamps},
    FlagKey{"rebalance", &DriverPreset::rebalance},
    FlagKey{"outgoing", &DriverPreset::outgoing},
};
constexpr const char* kDevargsKey = "devargs";

std::optional<bool> parse_flag(const std::string& value) {
  if (value == "true") return true;
  if (value == "false") return false;
  return std::nullopt;
}

// "blocksz=65536,framecnt=8192" -> name to value; nothing when a part is not of the form.
std::optional<std::map<std::string, std::string>> parse_devargs(const std::string& value) {
  std::map<std::string, std::string> devargs;
  for (const std::string& part : std::vector<std::string>(absl::StrSplit(value, ',', absl::SkipEmpty()))) {
    const std::pair<std::string, std::string> pair = absl::StrSplit(part, absl::MaxSplits('=', 1));
    if (pair.first.empty() || pair.second.empty()) return std::nullopt;
    devargs[pair.first] = pair.second;
  }
  return devargs;
}

absl::Status apply(const std::string& key, const std::string& value, DriverPreset& preset) {
  std::vector<std::string> known;
  for (const NumberKey& number : kNumberKeys) {
    known.emplace_back(number.key);
    if (key != number.key) continue;
    uint32_t parsed = 0;
    const bool is_number = absl::SimpleAtoi(value, &parsed);
    if (!is_number ||
        ((parsed < number.smallest || parsed > number.largest) && !(number.zero && parsed == 0))) {
      return absl::InvalidArgumentError(absl::StrCat("needs a number from ", number.smallest, " to ",
                                                     number.largest, number.zero ? ", or 0" : "", ", not '",
                                                     value, "'"));
    }
    preset.*number.member = parsed;
    return absl::OkStatus();
  }
  for (const FlagKey& flag : kFlagKeys) {
    known.emplace_back(flag.key);
    if (key != flag.key) continue;
    const std::optional<bool> parsed = parse_flag(value);
    if (!parsed) return absl::InvalidArgumentError(absl::StrCat("needs true or false, not '", value, "'"));
    preset.*flag.member = *parsed;
    return absl::OkStatus();
  }
  known.emplace_back(kDevargsKey);
  if (key != kDevargsKey) {
    return absl::InvalidArgumentError(
        absl::StrCat("is not a driver setting (known: ", absl::StrJoin(known, ", "), ")"));
  }
  const auto parsed = parse_devargs(value);
  if (!parsed) {
    return absl::InvalidArgumentError(
        absl::StrCat("needs device arguments like framesz=2048,framecnt=8192, not '", value, "'"));
  }
  for (const auto& [name, argument] : *parsed) preset.devargs[name] = argument;
  return absl::OkStatus();
}

}  // namespace

const DriverPreset& driver_preset(const std::string& driver) {
  const std::vector<DriverPreset>& presets = driver_presets();
  const auto named = [&presets](const std::string& name) {
    return std::find_if(presets.begin(), presets.end(),
                        [&name](const DriverPreset& p) { return p.driver == name; });
  };
  const auto found = named(driver);
  return found != presets.end() ? *found : *named("");
}

absl::Status check_preset_override(const std::string& key, const std::string& value) {
  DriverPreset scratch;
  return apply(key, value, scratch);
}

DriverPreset with_overrides(DriverPreset preset, const PresetOverrides& overrides) {
  for (const auto& [key, value] : overrides) apply(key, value, preset).IgnoreError();
  return preset;
}

}  // namespace netspectra
