// JSON Lines: an object for each row, the summary last.
#include <charconv>
#include <string>
#include <vector>

#include "output/json_rows.h"
#include "output/json_text.h"
#include "output/rows.h"
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
      append_rows(JsonRows(*task.task, result.start_ns), task, top_, sink_);
    }
  }

  void summary(const RunSummary& summary) override {
    const Ledger& ledger = summary.ledger;
    const bool any = ledger.rx_packets != 0;
    std::string line = "{\"type\":\"summary\",\"files\":";
    append_json_strings(line, summary.files);
    append_field(line, "packets", ledger.rx_packets);
    append_field(line, "bytes", ledger.rx_bytes);
    append_field(line, "ip_packets", ledger.ip_packets);
    append_field(line, "not_ip", ledger.not_ip());
    line += ",\"malformed\":";
    append_malformed(line, ledger);
    if (ledger.filtered_out != 0) append_field(line, "filtered_out", ledger.filtered_out);
    if (ledger.late_packets != 0) append_field(line, "late_packets", ledger.late_packets);
    append_field(line, "overflow_packets", summary.overflow_packets);
    if (summary.source) {
      summary.source->each_loss(
          [&](const char* name, uint64_t packets) { append_field(line, name, packets); });
      append_field(line, "epoch_overruns", summary.source->epoch_overruns);
    }
    line += ",\"first_seen_ns\":";
    append_time(line, any ? ledger.first_seen_ns : 0);
    line += ",\"last_seen_ns\":";
    append_time(line, any ? ledger.last_seen_ns : 0);
    line += ",\"elapsed_s\":";
    append_seconds(line, summary.elapsed_s);
    line += ",\"read_errors\":";
    append_json_strings(line, summary.read_errors);
    line += "}\n";
    sink_.append(line);
  }

 private:
  const uint64_t top_;
  Sink& sink_;
};

}  // namespace

std::unique_ptr<Writer> make_json_writer(uint64_t top, Sink& sink) {
  return std::make_unique<JsonWriter>(top, sink);
}

}  // namespace netspectra
