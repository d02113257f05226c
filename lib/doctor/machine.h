// What /proc, /sys and the machine's `ip` say, below a root that may be a tree of a test's own.
//
// Threads: none shared; every call reads anew. Errors: none: what cannot be read is "", empty, or the fallback.
// Source: proc(5), sysfs(5); https://docs.kernel.org/admin-guide/abi.html
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

namespace netspectra {

class Machine {
 public:
  explicit Machine(std::string root) : root_(std::move(root)) {}

  bool is_this_one() const { return root_.empty(); }  // so that system calls may be asked, too
  std::string path(const std::string& file) const { return root_ + file; }
  bool exists(const std::string& file) const;
  std::vector<std::string> lines(const std::string& file) const;
  std::string line(const std::string& file) const;                  // the first
  int64_t number(const std::string& file, int64_t fallback) const;  // decimal, or hexadecimal with 0x
  std::vector<std::string> names(const std::string& folder) const;  // sorted
  std::string link_name(const std::string& link) const;             // the last part of where it leads

  // "Cpus_allowed_list" -> "0-3", of this process.
  std::string status_of_self(const std::string& key) const;

 private:
  std::string root_;
};

// "0-2,8" <-> 0 1 2 8, as the kernel writes lists of CPUs.

// Interfaces that default routes of any table leave by, and those below them (bonds, bridges, VLANs).
std::set<std::string> default_route_interfaces(const Machine& machine);

}  // namespace netspectra
