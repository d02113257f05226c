// Whether packets are spread over queues as promised: each flow on one queue, in both directions, and all queues alike.
//
// Purpose: fed with a sample of the packets of each queue, and each queue's counter. Reports, in words and figures:
//   flows that were seen on two queues; packets on another queue than the NIC's own hash and redirection table say; one
//   queue with far more than its share, and whether one flow is the cause. Proposes a better redirection table.
// Windows: a judgement needs enough of both, so samples and counters gather until judge() finds a window full. A
//   fault is reported when it appears, and once more when it is over.
// Bounds: kFlows flows are remembered in a window.
// Threads: one. Cost: a hash-map step per sample; for the control core.
// Source: symmetric_toeplitz.h.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "ethdev/symmetric_toeplitz.h"
#include "packet/packet.h"

namespace netspectra {

struct RssWatchConfig {
  unsigned queues = 1;
  // The NIC's redirection table, where it hashes with the symmetric key and tells; else empty.
  std::vector<uint16_t> redirection;
  bool hashes_ports = true;  // of TCP and UDP
  // What each queue has received before; empty: nothing.
  std::vector<uint64_t> received = {};
};

class RssWatch {
 public:
  static constexpr size_t kFlows = 4096;
  static constexpr uint64_t kWindowSamples = 256;     // for a judgement on flows
  static constexpr uint64_t kWindowPackets = 20'000;  // for a judgement on the spread

  explicit RssWatch(RssWatchConfig config);

  void sample(const Packet& packet, unsigned queue);
  // `received`: what each queue has received in all. Returns what changed, a line each.
  std::vector<std::string> judge(const std::vector<uint64_t>& received);
  // After a judgement that found one queue overloaded: a redirection table that spreads the window's load better; empty
  // where none does, or none is known.
  const std::vector<uint16_t>& better_redirection() const { return better_; }
  void redirected(std::vector<uint16_t> redirection);

 private:
  struct Flow {
    uint16_t queue;      // of its first sample
    uint8_t directions;  // seen: 1 = as in its key, 2 = the other
    bool strayed = false;
    uint32_t samples = 0;
  };
  struct KeyHash {
    size_t operator()(const FlowKey& key) const { return absl::HashOf(key.words()); }
  };

  void judge_flows(std::vector<std::string>& lines);
  void judge_hash(std::vector<std::string>& lines);
  void judge_spread(const std::vector<uint64_t>& received, std::vector<std::string>& lines);
  std::string elephant(unsigned queue, double needed_share) const;
  void plan_redirection(const std::vector<uint64_t>& packets);
  void begin_window(const std::vector<uint64_t>& received);
  uint32_t bucket(const FlowKey& key) const;

  RssWatchConfig config_;
  SymmetricToeplitz hash_;
  absl::flat_hash_map<FlowKey, Flow, KeyHash> flows_;  // by the smaller endpoint first
  std::vector<uint64_t> queue_samples_, bucket_samples_, start_;
  uint64_t samples_ = 0, compared_ = 0, elsewhere_ = 0;
  std::string example_;  // of a packet elsewhere
  std::vector<uint16_t> better_;
  bool straying_ = false, mismatching_ = false, skewed_ = false, redirected_ = false;
};

}  // namespace netspectra
