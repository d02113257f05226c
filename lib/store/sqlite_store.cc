#include "store/sqlite_store.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "store/sqlite_books.h"
#include "store/sqlite_db.h"
#include "store/sqlite_rollup.h"
#include "store/sqlite_rows.h"
#include "store/sqlite_schema.h"
#include "store/sqlite_states.h"
#include "store/sqlite_tasks.h"

namespace netspectra {
namespace {

uint64_t before(uint64_t now_ns, uint64_t age_ns) { return now_ns > age_ns ? now_ns - age_ns : 0; }

// So many retentions, as far as there is time.
uint64_t times(uint64_t retention_ns, uint64_t factor) {
  return retention_ns > UINT64_MAX / factor ? UINT64_MAX : retention_ns * factor;
}

// The connection with its statements; statements go before the connection.
class Session {
 public:
  static absl::StatusOr<std::unique_ptr<Session>> open(const SqliteOptions& options) {
    absl::StatusOr<SqliteDb> db = open_sqlite_schema(options.path);
    if (!db.ok()) return db.status();
    std::unique_ptr<Session> session(new Session(options, *std::move(db)));
    absl::StatusOr<SqliteBooks> books = SqliteBooks::open(session->db_);
    if (!books.ok()) return books.status();
    session->books_ = *std::move(books);
    absl::StatusOr<SqliteTasks> tasks = SqliteTasks::open(session->db_);
    if (!tasks.ok()) return tasks.status();
    session->tasks_ = *std::move(tasks);
    for (const RollupLevel& level : kRollupLevels) {
      absl::StatusOr<SqliteRollup> rollup = SqliteRollup::open(session->db_, level);
      if (!rollup.ok()) return rollup.status();
      session->rollups_.push_back(*std::move(rollup));
    }
    absl::Status status = session->db_.prepare(
        "SELECT max(id) FROM partitions WHERE end_ns IS NULL AND begin_ns > ?1", session->open_partition_);
    if (status.ok()) {
      status =
          session->db_.prepare("SELECT min(id) FROM partitions WHERE end_ns <= ?1", session->oldest_expired_);
    }
    if (!status.ok()) return status;
    return session;
  }

  absl::StatusOr<std::vector<EpochOrigin>> find(const EpochOrigin& epoch, uint64_t start_ns) {
    return books_->find(epoch, start_ns);
  }

  absl::Status put(const EpochResult& result, uint64_t now_ns) {
    if (absl::Status status = db_.exec("BEGIN IMMEDIATE"); !status.ok()) return status;
    absl::Status status = put_epoch(result, now_ns);
    if (status.ok()) status = db_.exec("COMMIT");
    if (!status.ok()) {
      db_.rollback();
      rows_.reset();  // its partition may have been part of what was rolled back
    }
    return status;
  }

 private:
  Session(const SqliteOptions& options, SqliteDb db) : options_(options), db_(std::move(db)) {}

  absl::Status put_epoch(const EpochResult& result, uint64_t now_ns) {
    const absl::StatusOr<int64_t> source = books_->source_id(result.origin);
    if (!source.ok()) return source.status();
    const absl::StatusOr<bool> stored = books_->has(result, *source);
    if (!stored.ok()) return stored.status();
    if (*stored && result.origin.run != 0) return absl::OkStatus();
    if (*stored) {
      return absl::AlreadyExistsError(absl::StrCat(
          db_.path(),
          ": an epoch of this time is already stored, and of a run without a name; nothing was overwritten"));
    }
    if (options_.retention_ns != 0) {
      if (absl::Status status = forget(now_ns); !status.ok()) return status;
    }
    if (absl::Status status = find_partition(now_ns); !status.ok()) return status;
    const absl::StatusOr<int64_t> epoch = books_->add(result, *source, now_ns);
    if (!epoch.ok()) return epoch.status();
    for (const TaskResult& task : result.tasks) {
      if (absl::Status status = put_task(result, *source, *epoch, task); !status.ok()) return status;
    }
    return absl::OkStatus();
  }

