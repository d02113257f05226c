// An epoch as rows of ClickHouse's tables.
//
// Purpose: the one place where values meet columns: in the order of clickhouse_schema.cc.
// Shapes: docs/store.md. All rows of one attempt to store an epoch have its number.
// Threads: no state. Errors: none.
// Cost: about 0.1 us and 110 bytes a record.
#pragma once

#include <cstddef>
#include <cstdint>

#include "merge/epoch_result.h"
#include "store/clickhouse_row_binary.h"
#include "store/clickhouse_schema.h"

namespace netspectra {

struct ClickHouseAttempt {
  uint64_t number = 0;  // random
  uint64_t stored_ns = 0;
  uint16_t day() const { return static_cast<uint16_t>(stored_ns / kDayNs); }
};

// Walks over all rows of one table that an epoch has, task by task, some 100 KB at a time.
class ClickHouseRowWalk {
 public:
  ClickHouseRowWalk(const ClickHouseRowTable& table, const EpochResult& epoch, ClickHouseAttempt attempt);
  bool empty() const { return left_ == 0; }
  // Appends the next rows; false: there are none after these. REQUIRES: not empty.
  bool next(RowBinaryWriter& to);

 private:
  size_t rows_of(const TaskResult& task) const;
  void put_row(const TaskResult& task, size_t row, RowBinaryWriter& to) const;

  const ClickHouseRowTable& table_;
  const EpochResult& epoch_;
  const ClickHouseAttempt attempt_;
  size_t task_ = 0, row_ = 0;
  size_t left_ = 0;
};

// The row that commits it.
void put_epoch_row(const EpochResult& epoch, ClickHouseAttempt attempt, RowBinaryWriter& to);

}  // namespace netspectra
