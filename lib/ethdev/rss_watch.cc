#include "ethdev/rss_watch.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cstring>
#include <numeric>

#include "absl/strings/str_format.h"

namespace netspectra {
namespace {

constexpr uint8_t kForward = 1, kBackward = 2;
// Of the compared samples, those on an unexpected queue that are still taken for frames which the NIC reads otherwise
// than decode (tunnels, tags).
constexpr double kMismatchShare = 0.1;

std::string endpoint(const FlowKey& key, bool source) {
  const std::array<uint8_t, 16>& ip = source ? key.src_ip : key.dst_ip;
  char text[INET6_ADDRSTRLEN] = "?";
  const bool v4 = key.ip_version == 4;
  inet_ntop(v4 ? AF_INET : AF_INET6, ip.data() + (v4 ? 12 : 0), text, sizeof(text));
  const unsigned port = ntohs(source ? key.be_src_port : key.be_dst_port);
  return port == 0 ? text : absl::StrFormat(v4 ? "%s:%d" : "[%s]:%d", text, port);
}

std::string flow_text(const FlowKey& key) {
  return absl::StrFormat("%s <-> %s, protocol %d", endpoint(key, true), endpoint(key, false), key.protocol);
}

bool backward(const FlowKey& key) {
  const int addresses = std::memcmp(key.src_ip.data(), key.dst_ip.data(), key.src_ip.size());
  return addresses != 0 ? addresses > 0 : ntohs(key.be_src_port) > ntohs(key.be_dst_port);
}

FlowKey reversed(FlowKey key) {
  std::swap(key.src_ip, key.dst_ip);
  std::swap(key.be_src_port, key.be_dst_port);
  return key;
}

double percent(double part, double whole) { return whole > 0 ? 100 * part / whole : 0; }

// Twice the fair share; half-way to everything where there are few queues.
double most_share(size_t queues) {
  const double fair = 1.0 / static_cast<double>(queues);
  return std::min(2 * fair, (1 + fair) / 2);
}

}  // namespace

RssWatch::RssWatch(RssWatchConfig config)
    : config_(std::move(config)),
      queue_samples_(config_.queues),
      bucket_samples_(config_.redirection.size()),
      start_(config_.received) {
  start_.resize(config_.queues);
  flows_.reserve(kFlows);
}

void RssWatch::redirected(std::vector<uint16_t> redirection) {
  config_.redirection = std::move(redirection);
  redirected_ = true;  // flows that are remembered have moved by our own doing
}

uint32_t RssWatch::bucket(const FlowKey& key) const {
  FlowKey hashed = key;
  if (!config_.hashes_ports || (key.protocol != IPPROTO_TCP && key.protocol != IPPROTO_UDP)) {
    hashed.be_src_port = hashed.be_dst_port = 0;
  }
  return hash_(hashed) % static_cast<uint32_t>(config_.redirection.size());
}

void RssWatch::sample(const Packet& packet, unsigned queue) {
  // A fragment without ports goes where its addresses send it, apart from its flow: nothing can be done about it.
  if (queue >= config_.queues || packet.fragment) return;
  ++samples_;
  ++queue_samples_[queue];
  FlowKey key = packet.key;
  key.vlan = 0;
  const bool is_backward = backward(key);
  if (is_backward) key = reversed(key);

  auto found = flows_.find(key);
  if (found == flows_.end() && flows_.size() < kFlows) {
    found = flows_.try_emplace(key, Flow{static_cast<uint16_t>(queue), 0}).first;
  }
  if (found != flows_.end()) {
    Flow& flow = found->second;
    flow.directions |= is_backward ? kBackward : kForward;
    flow.strayed |= flow.queue != queue;
    ++flow.samples;
  }
  if (config_.redirection.empty()) return;
  const uint32_t entry = bucket(key);
  ++bucket_samples_[entry];
  ++compared_;
  if (config_.redirection[entry] == queue) return;
  if (elsewhere_++ == 0) {
    example_ = absl::StrFormat("%s came on queue %d, its hash says %d", flow_text(key), queue,
                               config_.redirection[entry]);
  }
}

std::vector<std::string> RssWatch::judge(const std::vector<uint64_t>& received) {
  std::vector<std::string> lines;
  better_.clear();
  if (config_.queues < 2) return lines;
  const uint64_t packets = std::accumulate(received.begin(), received.end(), uint64_t{0}) -
                           std::accumulate(start_.begin(), start_.end(), uint64_t{0});
  if (redirected_) {
    redirected_ = false;
    begin_window(received);
    return lines;
  }
  if (packets < kWindowPackets || samples_ < kWindowSamples) return lines;
  judge_flows(lines);
  judge_hash(lines);
  judge_spread(received, lines);
  begin_window(received);
  return lines;
}

void RssWatch::judge_flows(std::vector<std::string>& lines) {
  size_t both = 0, strayed = 0, strayed_both = 0;
  const FlowKey* example = nullptr;
  for (const auto& [key, flow] : flows_) {
    const bool two_ways = flow.directions == (kForward | kBackward);
    both += two_ways;
    if (!flow.strayed) continue;
    ++strayed;
    strayed_both += two_ways;
    example = &key;
  }
  if (strayed != 0 && !straying_) {
    lines.push_back(
        absl::StrFormat("RSS does not keep flows together: %d of %d sampled flows came on two queues (%d of "
                        "the %d that were seen in "
                        "both directions), e.g. %s",
                        strayed, flows_.size(), strayed_both, both, flow_text(*example)));
  } else if (strayed == 0 && straying_) {
    lines.push_back(absl::StrFormat("RSS keeps flows together again: %d sampled flows, %d in both directions",
                                    flows_.size(), both));
  }
  straying_ = strayed != 0;
}

void RssWatch::judge_hash(std::vector<std::string>& lines) {
  const bool mismatching = static_cast<double>(elsewhere_) > kMismatchShare * static_cast<double>(compared_);
  if (mismatching && !mismatching_) {
    lines.push_back(
        absl::StrFormat("the NIC does not spread by its hash key and redirection table: %d of %d sampled "
                        "packets came on another "
                        "queue, e.g. %s",
                        elsewhere_, compared_, example_));
  } else if (!mismatching && mismatching_) {
    lines.push_back("the NIC spreads by its hash key and redirection table again");
  }
  mismatching_ = mismatching;
}

void RssWatch::judge_spread(const std::vector<uint64_t>& received, std::vector<std::string>& lines) {
  std::vector<uint64_t> packets(config_.queues);
  for (unsigned q = 0; q < config_.queues; ++q) packets[q] = received[q] - start_[q];
  const auto total = static_cast<double>(std::accumulate(packets.begin(), packets.end(), uint64_t{0}));
  const auto fullest =
      static_cast<unsigned>(std::max_element(packets.begin(), packets.end()) - packets.begin());
  const auto most = static_cast<double>(packets[fullest]);
  const bool skewed = most > most_share(config_.queues) * total;
  if (skewed) {
    const std::string cause = elephant(fullest, 1 - most_share(config_.queues) * total / most);
    if (!skewed_) {
      lines.push_back(absl::StrFormat(
          "queue %d receives %.0f %% of the packets, its share of %d queues is %.0f %%: %s", fullest,
          percent(most, total), config_.queues, 100.0 / config_.queues,
          cause.empty() ? "many flows, so the hash or the redirection table spreads badly" : cause));
    }
    // Where the NIC hashes otherwise than is thought here, no move does what it is meant for.
    if (cause.empty() && !mismatching_) plan_redirection(packets);
  } else if (skewed_) {
    lines.push_back(
        absl::StrFormat("the queues are in balance again: the fullest, %d, receives %.0f %% of the packets",
                        fullest, percent(most, total)));
  }
  skewed_ = skewed;
}

// The largest flow of the queue, where the queue without it would be within bounds; else "".
std::string RssWatch::elephant(unsigned queue, double needed_share) const {
  const auto of_queue = [queue](const auto& entry) {
    return entry.second.queue == queue ? entry.second.samples : 0;
  };
  const auto largest = std::max_element(
      flows_.begin(), flows_.end(), [&](const auto& a, const auto& b) { return of_queue(a) < of_queue(b); });
  if (largest == flows_.end()) return "";
  const auto samples = static_cast<double>(of_queue(*largest));
  const auto all = static_cast<double>(queue_samples_[queue]);
  if (samples < needed_share * all) return "";
  return absl::StrFormat("one flow, %s, is %.0f %% of it, and no spread can divide a flow",
                         flow_text(largest->first), percent(samples, all));
}

// Moves the lightest entries of the fullest queue to the emptiest one, as long as that helps.
void RssWatch::plan_redirection(const std::vector<uint64_t>& packets) {
  std::vector<uint16_t> table = config_.redirection;
  std::vector<double> load(packets.begin(), packets.end());
  std::vector<size_t> entries(table.size());
  std::iota(entries.begin(), entries.end(), size_t{0});
  std::sort(entries.begin(), entries.end(),
            [this](size_t a, size_t b) { return bucket_samples_[a] < bucket_samples_[b]; });
  for (size_t entry : entries) {
    const auto from = static_cast<size_t>(std::max_element(load.begin(), load.end()) - load.begin());
    const auto to = static_cast<size_t>(std::min_element(load.begin(), load.end()) - load.begin());
    if (table[entry] != from || queue_samples_[from] == 0) continue;
    const double moved = static_cast<double>(packets[from]) * static_cast<double>(bucket_samples_[entry]) /
                         static_cast<double>(queue_samples_[from]);
    if (load[to] + moved >= load[from]) continue;
    load[from] -= moved;
    load[to] += moved;
    table[entry] = static_cast<uint16_t>(to);
  }
  if (table != config_.redirection) better_ = std::move(table);
}

void RssWatch::begin_window(const std::vector<uint64_t>& received) {
  start_ = received;
  flows_.clear();
  std::fill(queue_samples_.begin(), queue_samples_.end(), 0);
  bucket_samples_.assign(config_.redirection.size(), 0);
  samples_ = compared_ = elsewhere_ = 0;
  example_.clear();
}

}  // namespace netspectra
