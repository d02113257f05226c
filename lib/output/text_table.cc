#include "output/text_table.h"

#include <algorithm>
#include <utility>

namespace netspectra {
namespace {

constexpr size_t kIndent = 2;
constexpr size_t kGap = 2;

std::string ended(std::string line) {
  line.erase(line.find_last_not_of(' ') + 1);
  line += '\n';
  return line;
}

}  // namespace

void TextTable::add_column(std::string title, Align align) { columns_.push_back({std::move(title), align}); }

void TextTable::measure(const Row& row) {
  for (size_t i = 0; i < row.cells.size(); ++i) {
    Column& column = columns_[row.span + i];
    if (row.cells[i].empty()) continue;
    column.width = std::max({column.width, row.cells[i].size(), column.title.size()});
  }
  // A label that is wider than the columns it stands in widens the first of them.
  size_t room = 0;
  for (size_t c = 0; c < row.span; ++c) {
    if (columns_[c].width != 0) room += columns_[c].width + (room == 0 ? 0 : kGap);
  }
  if (row.label.size() <= room) return;
  Column& first = columns_[0];
  first.width = std::max(first.width + row.label.size() - room, first.title.size());
}

std::string TextTable::title_line() const {
  std::string line(kIndent, ' ');
  for (const Column& column : columns_) append_cell(line, column, column.title);
  return ended(std::move(line));
}

std::string TextTable::line(const Row& row) const {
  std::string line(kIndent, ' ');
  for (size_t c = 0; c < row.span; ++c) append_cell(line, columns_[c], "");
  line.replace(kIndent, row.label.size(), row.label);
  for (size_t i = 0; i < row.cells.size(); ++i) append_cell(line, columns_[row.span + i], row.cells[i]);
  return ended(std::move(line));
}

void TextTable::append_cell(std::string& line, const Column& column, const std::string& text) const {
  if (column.width == 0) return;
  if (line.size() > kIndent) line.append(kGap, ' ');
  const size_t blanks = column.width - text.size();
  if (column.align == Align::kRight) line.append(blanks, ' ');
  line += text;
  if (column.align == Align::kLeft) line.append(blanks, ' ');
}

}  // namespace netspectra
