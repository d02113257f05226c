// Tables for people: per task the largest flows, what the rest adds up to, what found no room; the summary.
#include <arpa/inet.h>

#include <bit>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/units.h"
#include "output/summary_text.h"
#include "output/text.h"
#include "output/text_table.h"
#include "output/wording.h"
#include "output/writers.h"

namespace netspectra {
namespace {

using Align = TextTable::Align;

std::string address_text(const std::array<uint8_t, 16>& ip, uint8_t ip_version) {
  char text[kMaxAddressText];
  return {text, put_address(text, ip, ip_version)};
}

// People read address and port side by side; elsewhere the order is that of KeyField.
constexpr size_t kCounterColumns = 6;  // what counter_cells() gives, and the flags
constexpr KeyField kColumnOrder[] = {KeyField::kSrcIp,   KeyField::kSrcPort,  KeyField::kDstIp,
                                     KeyField::kDstPort, KeyField::kProtocol, KeyField::kVlan};

void add_key_column(TextTable& table, KeyFields fields, KeyField field) {
  switch (field) {
    case KeyField::kSrcIp:
      return table.add_column("source", Align::kLeft);
    case KeyField::kDstIp:
      return table.add_column("destination", Align::kLeft);
    case KeyField::kSrcPort:
      return table.add_column(fields.has(KeyField::kSrcIp) ? "port" : "source port", Align::kRight);
    case KeyField::kDstPort:
      return table.add_column(fields.has(KeyField::kDstIp) ? "port" : "destination port", Align::kRight);
    case KeyField::kProtocol:
      return table.add_column("protocol", Align::kLeft);
    case KeyField::kVlan:
      return table.add_column("VLAN", Align::kRight);
  }
}

std::string key_text(const FlowKey& key, KeyField field) {
  switch (field) {
    case KeyField::kSrcIp:
      return address_text(key.src_ip, key.ip_version);
    case KeyField::kDstIp:
      return address_text(key.dst_ip, key.ip_version);
    case KeyField::kSrcPort:
      return std::to_string(ntohs(key.be_src_port));
    case KeyField::kDstPort:
      return std::to_string(ntohs(key.be_dst_port));
    case KeyField::kProtocol:
      return protocol_name(key.protocol);
    case KeyField::kVlan:
      return key.vlan == 0 ? "none" : std::to_string(key.vlan);
  }
  return "";  // not reached: every KeyField is above
}

// One letter or dot per flag, in the order of the header's bits, from the highest that any record in the
// table has. Empty where none has a flag, so that the column is left out.
std::string flags_text(uint8_t flags, uint8_t all_flags) {
  constexpr char kLetters[] = "CEUAPRSF";  // CWR ECE URG ACK PSH RST SYN FIN
  std::string text;
  if (all_flags == 0) return text;
  if (flags == 0) return "-";
  for (int i = std::countl_zero(all_flags); i < 8; ++i) text += (flags << i & 0x80) != 0 ? kLetters[i] : '.';
  return text;
}

// packets, bytes, share, duration, rate. A single packet and packets without timestamps lack the last two.
std::vector<std::string> counter_cells(const FlowCounters& counters, uint64_t all_bytes) {
  std::vector<std::string> cells = {format_count(counters.packets), human_bytes(counters.bytes),
                                    percent(counters.bytes, all_bytes)};
  const uint64_t span_ns = counters.last_seen_ns - counters.first_seen_ns;
  if (counters.first_seen_ns == 0 || span_ns == 0) {
    cells.insert(cells.end(), {"-", "-"});
  } else {
    const double span_s = static_cast<double>(span_ns) / 1e9;
    cells.push_back(format_duration_ns(span_ns));
    cells.push_back(human_bits_per_second(static_cast<double>(counters.bytes) * 8 / span_s));
  }
  return cells;
}

FlowCounters sum(std::span<const FlowRecord> records) {
  FlowCounters total;
  for (const FlowRecord& record : records) total.merge(record.counters);
  return total;
}

std::string title(const TaskResult& result, size_t rows) {
  const size_t flows = result.records.size();
  if (flows == 0) return absl::StrCat(result.task->name, ": no flows\n");
  return rows < flows ? absl::StrCat(result.task->name, ": top ", format_count(rows), " of ",
                                     counted(flows, "flow"), " by bytes\n")
                      : absl::StrCat(result.task->name, ": ", counted(flows, "flow"), ", by bytes\n");
}

TextTable make_table(KeyFields fields) {
  TextTable table;
  for (KeyField field : kColumnOrder) {
    if (fields.has(field)) add_key_column(table, fields, field);
  }
  for (const char* name : {"packets", "bytes", "share", "duration", "average rate"}) {
    table.add_column(name, Align::kRight);
  }
  table.add_column("flags", Align::kLeft);
  return table;
}

std::string overflow_text(const TaskResult& result) {
  const uint64_t capacity = result.task->capacity;
  return absl::StrCat(
      "  Unattributed: ", counted(result.overflow.packets, "packet"), " (",
      human_bytes(result.overflow.bytes), ") of flows that found no room; raise the task's capacity",
      capacity == 0 ? "" : absl::StrCat(" (now ", format_count(capacity), " per worker)"), ".\n");
}

void write_task(const TaskResult& result, uint64_t top, Sink& sink) {
  const KeyFields fields = result.task->fields;
  const std::span<const FlowRecord> records(result.records);
  const std::span<const FlowRecord> rows = shown(result, top);
  const std::span<const FlowRecord> rest = records.subspan(rows.size());
  const uint64_t all_bytes = sum(records).bytes + result.overflow.bytes;
  const uint8_t all_flags = sum(rows).tcp_flags;

  TextTable table = make_table(fields);
  const auto flow_row = [&](const FlowRecord& record) {
    TextTable::Row row;
    for (KeyField field : kColumnOrder) {
      if (fields.has(field)) row.cells.push_back(key_text(record.key, field));
    }
    for (std::string& cell : counter_cells(record.counters, all_bytes)) row.cells.push_back(std::move(cell));
    row.cells.push_back(flags_text(record.counters.tcp_flags, all_flags));
    return row;
  };
  const size_t key_columns = table.columns() - kCounterColumns;
  std::vector<TextTable::Row> totals;
  if (!rest.empty()) {
    totals.push_back({counter_cells(sum(rest), all_bytes), key_columns, counted(rest.size(), "more flow")});
  }
  if (result.overflow.packets != 0) {
    totals.push_back({counter_cells(result.overflow, all_bytes), key_columns, "unattributed"});
  }

  sink.append(title(result, rows.size()));
  for (const FlowRecord& record : rows) table.measure(flow_row(record));
  for (const TextTable::Row& row : totals) table.measure(row);
  if (!rows.empty() || !totals.empty()) sink.append(table.title_line());
  for (const FlowRecord& record : rows) sink.append(table.line(flow_row(record)));
  for (const TextTable::Row& row : totals) sink.append(table.line(row));
  if (result.overflow.packets != 0) sink.append(overflow_text(result));
  sink.append("\n");
}

class TableWriter final : public Writer {
 public:
  TableWriter(uint64_t top, Sink& sink) : top_(top), sink_(sink) {}

  void epoch(const EpochResult& result) override {
    if (result.period_ns != 0) {
      const std::string heading = absl::StrCat(
          "Epoch ", short_time(result.start_ns), " UTC, ", exact_duration_ns(result.period_ns), ": ",
          counted(result.ledger.rx_packets, "packet"), ", ", human_bytes(result.ledger.rx_bytes));
      sink_.append(absl::StrCat(heading, "\n", std::string(heading.size(), '-'), "\n"));
    }
    for (const TaskResult& task : result.tasks) write_task(task, top_, sink_);
  }

  void summary(const RunSummary& summary) override { sink_.append(summary_text(summary)); }

 private:
  const uint64_t top_;
  Sink& sink_;
};

}  // namespace

std::unique_ptr<Writer> make_table_writer(uint64_t top, Sink& sink) {
  return std::make_unique<TableWriter>(top, sink);
}

}  // namespace netspectra
