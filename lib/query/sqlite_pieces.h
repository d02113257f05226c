// Where the rows of an answer stand: which of which tables.
//
// Purpose: a task's rows of one epoch stand together under consecutive numbers (docs/store.md, "Rows"); a question goes
//   over such pieces, in the order of time, one after the other.
// Ownership: pieces point into the scope. Threads: one thread.
// Errors: InvalidArgument: a field that the task has not, or a kind that has no such rows; NotFound: no such task.
// Cost: 3 us a piece to find it; 0.4 us a row to read it.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "packet/flow_key.h"
#include "query/answering.h"
#include "query/query.h"
#include "query/sqlite_scope.h"

namespace netspectra {

struct RowPiece {
  uint64_t start_ns = 0, period_ns = 0;
  int64_t source = 0;
  const SqliteTask* task = nullptr;
  int64_t partition = 0, first_row = 1, row_count = 0;
};

// Those that have not expired, of all configurations of the task that have what is asked.
absl::StatusOr<std::vector<RowPiece>> find_pieces(const SqliteScope& scope, const RowsQuestion& question);

// Steps through pieces, row by row.
class PieceReader {
 public:
  // The key's columns for these fields come first, then what the kind of task has (docs/store.md).
  PieceReader(SqliteDb& db, const std::vector<Condition>& where);

  template <class OnRow>
  absl::Status each(const RowPiece& piece, KeyFields fields, OnRow on_row) {
    absl::StatusOr<SqliteStatement*> statement = statement_of(piece, fields);
    if (!statement.ok()) return statement.status();
    return (*statement)->each(on_row, piece.first_row, piece.first_row + piece.row_count - 1);
  }

 private:
  absl::StatusOr<SqliteStatement*> statement_of(const RowPiece& piece, KeyFields fields);

  SqliteDb& db_;
  const std::string conditions_;
  std::map<std::string, SqliteStatement> statements_;  // by their text
  struct {
    const SqliteTask* task = nullptr;
    int64_t partition = 0;
    SqliteStatement* statement = nullptr;
  } last_;  // pieces come in runs
};

// The key that a row begins with; `column` goes to what follows it.
FlowKey read_key(const SqliteRow& row, KeyFields fields, int& column);

}  // namespace netspectra
