#include "output/json_rows.h"

#include <arpa/inet.h>

#include "output/json_text.h"
#include "output/rows.h"
#include "output/text.h"

namespace netspectra {
namespace {

// What follows the prefix: two addresses, ten numbers, and under 200 characters of names and punctuation.
constexpr size_t kMaxTail = 2 * kMaxAddressText + 10 * kMaxNumberText + 200;

std::string prefix(const char* type, const TaskConfig& task, uint64_t epoch_start_ns) {
  std::string out = "{\"type\":\"";
  out += type;
  out += "\",\"task\":";
  append_json_string(out, task.name);
  out += ",\"epoch_start_ns\":";
  append_time(out, epoch_start_ns);
  return out;
}

char* put_field(char* p, std::string_view name, uint64_t value) {
  return put_number(put_text(p, name), value);
}

char* put_key(char* p, KeyFields fields, const FlowKey& key) {
  if (fields.has(KeyField::kSrcIp)) {
    p = put_address(put_text(p, ",\"src_ip\":\""), key.src_ip, key.ip_version);
    *p++ = '"';
  }
  if (fields.has(KeyField::kDstIp)) {
    p = put_address(put_text(p, ",\"dst_ip\":\""), key.dst_ip, key.ip_version);
    *p++ = '"';
  }
  if (fields.has(KeyField::kSrcPort)) p = put_field(p, ",\"src_port\":", ntohs(key.be_src_port));
  if (fields.has(KeyField::kDstPort)) p = put_field(p, ",\"dst_port\":", ntohs(key.be_dst_port));
  if (fields.has(KeyField::kProtocol)) p = put_field(p, ",\"protocol\":", key.protocol);
  if (fields.has(KeyField::kVlan)) p = put_field(p, ",\"vlan\":", key.vlan);
  return p;
}

char* put_volume(char* p, uint64_t packets, uint64_t bytes) {
  return put_field(put_field(p, ",\"packets\":", packets), ",\"bytes\":", bytes);
}

char* put_counters(char* p, const FlowCounters& counters) {
  p = put_volume(p, counters.packets, counters.bytes);
  p = put_time(put_text(p, ",\"first_seen_ns\":"), counters.first_seen_ns);
  p = put_time(put_text(p, ",\"last_seen_ns\":"), counters.last_seen_ns);
  return put_field(p, ",\"tcp_flags\":", counters.tcp_flags);
}

void append_line(std::string& out, const std::string& prefix, const char* tail, const char* end) {
  out.append(prefix).append(tail, size_t(end - tail)).append("}\n");
}

}  // namespace

JsonRows::JsonRows(const TaskConfig& task, uint64_t epoch_start_ns)
    : fields_(task.fields),
      prefix_(prefix(row_type(task.kind), task, epoch_start_ns)),
      overflow_prefix_(prefix(kOverflowType, task, epoch_start_ns)) {}

void JsonRows::append(std::string& out, const FlowRecord& record) const {
  char tail[kMaxTail];
  append_line(out, prefix_, tail, put_counters(put_key(tail, fields_, record.key), record.counters));
}

void JsonRows::append(std::string& out, const HeavyHitterRecord& record) const {
  char tail[kMaxTail];
  char* p = put_volume(put_key(tail, fields_, record.key), record.packets, record.bytes);
  p = put_field(p, ",\"error_packets\":", record.error_packets);
  append_line(out, prefix_, tail, put_field(p, ",\"error_bytes\":", record.error_bytes));
}

void JsonRows::append(std::string& out, const SpreadRecord& record) const {
  char tail[kMaxTail];
  append_line(out, prefix_, tail,
              put_field(put_key(tail, fields_, record.key), ",\"spread\":", record.spread));
}

void JsonRows::append_overflow(std::string& out, const FlowCounters& overflow) const {
  char tail[kMaxTail];
  append_line(out, overflow_prefix_, tail, put_counters(tail, overflow));
}

void JsonRows::append_cardinality(std::string& out, uint64_t cardinality) const {
  char tail[kMaxTail];
  append_line(out, prefix_, tail, put_field(tail, ",\"cardinality\":", cardinality));
}

}  // namespace netspectra
