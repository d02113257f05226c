#include "output/csv_rows.h"

#include <arpa/inet.h>

#include "output/json_text.h"
#include "output/rows.h"
#include "output/text.h"

namespace netspectra {
namespace {

// What follows the prefix: two addresses, eleven numbers, fifteen commas and the end of the line.
constexpr size_t kMaxTail = 2 * kMaxAddressText + 11 * kMaxTimeText + 16;

std::string quoted(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string out = "\"";
  for (char c : text) {
    if (c == '"') out += '"';
    out += c;
  }
  return out + '"';
}

std::string prefix(const char* type, const TaskConfig& task, uint64_t epoch_start_ns) {
  std::string out = type;
  out += ',';
  out += quoted(task.name);
  out += ',';
  append_time(out, epoch_start_ns);
  return out;
}

char* put_cell(char* p, uint64_t value) {
  *p++ = ',';
  return put_number(p, value);
}

char* put_time_cell(char* p, uint64_t time_ns) {
  *p++ = ',';
  return put_time(p, time_ns);
}

char* put_cell_if(bool selected, char* p, uint64_t value) {
  *p++ = ',';
  return selected ? put_number(p, value) : p;
}

char* put_key(char* p, KeyFields fields, const FlowKey& key) {
  *p++ = ',';
  if (fields.has(KeyField::kSrcIp)) p = put_address(p, key.src_ip, key.ip_version);
  *p++ = ',';
  if (fields.has(KeyField::kDstIp)) p = put_address(p, key.dst_ip, key.ip_version);
  p = put_cell_if(fields.has(KeyField::kSrcPort), p, ntohs(key.be_src_port));
  p = put_cell_if(fields.has(KeyField::kDstPort), p, ntohs(key.be_dst_port));
  p = put_cell_if(fields.has(KeyField::kProtocol), p, key.protocol);
  return put_cell_if(fields.has(KeyField::kVlan), p, key.vlan);
}

char* put_no_key(char* p) { return put_key(p, KeyFields(), FlowKey()); }

// packets to tcp_flags, and the four empty columns behind them.
char* put_counters(char* p, const FlowCounters& counters) {
  p = put_cell(put_cell(p, counters.packets), counters.bytes);
  p = put_time_cell(put_time_cell(p, counters.first_seen_ns), counters.last_seen_ns);
  return put_text(put_cell(p, counters.tcp_flags), ",,,,");
}

void append_line(std::string& out, const std::string& prefix, const char* tail, const char* end) {
  out.append(prefix).append(tail, size_t(end - tail)).append("\n");
}

}  // namespace

CsvRows::CsvRows(const TaskConfig& task, uint64_t epoch_start_ns)
    : fields_(task.fields),
      prefix_(prefix(row_type(task.kind), task, epoch_start_ns)),
      overflow_prefix_(prefix(kOverflowType, task, epoch_start_ns)) {}

void CsvRows::append(std::string& out, const FlowRecord& record) const {
  char tail[kMaxTail];
  append_line(out, prefix_, tail, put_counters(put_key(tail, fields_, record.key), record.counters));
}

void CsvRows::append(std::string& out, const HeavyHitterRecord& record) const {
  char tail[kMaxTail];
  char* p = put_cell(put_cell(put_key(tail, fields_, record.key), record.packets), record.bytes);
  p = put_cell(put_cell(put_text(p, ",,,"), record.error_packets), record.error_bytes);
  append_line(out, prefix_, tail, put_text(p, ",,"));
}

void CsvRows::append(std::string& out, const SpreadRecord& record) const {
  char tail[kMaxTail];
  char* p = put_cell(put_text(put_key(tail, fields_, record.key), ",,,,,,,"), record.spread);
  append_line(out, prefix_, tail, put_text(p, ","));
}

void CsvRows::append_overflow(std::string& out, const FlowCounters& overflow) const {
  char tail[kMaxTail];
  append_line(out, overflow_prefix_, tail, put_counters(put_no_key(tail), overflow));
}

void CsvRows::append_cardinality(std::string& out, uint64_t cardinality) const {
  char tail[kMaxTail];
  append_line(out, prefix_, tail, put_cell(put_text(put_no_key(tail), ",,,,,,,,"), cardinality));
}

}  // namespace netspectra
