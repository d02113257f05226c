// An exact task's largest flows, for people: what the rest adds up to, what found no room.
#include <bit>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/units.h"
#include "output/key_text.h"
#include "output/rows.h"
#include "output/task_tables.h"
#include "output/text_table.h"
#include "output/wording.h"

namespace netspectra {
namespace {

constexpr size_t kCounterColumns = 6;  // what counter_cells() gives, and the flags

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
  add_key_columns(table, fields);
  for (const char* name : {"packets", "bytes", "share", "duration", "average rate"}) {
    table.add_column(name, TextTable::Align::kRight);
  }
  table.add_column("flags", TextTable::Align::kLeft);
  return table;
}

std::string overflow_text(const TaskResult& result) {
  const uint64_t capacity = result.task->capacity;
  return absl::StrCat(
      "  Unattributed: ", counted(result.overflow.packets, "packet"), " (",
      human_bytes(result.overflow.bytes), ") of flows that found no room; raise the task's capacity",
      capacity == 0 ? "" : absl::StrCat(" (now ", format_count(capacity), " per worker)"), ".\n");
}

}  // namespace

void write_flows(const TaskResult& result, uint64_t top, Sink& sink) {
  const KeyFields fields = result.task->fields;
  const std::span<const FlowRecord> records(result.records);
  const std::span<const FlowRecord> rows = shown(result.records, top);
  const std::span<const FlowRecord> rest = records.subspan(rows.size());
  const uint64_t all_bytes = sum(records).bytes + result.overflow.bytes;
  const uint8_t all_flags = sum(rows).tcp_flags;

  TextTable table = make_table(fields);
  const auto flow_row = [&](const FlowRecord& record) {
    TextTable::Row row{key_cells(record.key, fields)};
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

}  // namespace netspectra
