#include "doctor/machine.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"

namespace netspectra {
namespace {

namespace fs = std::filesystem;

void add_with_lower(const Machine& machine, const std::string& interface, std::set<std::string>& found) {
  if (!found.insert(interface).second) return;
  for (const std::string& name : machine.names("/sys/class/net/" + interface)) {
    if (name.starts_with("lower_")) add_with_lower(machine, name.substr(6), found);
  }
}

// What a program prints; nothing where it is not there, or fails.
std::string output_of(const std::string& program, const std::string& arguments) {
  std::string output;
  std::FILE* const pipe = popen(absl::StrCat("'", program, "' ", arguments, " 2>/dev/null").c_str(), "re");
  if (pipe == nullptr) return output;
  char part[4096];
  while (const size_t bytes = std::fread(part, 1, sizeof(part), pipe)) output.append(part, bytes);
  pclose(pipe);
  return output;
}

// By "ip": default routes of all tables, each of their next hops.
void add_told_routes(const Machine& machine, std::set<std::string>& found) {
  // Where it stands, because a user's PATH may be without sbin.
  for (const char* ip : {"/sbin/ip", "/usr/sbin/ip", "/bin/ip", "/usr/bin/ip"}) {
    if (!machine.exists(ip)) continue;
    for (const char* family : {"-4", "-6"}) {
      std::istringstream words(
          output_of(machine.path(ip), absl::StrCat(family, " route show table all default")));
      for (std::string word; words >> word;) {
        // The kernel's own "unreachable" default stands on lo.
        if (word == "dev" && words >> word && word != "lo") add_with_lower(machine, word, found);
      }
    }
    return;
  }
}

// By /proc, which is always there: the first next hop only, of the main table (IPv6: all of them).
void add_listed_routes(const Machine& machine, std::set<std::string>& found) {
  for (const std::string& line : machine.lines("/proc/net/route")) {
    std::istringstream words(line);
    std::string interface, destination, gateway, flags, uses, metric, unused, mask;
    words >> interface >> destination >> gateway >> flags >> uses >> unused >> metric >> mask;
    if (destination == "00000000" && mask == "00000000") add_with_lower(machine, interface, found);
  }
  for (const std::string& line : machine.lines("/proc/net/ipv6_route")) {
    std::istringstream words(line);
    std::vector<std::string> word;
    for (std::string w; words >> w;) word.push_back(w);
    if (word.size() == 10 && word[0] == std::string(32, '0') && word[1] == "00" && word[9] != "lo") {
      add_with_lower(machine, word[9], found);
    }
  }
}

}  // namespace

bool Machine::exists(const std::string& file) const {
  std::error_code error;
  return fs::exists(path(file), error);
}

std::vector<std::string> Machine::lines(const std::string& file) const {
  std::ifstream stream(path(file));
  std::vector<std::string> lines;
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

std::string Machine::line(const std::string& file) const {
  const std::vector<std::string> all = lines(file);
  return all.empty() ? "" : all.front();
}

int64_t Machine::number(const std::string& file, int64_t fallback) const {
  const std::string text = line(file);
  char* end = nullptr;
  const int64_t number = std::strtoll(text.c_str(), &end, text.starts_with("0x") ? 16 : 10);
  return end == text.c_str() ? fallback : number;
}

std::vector<std::string> Machine::names(const std::string& folder) const {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator at(path(folder), error), end; !error && at != end; at.increment(error)) {
    names.push_back(at->path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::string Machine::link_name(const std::string& link) const {
  std::error_code error;
  return fs::read_symlink(path(link), error).filename().string();
}

std::string Machine::status_of_self(const std::string& key) const {
  for (const std::string& line : lines("/proc/self/status")) {
    if (!line.starts_with(key + ":")) continue;
    const size_t value = line.find_first_not_of(" \t", key.size() + 1);
    return value == std::string::npos ? "" : line.substr(value);
  }
  return "";
}

std::set<std::string> default_route_interfaces(const Machine& machine) {
  std::set<std::string> found;
  add_told_routes(machine, found);
  add_listed_routes(machine, found);
  return found;
}

}  // namespace netspectra
