// Rows of cells -> lines of aligned text, for people.
//
// Use: add_column() for each, measure() every row, then title_line() and line() for every row again: a table
//   of millions of rows is never held as text.
// Shapes: a column is as wide as its widest cell; a column without any text is left out. Widths count bytes:
//   cells are ASCII. Lines are indented and end in a newline, without blanks before it.
// Threads: one thread. Errors: none.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace netspectra {

class TextTable {
 public:
  enum class Align : uint8_t { kLeft, kRight };
  struct Row {
    std::vector<std::string> cells;  // of the columns from `span` on
    size_t span = 0;                 // columns that `label` stands in
    std::string label = {};
  };

  void add_column(std::string title, Align align);
  size_t columns() const { return columns_.size(); }
  void measure(const Row& row);

  std::string title_line() const;
  std::string line(const Row& row) const;

 private:
  struct Column {
    std::string title;
    Align align;
    size_t width = 0;  // 0 = left out
  };
  void append_cell(std::string& line, const Column& column, const std::string& text) const;

  std::vector<Column> columns_;
};

}  // namespace netspectra
