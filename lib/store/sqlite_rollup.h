// The records of exact tasks over a minute or an hour: the largest of each epoch by name, the others as one sum.
//
// Purpose: answers over days that do not read every epoch's every record. A key's sum over all epochs needs an index on
//   keys, which a table of all records cannot keep up with (40 k records/s); over the largest of each epoch it can.
// Shapes: an epoch belongs to the bucket in which it begins. Of each epoch and task the kKeys records with the most
//   bytes are added to their keys' rows, the rest to one row, with the largest packets and bytes among them. So for
//   every key and bucket: sum <= truth <= sum + most, and rows + rest + overflow = the total. A task that has no more
//   than kKeys keys in an epoch is exact.
//   An epoch longer than the bucket is left out: nothing would be summed up. Estimators are, too: theirs do not add.
// Ownership: must not outlive the connection. Threads: one thread. Errors: SqliteDb's.
// Cost: about 5 us for each of kKeys, 0.5 ns for each other record.
#pragma once

#include <cstddef>
#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "merge/epoch_result.h"
#include "store/sqlite_db.h"
#include "store/sqlite_schema.h"

namespace netspectra {

class SqliteRollup {
 public:
  static constexpr size_t kKeys = 1000;

  static absl::StatusOr<SqliteRollup> open(SqliteDb& db, const RollupLevel& level);
  absl::Status add(const EpochResult& epoch, int64_t source, const TaskResult& result, int64_t task);
  // Forgets the buckets that begin before.
  absl::Status sweep(uint64_t before_ns);

 private:
  explicit SqliteRollup(const RollupLevel& level) : bucket_ns_(level.bucket_ns) {}
  uint64_t bucket_ns_;
  SqliteStatement add_key_, add_rest_, sweep_keys_, sweep_rests_;
};

}  // namespace netspectra