  absl::Status put_task(const EpochResult& result, int64_t source, int64_t epoch, const TaskResult& task) {
    const absl::StatusOr<int64_t> id = tasks_->id(*task.task, task.source);
    if (!id.ok()) return id.status();
    const absl::StatusOr<SqliteRowRange> range = rows_->write(task);
    if (!range.ok()) return range.status();
    const absl::StatusOr<SqliteStateRange> states = states_->write(task.state);
    if (!states.ok()) return states.status();
    absl::Status status = books_->add_task(epoch, *id, task, partition_, *range, *states);
    if (!status.ok()) return status;
    for (SqliteRollup& rollup : rollups_) {
      if (status = rollup.add(result, source, task, *id); !status.ok()) return status;
    }
    return absl::OkStatus();
  }

  // At most one partition: the epoch is not to wait for more.
  absl::Status forget(uint64_t now_ns) {
    const absl::StatusOr<int64_t> expired =
        oldest_expired_.number(0, Count{before(now_ns, options_.retention_ns)});
    if (!expired.ok()) return expired.status();
    if (*expired != 0) {
      if (absl::Status status = drop_partition(db_, *expired); !status.ok()) return status;
    }
    for (size_t i = 0; i < rollups_.size(); ++i) {
      const uint64_t kept_ns = times(options_.retention_ns, kRollupLevels[i].kept_retentions);
      if (absl::Status status = rollups_[i].sweep(before(now_ns, kept_ns)); !status.ok()) return status;
    }
    return books_->sweep(before(now_ns, times(options_.retention_ns, kBooksKeptRetentions)));
  }

  // The partition that is open, perhaps by another process, or a new one where its time is over.
  absl::Status find_partition(uint64_t now_ns) {
    const int64_t oldest_begin =
        options_.retention_ns == 0 ? -1 : static_cast<int64_t>(before(now_ns, options_.partition_ns));
    absl::StatusOr<int64_t> partition = open_partition_.number(0, oldest_begin);
    if (partition.ok() && *partition == 0) partition = begin_partition(db_, now_ns);
    if (!partition.ok()) return partition.status();
    if (rows_.has_value() && *partition == partition_) return absl::OkStatus();
    absl::StatusOr<SqliteRows> rows = SqliteRows::open(db_, *partition);
    if (!rows.ok()) return rows.status();
    absl::StatusOr<SqliteStates> states = SqliteStates::open(db_, *partition);
    if (!states.ok()) return states.status();
    rows_ = *std::move(rows);
    states_ = *std::move(states);
    partition_ = *partition;
    return absl::OkStatus();
  }

  const SqliteOptions options_;
  SqliteDb db_;
  std::optional<SqliteBooks> books_;
  std::optional<SqliteTasks> tasks_;
  std::vector<SqliteRollup> rollups_;  // as kRollupLevels
  SqliteStatement open_partition_, oldest_expired_;
  int64_t partition_ = 0;  // that rows_ and states_ write to
  std::optional<SqliteRows> rows_;
  std::optional<SqliteStates> states_;
};

class SqliteStore final : public Store {
 public:
  SqliteStore(std::unique_ptr<Session> session, SystemClock clock)
      : session_(std::move(session)), clock_(clock) {}

  absl::Status put(const EpochResult& result) override {
    if (!failure_.ok()) return failure_;
    failure_ = session_->put(result, clock_());
    if (!failure_.ok()) session_.reset();
    return failure_;
  }

  absl::StatusOr<std::vector<EpochOrigin>> find(const EpochOrigin& epoch, uint64_t start_ns) override {
    if (!failure_.ok()) return failure_;
    return session_->find(epoch, start_ns);
  }

  // SQLite takes its log into the file and removes it, where no other program reads.
  absl::Status close() override {
    session_.reset();
    if (failure_.ok()) failure_ = absl::FailedPreconditionError("store 'sqlite:': is closed");
    return absl::OkStatus();
  }

 private:
  std::unique_ptr<Session> session_;
  const SystemClock clock_;
  absl::Status failure_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Store>> open_sqlite_store(const SqliteOptions& options, SystemClock clock) {
  absl::StatusOr<std::unique_ptr<Session>> session = Session::open(options);
  if (!session.ok()) return session.status();
  return std::make_unique<SqliteStore>(*std::move(session), clock);
}

}  // namespace netspectra
