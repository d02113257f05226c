#include "snapshots.h"

#include <cstdio>
#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "base/mix64.h"

namespace netspectra::bench {

std::vector<FlowRecord> random_records(uint64_t count, uint64_t seed) {
  std::vector<FlowRecord> records(count);
  for (uint64_t i = 0; i < count; ++i) {
    FlowRecord& record = records[i];
    record.key.ip_version = 4;
    for (auto* address : {&record.key.src_ip, &record.key.dst_ip}) (*address)[10] = (*address)[11] = 0xff;
    const uint64_t random = mix64(seed * 0x9e3779b97f4a7c15 + i);
    for (int byte = 0; byte < 4; ++byte) {
      record.key.src_ip[12 + byte] = static_cast<uint8_t>(i >> (8 * byte));  // no two records are alike
      record.key.dst_ip[12 + byte] = static_cast<uint8_t>(random >> (8 * byte));
    }
    record.key.be_src_port = static_cast<uint16_t>(random >> 32);
    record.key.be_dst_port = static_cast<uint16_t>(random >> 48 & 0xff);
    record.key.protocol = 6;
    record.counters.packets = 1 + (random & 15);
    record.counters.bytes = record.counters.packets * 64;
    record.counters.tcp_flags = 0x12;
  }
  return records;
}

EpochPart part_of_worker(const std::shared_ptr<const TaskPlan>& plan, const std::vector<FlowRecord>& records,
                         uint64_t start_ns, uint64_t period_ns, uint32_t worker, uint32_t workers) {
  EpochPart part;
  part.plan = plan;
  part.start_ns = start_ns;
  part.end_ns = start_ns + period_ns;
  part.worker = worker;
  part.measured.resize(plan->measured.size());
  part.fallback.resize(plan->fallback.size());
  std::vector<FlowRecord>& own = part.measured[0].records;
  for (size_t i = worker; i < records.size(); i += workers) {
    own.push_back(records[i]);
    own.back().counters.first_seen_ns = start_ns;
    own.back().counters.last_seen_ns = part.end_ns - 1;
    part.ledger.ip_packets += records[i].counters.packets;
    part.ledger.ip_bytes += records[i].counters.bytes;
  }
  part.ledger.rx_packets = part.ledger.ip_packets;
  part.ledger.rx_bytes = part.ledger.ip_bytes;
  part.ledger.first_seen_ns = start_ns;
  part.ledger.last_seen_ns = part.end_ns - 1;
  return part;
}

std::vector<Message> encode(const EpochPart& part, const std::string& probe, uint64_t run, uint64_t period_ns,
                            uint32_t workers) {
  SnapshotHeader header;
  header.site = kSite;
  header.probe = probe;
  header.run = run;
  header.epoch_start_ns = part.start_ns;
  header.epoch_end_ns = part.end_ns;
  header.period_ns = period_ns;
  header.worker = part.worker;
  header.workers = workers;
  header.port = "bench0";
  header.queue = part.worker;
  header.ledger = part.ledger;
  std::vector<Message> messages;
  const absl::Status encoded = encode_part(header, *part.plan, part, [&](const EncodedChunk& chunk) {
    messages.push_back({absl::StrCat("netspectra.v1.", kSite, ".", probe, ".snapshot.", chunk.task),
                        absl::StrCat(probe, "/", run, "/", part.start_ns, "/", chunk.task, "/", part.worker,
                                     "/", chunk.chunk),
                        {chunk.bytes.begin(), chunk.bytes.end()}});
  });
  if (encoded.ok()) return messages;
  std::fprintf(stderr, "%s\n", std::string(encoded.message()).c_str());
  std::abort();
}

}  // namespace netspectra::bench
