#include "rows_text.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_join.h"
#include "ledger_text.h"
#include "output/text_table.h"
#include "value_text.h"

namespace netspectra {
namespace {

constexpr const char* kLedger = "ledger";
constexpr const char* kLost = "lost";

struct Column {
  std::string name;
  const NamedColumn* named = nullptr;
};

// The row with its ledger spread out.
Json flat(const Json& row) {
  const auto ledger = row.find(kLedger);
  if (ledger == row.end() || !ledger->is_object()) return row;
  Json out = row;
  out.erase(kLedger);
  if (ledger->contains("rx_packets")) out["rx_packets"] = (*ledger)["rx_packets"];
  const std::vector<std::string> lost = losses(*ledger);
  out[kLost] = lost.empty() ? "nothing" : absl::StrJoin(lost, "; ");
  return out;
}

bool same_everywhere(const std::vector<Json>& rows, const std::string& name) {
  return std::all_of(rows.begin(), rows.end(),
                     [&](const Json& row) { return row.contains(name) && row[name] == rows[0][name]; });
}

// What is not for people, or stands in another column already.
bool left_out(const std::vector<Json>& rows, const Column& column) {
  if (column.name == "type" || column.name == "task") return same_everywhere(rows, column.name);
  if (column.name == "run") return true;  // 19 digits that only a program has a use for
  if (column.name == "low" || column.name == "high") {
    return std::all_of(rows.begin(), rows.end(),
                       [](const Json& row) { return row.value("standard_error", 0.0) == 0; });
  }
  for (const char* said : {"rule", "site", "probe", "key", "value", "threshold"}) {
    if (column.name == said && rows[0].contains("summary")) return true;
  }
  if (column.named == nullptr || !column.named->quiet) return false;
  return std::all_of(rows.begin(), rows.end(),
                     [&](const Json& row) { return row.value(column.name, Json(0)) == Json(0); });
}

std::vector<Column> columns_of(const std::vector<Json>& rows) {
  std::vector<Column> columns;
  for (const Json& row : rows) {
    for (const auto& [name, value] : row.items()) {
      const auto known =
          std::find_if(columns.begin(), columns.end(),
                       [&, wanted = name](const Column& column) { return column.name == wanted; });
      if (known == columns.end()) columns.push_back({name, named_column(name)});
    }
  }
  std::erase_if(columns, [&](const Column& column) { return left_out(rows, column); });
  std::stable_sort(columns.begin(), columns.end(), [](const Column& a, const Column& b) {
    if (a.named == nullptr || b.named == nullptr) return a.named != nullptr && b.named == nullptr;
    return a.named < b.named;
  });
  return columns;
}

std::string title(const std::vector<Column>& columns, size_t i) {
  const std::string& name = columns[i].name;
  const bool behind_address = i > 0 && ((name == "src_port" && columns[i - 1].name == "src_ip") ||
                                        (name == "dst_port" && columns[i - 1].name == "dst_ip"));
  if (behind_address) return "port";
  if (columns[i].named != nullptr) return columns[i].named->title;
  std::string text = printable(name);
  std::replace(text.begin(), text.end(), '_', ' ');
  return text;
}

TextTable::Align align(const std::vector<Json>& rows, const Column& column) {
  using Kind = NamedColumn::Kind;
  if (column.named != nullptr &&
      (column.named->kind == Kind::kTime || column.named->kind == Kind::kProtocol ||
       column.named->kind == Kind::kFlags)) {
    return TextTable::Align::kLeft;
  }
  const bool numbers = std::all_of(rows.begin(), rows.end(), [&](const Json& row) {
    const auto found = row.find(column.name);
    return found == row.end() || found->is_null() || found->is_number();
  });
  return numbers ? TextTable::Align::kRight : TextTable::Align::kLeft;
}

}  // namespace

std::string rows_text(const Json& answer_rows) {
  std::vector<Json> rows;
  for (const Json& row : answer_rows) rows.push_back(flat(row));
  const std::vector<Column> columns = columns_of(rows);
  if (columns.empty()) return "";
  TextTable table;
  for (size_t i = 0; i < columns.size(); ++i) table.add_column(title(columns, i), align(rows, columns[i]));
  std::vector<TextTable::Row> lines;
  for (const Json& row : rows) {
    TextTable::Row line;
    for (const Column& column : columns) {
      const auto found = row.find(column.name);
      line.cells.push_back(found == row.end() ? "" : value_text(column.named, *found));
    }
    table.measure(line);
    lines.push_back(std::move(line));
  }
  std::string out = table.title_line();
  for (const TextTable::Row& line : lines) out += table.line(line);
  return out;
}

}  // namespace netspectra
