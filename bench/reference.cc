#include "reference.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "harness.h"

namespace netspectra::bench {
namespace {

bool near(double measured, double truth, double standard_error) {
  return std::abs(measured - truth) <= 5 * standard_error * truth;
}

}  // namespace

Reference::Reference(const FlowStream& stream) {
  PacketSource source(stream);
  for (uint64_t done = 0; done < kCheckedPackets; done += kBurst) {
    for (const Packet& packet : source.next()) {
      flows_[packet.key].merge({1, packet.len_bytes, packet.ts_ns, packet.ts_ns, packet.tcp_flags});
    }
  }
}

std::string Reference::compare(const std::vector<FlowRecord>& records, const Flows& expected) {
  if (records.size() != expected.size()) {
    return absl::StrCat(records.size(), " records where ", expected.size(), " are right");
  }
  for (const FlowRecord& record : records) {
    const auto found = expected.find(record.key);
    if (found == expected.end()) return "a record of a flow that was not there";
    if (!(found->second == record.counters)) return "a record with wrong counters";
  }
  return "";
}

FlowKey Reference::largest() const {
  const auto fewer = [](const auto& a, const auto& b) { return a.second.packets < b.second.packets; };
  return std::max_element(flows_.begin(), flows_.end(), fewer)->first;
}

std::string Reference::check(const std::vector<FlowRecord>& records) const {
  return compare(records, flows_);
}

Reference::Flows Reference::under(KeyFields fields) const {
  const KeyMask mask(fields);
  Flows flows;
  for (const auto& [key, counters] : flows_) flows[mask.apply(key)].merge(counters);
  return flows;
}

std::string Reference::check(const EpochResult& result) const {
  if (result.ledger.rx_packets != kCheckedPackets) return "packets are missing from the ledger";
  if (!result.ledger.balanced() || result.ledger.ip_packets != kCheckedPackets) return "packets were refused";
  for (const TaskResult& task : result.tasks) {
    if (const std::string wrong = check(task); !wrong.empty()) {
      return absl::StrCat("task ", task.task->name, ": ", wrong);
    }
  }
  return "";
}

std::string Reference::check(const TaskResult& result) const {
  const Flows keys = under(result.task->fields);
  switch (result.task->kind) {
    case TaskKind::kExact:
      return compare(result.records, keys);
    case TaskKind::kHeavyHitters:
      for (const HeavyHitterRecord& hitter : result.heavy_hitters) {
        const auto found = keys.find(hitter.key);
        const uint64_t packets = found == keys.end() ? 0 : found->second.packets;
        if (packets > hitter.packets || packets + hitter.error_packets < hitter.packets) {
          return "a heavy hitter outside its certified bounds";
        }
      }
      return "";
    case TaskKind::kSuperSpreader: {
      std::map<FlowKey, uint64_t> spread;
      const KeyMask mask(result.task->fields);
      for (const auto& [pair, counters] : under(result.task->fields | result.task->elements)) {
        ++spread[mask.apply(pair)];
      }
      for (const SpreadRecord& record : result.spreads) {
        if (!near(static_cast<double>(record.spread), static_cast<double>(spread[record.key]),
                  result.standard_error)) {
          return absl::StrCat("a spread of ", record.spread, " where ", spread[record.key], " is right");
        }
      }
      return "";
    }
    case TaskKind::kCardinality:
      return near(static_cast<double>(result.cardinality), static_cast<double>(keys.size()),
                  result.standard_error)
                 ? ""
                 : absl::StrCat(result.cardinality, " keys where ", keys.size(), " are right");
  }
  return "a kind of task that has no check";
}

const Reference& reference(const Traffic& traffic) {
  return kept<Reference>(traffic, [&] { return std::make_unique<Reference>(flow_stream(traffic)); });
}

}  // namespace netspectra::bench
