// Heavy hitters, super spreaders and cardinalities, for people: what is shown, from where on, how exactly.
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

using Align = TextTable::Align;

// "top_src: top 10 of 57 heavy hitters", "top_src: 57 heavy hitters", "top_src: no heavy hitters".
std::string title(const TaskResult& result, size_t shown, size_t all, const char* noun) {
  return absl::StrCat(result.task->name, ": ",
                      all == 0      ? absl::StrCat("no ", noun, "s")
                      : shown < all ? absl::StrCat("top ", format_count(shown), " of ", counted(all, noun))
                                    : counted(all, noun));
}

// What the keys that are listed reach, or that none does.
std::string limit(bool any, const std::string& threshold) {
  return absl::StrCat(any ? "each at least " : "none reaches ", threshold);
}

std::string accuracy(const TaskResult& result) {
  return result.standard_error == 0
             ? "exact"
             : absl::StrCat("estimated, about +-", percent_of_error(result.standard_error));
}

void write_table(TextTable& table, const std::vector<TextTable::Row>& rows, Sink& sink) {
  for (const TextTable::Row& row : rows) table.measure(row);
  if (!rows.empty()) sink.append(table.title_line());
  for (const TextTable::Row& row : rows) sink.append(table.line(row));
  sink.append("\n");
}

}  // namespace

void write_heavy_hitters(const TaskResult& result, const Ledger& ledger, uint64_t top, Sink& sink) {
  const TaskConfig& task = *result.task;
  const bool by_packets = task.by == RankBy::kPackets;
  const auto hitters = shown(result.heavy_hitters, top);
  const bool any = !hitters.empty();

  const uint64_t total = by_packets ? ledger.ip_packets : ledger.ip_bytes;
  const std::string share =
      task.threshold.share_ppm != 0 ? share_text(task.threshold.share_ppm) : percent(result.threshold, total);
  const std::string threshold =
      absl::StrCat(by_packets ? counted(result.threshold, "packet") : human_bytes(result.threshold), ", ",
                   share, " of all");
  sink.append(absl::StrCat(title(result, hitters.size(), result.heavy_hitters.size(), "heavy hitter"),
                           any ? by_packets ? " by packets" : " by bytes" : "", " (", limit(any, threshold),
                           ")\n"));

  bool any_error = false;
  for (const HeavyHitterRecord& h : hitters) any_error |= h.error_packets != 0 || h.error_bytes != 0;
  TextTable table;
  add_key_columns(table, task.fields);
  for (const char* name : {"packets", "bytes", "share", "too high by at most"}) {
    table.add_column(name, Align::kRight);
  }
  std::vector<TextTable::Row> rows;
  for (const HeavyHitterRecord& h : hitters) {
    TextTable::Row row{key_cells(h.key, task.fields)};
    const std::string error = by_packets ? format_count(h.error_packets) : human_bytes(h.error_bytes);
    row.cells.insert(row.cells.end(),
                     {format_count(h.packets), human_bytes(h.bytes),
                      percent(by_packets ? h.packets : h.bytes, total), any_error ? error : ""});
    rows.push_back(std::move(row));
  }
  write_table(table, rows, sink);
}

void write_spreads(const TaskResult& result, uint64_t top, Sink& sink) {
  const TaskConfig& task = *result.task;
  const auto spreads = shown(result.spreads, top);
  sink.append(absl::StrCat(title(result, spreads.size(), result.spreads.size(), "super spreader"), " (",
                           limit(!spreads.empty(), counted_distinct(result.threshold, task.elements)), "; ",
                           accuracy(result), ")\n"));

  TextTable table;
  add_key_columns(table, task.fields);
  table.add_column(absl::StrCat("distinct ", distinct_name(task.elements)), Align::kRight);
  std::vector<TextTable::Row> rows;
  for (const SpreadRecord& record : spreads) {
    TextTable::Row row{key_cells(record.key, task.fields)};
    row.cells.push_back(format_count(record.spread));
    rows.push_back(std::move(row));
  }
  write_table(table, rows, sink);
}

void write_cardinality(const TaskResult& result, Sink& sink) {
  sink.append(absl::StrCat(result.task->name, ": ", counted_distinct(result.cardinality, result.task->fields),
                           " (", accuracy(result), ")\n\n"));
}

}  // namespace netspectra
