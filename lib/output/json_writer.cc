// JSON Lines: one object per record, one per overflow that is not empty, the summary last.
#include <charconv>
#include <string>
#include <vector>

#include "output/json_record.h"
#include "output/json_text.h"
#include "output/writers.h"

namespace netspectra {
namespace {

void append_field(std::string& out, const char* name, uint64_t value) {
  out += ",\"";
  out += name;
  out += "\":";
  append_number(out, value);
}

// At most six decimals, without trailing zeros.
void append_seconds(std::string& out, double seconds) {
  char digits[400];  // the longest double has 309 digits before the point
  const char* end = std::to_chars(digits, digits + sizeof(digits), seconds, std::chars_format::fixed, 6).ptr;
  while (end[-1] == '0') --end;
  if (end[-1] == '.') --end;
  out.append(digits, size_t(end - digits));
}

class JsonWriter final : public Writer {
 public:
  JsonWriter(uint64_t top, Sink& sink) : top_(top), sink_(sink) {}

  void epoch(const EpochResult& result) override {
    for (const TaskResult& task : result.tasks) {
      const JsonRecords lines(*task.task, result.start_ns);
      for (const FlowRecord& record : shown(task, top_)) {
        line_.clear();
        lines.append_record(line_, record);
        sink_.append(line_);
      }
      if (task.overflow.packets != 0) {
        line_.clear();
        lines.append_overflow(line_, task.overflow);
        sink_.append(line_);
      }
    }
  }

  void summary(const RunSummary& summary) override {
    const Ledger& ledger = summary.ledger;
    const bool any = ledger.rx_packets != 0;
    line_ = "{\"type\":\"summary\",\"files\":";
    append_json_strings(line_, summary.files);
    append_field(line_, "packets", ledger.rx_packets);
    append_field(line_, "bytes", ledger.rx_bytes);
    append_field(line_, "ip_packets", ledger.ip_packets);
    append_field(line_, "not_ip", ledger.not_ip());
    line_ += ",\"malformed\":";
    append_malformed(line_, ledger);
    if (ledger.filtered_out != 0) append_field(line_, "filtered_out", ledger.filtered_out);
    if (ledger.late_packets != 0) append_field(line_, "late_packets", ledger.late_packets);
    append_field(line_, "overflow_packets", summary.overflow_packets);
    line_ += ",\"first_seen_ns\":";
    append_time(line_, any ? ledger.first_seen_ns : 0);
    line_ += ",\"last_seen_ns\":";
    append_time(line_, any ? ledger.last_seen_ns : 0);
    line_ += ",\"elapsed_s\":";
    append_seconds(line_, summary.elapsed_s);
    line_ += ",\"read_errors\":";
    append_json_strings(line_, summary.read_errors);
    line_ += "}\n";
    sink_.append(line_);
  }

 private:
  const uint64_t top_;
  Sink& sink_;
  std::string line_;  // kept for its room
};

}  // namespace

std::unique_ptr<Writer> make_json_writer(uint64_t top, Sink& sink) {
  return std::make_unique<JsonWriter>(top, sink);
}

}  // namespace netspectra
