// CSV: one header row, then the rows that JSON Lines has, under the same names (RFC 4180, lines end in LF).
// A field that is not in the task's key is empty. There is no row for the summary: it has other columns.
#include <arpa/inet.h>

#include <string>
#include <string_view>

#include "output/json_text.h"
#include "output/text.h"
#include "output/writers.h"

namespace netspectra {
namespace {

constexpr std::string_view kHeader =
    "type,task,epoch_start_ns,src_ip,dst_ip,src_port,dst_port,protocol,vlan,packets,bytes,first_seen_ns,"
    "last_seen_ns,tcp_flags\n";

// Two addresses, nine numbers, and their commas.
constexpr size_t kMaxTail = 2 * kMaxAddressText + 9 * kMaxNumberText + 16;

std::string quoted(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string out = "\"";
  for (char c : text) {
    if (c == '"') out += '"';
    out += c;
  }
  return out + '"';
}

std::string row_prefix(const char* type, const TaskConfig& task, uint64_t epoch_start_ns) {
  std::string out = type;
  out += ',';
  out += quoted(task.name);
  out += ',';
  append_time(out, epoch_start_ns);
  return out;
}

char* put_number_if(bool selected, char* p, uint64_t value) {
  *p++ = ',';
  return selected ? put_number(p, value) : p;
}

char* put_key(char* p, KeyFields fields, const FlowKey& key) {
  *p++ = ',';
  if (fields.has(KeyField::kSrcIp)) p = put_address(p, key.src_ip, key.ip_version);
  *p++ = ',';
  if (fields.has(KeyField::kDstIp)) p = put_address(p, key.dst_ip, key.ip_version);
  p = put_number_if(fields.has(KeyField::kSrcPort), p, ntohs(key.be_src_port));
  p = put_number_if(fields.has(KeyField::kDstPort), p, ntohs(key.be_dst_port));
  p = put_number_if(fields.has(KeyField::kProtocol), p, key.protocol);
  return put_number_if(fields.has(KeyField::kVlan), p, key.vlan);
}

char* put_counters(char* p, const FlowCounters& counters) {
  *p++ = ',';
  p = put_number(p, counters.packets);
  *p++ = ',';
  p = put_number(p, counters.bytes);
  *p++ = ',';
  p = put_time(p, counters.first_seen_ns);
  *p++ = ',';
  p = put_time(p, counters.last_seen_ns);
  *p++ = ',';
  p = put_number(p, counters.tcp_flags);
  *p++ = '\n';
  return p;
}

class CsvWriter final : public Writer {
 public:
  CsvWriter(uint64_t top, Sink& sink) : top_(top), sink_(sink) { sink_.append(kHeader); }

  void epoch(const EpochResult& result) override {
    for (const TaskResult& task : result.tasks) {
      const std::string prefix = row_prefix("record", *task.task, result.start_ns);
      for (const FlowRecord& record : shown(task, top_)) {
        row(prefix, task.task->fields, record.key, record.counters);
      }
      if (task.overflow.packets != 0) {
        row(row_prefix("overflow", *task.task, result.start_ns), KeyFields(), FlowKey(), task.overflow);
      }
    }
  }

  void summary(const RunSummary&) override {}

 private:
  void row(const std::string& prefix, KeyFields fields, const FlowKey& key, const FlowCounters& counters) {
    char tail[kMaxTail];
    const char* end = put_counters(put_key(tail, fields, key), counters);
    line_.assign(prefix).append(tail, size_t(end - tail));
    sink_.append(line_);
  }

  const uint64_t top_;
  Sink& sink_;
  std::string line_;  // kept for its room
};

}  // namespace

std::unique_ptr<Writer> make_csv_writer(uint64_t top, Sink& sink) {
  return std::make_unique<CsvWriter>(top, sink);
}

}  // namespace netspectra
