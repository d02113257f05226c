// A capture filter in pcap-filter syntax, compiled once for each link type.
//
// Threads: compile() at set-up; matches() is const and may be called from any number of threads.
// Ownership: owns the compiled programs.
// Errors: compile() returns "--filter 'EXPR': " and libpcap's message.
// Cost: matches() is libpcap's BPF interpreter, 5 to 50 ns.
// Source: pcap-filter(7).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "packet/frame.h"

namespace netspectra {

class PacketFilter {
 public:
  // The expression must make sense for every supported link type in `links`, and be able to match a frame of
  // one of them (of any, where `links` holds none). For the other supported link types it may not make sense
  // ("vlan 7" on raw IP), and then their frames do not match.
  static absl::StatusOr<std::unique_ptr<PacketFilter>> compile(const std::string& expression,
                                                               const std::vector<LinkType>& links);
  ~PacketFilter();
  PacketFilter(const PacketFilter&) = delete;
  PacketFilter& operator=(const PacketFilter&) = delete;

  bool matches(const Frame& frame) const;

 private:
  struct Programs;
  explicit PacketFilter(std::unique_ptr<Programs> programs);
  std::unique_ptr<Programs> programs_;
};

}  // namespace netspectra
