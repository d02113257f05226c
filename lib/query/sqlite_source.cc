#include "query/sqlite_source.h"

#include <algorithm>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/saturating_sum.h"
#include "query/sqlite_ledger.h"
#include "query/sqlite_pieces.h"
#include "query/sqlite_scope.h"
#include "query/sqlite_sums.h"
#include "store/sqlite_schema.h"
#include "store/sqlite_states.h"

namespace netspectra {
namespace {

// packets, bytes, first_seen_ns, last_seen_ns, tcp_flags
FlowCounters read_counters(const SqliteRow& row, int column) {
  return {row.bits(column), row.bits(column + 1), row.bits(column + 2), row.bits(column + 3),
          static_cast<uint8_t>(row.number(column + 4))};
}

// The order of an aggregate's rows.
struct Before {
  OrderBy order;
  uint64_t rank(const AggregateRow& row) const {
    switch (order) {
      case OrderBy::kBytes:
        return ~row.record.counters.bytes;
      case OrderBy::kPackets:
        return ~row.record.counters.packets;
      case OrderBy::kTime:
        break;
    }
    return row.start_ns;
  }
  bool operator()(const AggregateRow& a, const AggregateRow& b) const {
    if (rank(a) != rank(b)) return rank(a) < rank(b);
    if (const auto keys = a.record.key <=> b.record.key; keys != 0) return keys < 0;
    return a.start_ns < b.start_ns;
  }
};

// Leaves the first `wanted` rows of an order, themselves in no order.
template <class Row, class Order>
void keep_first(std::vector<Row>& rows, uint64_t wanted, Order before) {
  if (rows.size() <= wanted) return;
  std::nth_element(rows.begin(), rows.begin() + static_cast<ptrdiff_t>(wanted), rows.end(), before);
  rows.erase(rows.begin() + static_cast<ptrdiff_t>(wanted), rows.end());
}

// How many rows must be known before the first `offset` of them are passed over.
uint64_t wanted_rows(uint64_t limit, uint64_t offset) {
  return limit == 0 ? UINT64_MAX : saturating_sum(limit, offset);
}

absl::Status aggregate_pieces(const SqliteScope& scope, const std::vector<RowPiece>& pieces,
                              const AggregateQuery& query,
                              const std::function<void(const AggregateRow&)>& on_row) {
  const Before before{query.order};
  const uint64_t wanted = wanted_rows(query.limit, query.offset);
  const auto bucket_of = [&](const RowPiece& piece) {
    return query.bucket_ns == 0 ? 0 : piece.start_ns - piece.start_ns % query.bucket_ns;
  };
  PieceReader reader(scope.db(), query.where);
  SqliteSums sums;
  std::vector<AggregateRow>& rows = sums.rows();
  for (size_t i = 0; i < pieces.size(); ++i) {
    if (i == 0 || bucket_of(pieces[i]) != bucket_of(pieces[i - 1])) {
      if (query.order == OrderBy::kTime && rows.size() >= wanted) break;
      keep_first(rows, wanted, before);
      sums.begin_bucket(bucket_of(pieces[i]));
    }
    absl::Status status = scope.db().check_deadline();
    if (!status.ok()) return status;
    status = reader.each(pieces[i], query.by, [&](const SqliteRow& row) {
      int column = 0;
      const FlowKey key = read_key(row, query.by, column);
      sums.add(key, read_counters(row, column));
    });
    if (!status.ok()) return status;
    if (rows.size() > query.max_sums) {
      return absl::ResourceExhaustedError(absl::StrCat(
          "more than ", query.max_sums,
          " different keys would have to be added up; narrow from and to, or where, or ask by fewer fields"));
    }
  }
  keep_first(rows, wanted, before);
  std::sort(rows.begin(), rows.end(), before);
  if (absl::Status status = scope.db().check_deadline(); !status.ok()) return status;
  for (size_t i = query.offset; i < rows.size(); ++i) on_row(rows[i]);
  return absl::OkStatus();
}

// A stored row before it has its epoch beside it.
struct FoundRow {
  const RowPiece* piece;
  FlowKey key;
  FlowCounters counters;
  uint64_t error_packets = 0, error_bytes = 0, spread = 0;
};

FoundRow read_row(const SqliteRow& row, const RowPiece& piece) {
  FoundRow found{&piece, {}, {}};
  int column = 0;
  found.key = read_key(row, piece.task->config.fields, column);
  switch (piece.task->config.kind) {
    case TaskKind::kExact:
      found.counters = read_counters(row, column);
      break;
    case TaskKind::kHeavyHitters:
      found.counters.packets = row.bits(column);
      found.counters.bytes = row.bits(column + 1);
      found.error_packets = row.bits(column + 2);
      found.error_bytes = row.bits(column + 3);
      break;
    case TaskKind::kSuperSpreader:
      found.spread = row.bits(column);
      break;
    case TaskKind::kCardinality:
      break;
  }
  return found;
}

// The first rows of the epochs that start at one time, in order.
absl::StatusOr<std::vector<FoundRow>> rows_of_one_start(const SqliteScope& scope, PieceReader& reader,
                                                        std::span<const RowPiece> pieces, uint64_t wanted,
                                                        uint64_t max_rows) {
  const auto before = [&](const FoundRow& a, const FoundRow& b) {
    if (const auto keys = a.key <=> b.key; keys != 0) return keys < 0;
    const SqliteScope::Origin &x = scope.origin(a.piece->source), &y = scope.origin(b.piece->source);
    return std::tie(x.site, x.probe, a.piece) < std::tie(y.site, y.probe, b.piece);
  };
  constexpr uint64_t kOften = 1024;  // cutting down to the wanted takes as long as there are rows
  std::vector<FoundRow> rows;
  for (const RowPiece& piece : pieces) {
    absl::Status status = scope.db().check_deadline();
    if (!status.ok()) return status;
    status = reader.each(piece, piece.task->config.fields, [&](const SqliteRow& row) {
      rows.push_back(read_row(row, piece));
      if (rows.size() / 2 > saturating_sum(wanted, kOften)) keep_first(rows, wanted, before);
      return rows.size() <= max_rows;
    });
    if (!status.ok()) return status;
    if (rows.size() > max_rows) {
      return absl::ResourceExhaustedError(
          absl::StrCat("more than ", max_rows, " rows of one time, ", piece.start_ns,
                       ", would have to be put in order; narrow where, or site and probe"));
    }
  }
  keep_first(rows, wanted, before);
  std::sort(rows.begin(), rows.end(), before);
  return rows;
}

StoredRow stored_row(const SqliteScope& scope, const FoundRow& found) {
  const SqliteScope::Origin& origin = scope.origin(found.piece->source);
  return {found.piece->start_ns, found.piece->period_ns, origin.site,       origin.probe, found.key,
          found.counters,        found.error_packets,    found.error_bytes, found.spread};
}

absl::Status list_pieces(const SqliteScope& scope, std::span<const RowPiece> pieces,
                         const RecordsQuery& query, const std::function<void(const StoredRow&)>& on_row) {
  PieceReader reader(scope.db(), query.where);
  uint64_t skip = query.offset, left = query.limit == 0 ? UINT64_MAX : query.limit;
  while (!pieces.empty() && left > 0) {
    size_t count = 0;
    uint64_t rows_there = 0;
    while (count < pieces.size() && pieces[count].start_ns == pieces[0].start_ns) {
      rows_there += static_cast<uint64_t>(pieces[count++].row_count);
    }
    const std::span<const RowPiece> these = pieces.first(count);
    pieces = pieces.subspan(count);
    if (query.where.empty() && rows_there <= skip) {  // a later page need not read the earlier ones
      skip -= rows_there;
      continue;
    }
    const auto rows = rows_of_one_start(scope, reader, these, saturating_sum(skip, left), query.max_rows);
    if (!rows.ok()) return rows.status();
    for (size_t i = skip; i < rows->size(); ++i, --left) on_row(stored_row(scope, (*rows)[i]));
    skip -= std::min<uint64_t>(skip, rows->size());
  }
  return absl::OkStatus();
}

absl::Status list_estimates(const SqliteScope& scope, const std::string& name,
                            const std::function<absl::Status(const StoredEstimate&)>& on_estimate) {
  absl::StatusOr<std::vector<const SqliteTask*>> tasks = scope.tasks_named(name);
  if (!tasks.ok()) return tasks.status();
  std::erase_if(*tasks, [](const SqliteTask* task) { return task->config.kind == TaskKind::kExact; });
  if (tasks->empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("task '", name, "' is of kind exact: it has records, no estimates"));
  }
  absl::Status failed;
  absl::Status status = scope.each_epoch(
      "e.start_ns, e.source_id, x.cardinality, x.threshold, x.standard_error, x.partition_id, x.first_state, "
      "x.state_count, e.ip_packets, e.ip_bytes",
      "CROSS JOIN task_results x ON x.epoch_id = e.id", absl::StrCat(" AND x.task_id ", in_tasks(*tasks)),
      [&](const SqliteRow& row) {
        // What has expired would pass for an estimate that follows from the records.
        if (!scope.has_partition(row.number(5))) return true;
        std::vector<std::byte> state;
        if (row.number(7) != 0) {
          auto read = read_sqlite_state(scope.db(), row.number(5), {row.number(6), row.number(7)});
          failed = read.status();
          if (!failed.ok()) return false;
          state = *std::move(read);
        }
        const SqliteScope::Origin& origin = scope.origin(row.number(1));
        failed = scope.db().check_deadline();
        if (failed.ok()) {
          failed = on_estimate({row.bits(0), origin.site, origin.probe, row.bits(8), row.bits(9), row.bits(2),
                                row.bits(3), row.real(4), state});
        }
        return failed.ok();
      });
  return failed.ok() ? status : failed;
}

absl::StatusOr<std::vector<StoredTask>> list_tasks(const SqliteScope& scope) {
  struct Found {
    StoredTask task;
    std::tuple<int64_t, int64_t, uint64_t> last_epoch;  // source, run, start
  };
  std::map<int64_t, Found> found;
  absl::Status status =
      scope.each_epoch("x.task_id, e.source_id, e.run, e.start_ns, x.row_count",
                       "CROSS JOIN task_results x ON x.epoch_id = e.id", "", [&](const SqliteRow& row) {
                         auto& [task, last_epoch] = found[row.number(0)];
                         const uint64_t start_ns = row.bits(3);
                         const auto epoch = std::make_tuple(row.number(1), row.number(2), start_ns);
                         if (task.epochs == 0) task.first_start_ns = start_ns;
                         if (task.epochs == 0 || epoch != last_epoch)
                           ++task.epochs;  // an amendment is none of its own
                         task.last_start_ns = start_ns;
                         task.rows += row.bits(4);
                         last_epoch = epoch;
                         return true;
                       });
  if (!status.ok()) return status;
  std::vector<StoredTask> tasks;
  for (const SqliteTask& known : scope.tasks()) {
    const auto place = found.find(known.id);
    if (place == found.end()) continue;
    StoredTask& task = tasks.emplace_back(std::move(place->second.task));
    task.config = known.config;
    task.derived_from = known.derived_from;
  }
  std::stable_sort(tasks.begin(), tasks.end(), [](const StoredTask& a, const StoredTask& b) {
    return std::tie(a.config.name, a.first_start_ns) < std::tie(b.config.name, b.first_start_ns);
  });
  return tasks;
}

absl::StatusOr<std::vector<uint64_t>> list_buckets(const SqliteScope& scope, uint64_t bucket_ns,
                                                   uint64_t limit) {
  std::vector<uint64_t> buckets;
  absl::Status status = scope.each_epoch("e.start_ns", "", "", [&](const SqliteRow& row) {
    const uint64_t bucket = row.bits(0) - row.bits(0) % bucket_ns;
    if (!buckets.empty() && bucket == buckets.back()) return true;
    if (buckets.size() == limit) return false;
    buckets.push_back(bucket);
    return true;
  });
  if (!status.ok()) return status;
  return buckets;
}

class SqliteSource final : public QuerySource {
 public:
  explicit SqliteSource(SqliteDb db) : db_(std::move(db)) {}

  void set_deadline(Clock::time_point deadline) override {
    deadline_ = deadline;
    db_.set_deadline(deadline);
  }

  absl::StatusOr<std::vector<StoredTask>> tasks(const QueryScope& scope) override {
    return answered<std::vector<StoredTask>>(scope, list_tasks);
  }

  absl::StatusOr<std::vector<ProbeBooks>> probes(const QueryScope& scope) override {
    return answered<std::vector<ProbeBooks>>(scope, read_sqlite_probes);
  }

  absl::StatusOr<LedgerSums> ledger(const QueryScope& scope, const std::string& task) override {
    return answered<LedgerSums>(scope, [&](const SqliteScope& s) { return read_sqlite_ledger(s, task); });
  }

  absl::StatusOr<std::vector<uint64_t>> buckets(const QueryScope& scope, uint64_t bucket_ns,
                                                uint64_t limit) override {
    return answered<std::vector<uint64_t>>(
        scope, [&](const SqliteScope& s) { return list_buckets(s, bucket_ns, limit); });
  }

  absl::Status aggregate(const AggregateQuery& query,
                         const std::function<void(const AggregateRow&)>& on_row) override {
    return asked(query.scope, [&](const SqliteScope& scope) {
      const auto pieces =
          find_pieces(scope, {query.task, query.by, query.where, true, query.exactly_known_to});
      return pieces.ok() ? aggregate_pieces(scope, *pieces, query, on_row) : pieces.status();
    });
  }

  absl::Status records(const RecordsQuery& query,
                       const std::function<void(const StoredRow&)>& on_row) override {
    return asked(query.scope, [&](const SqliteScope& scope) {
      const auto pieces = find_pieces(scope, {query.task, KeyFields(), query.where, false, ""});
      return pieces.ok() ? list_pieces(scope, *pieces, query, on_row) : pieces.status();
    });
  }

  absl::Status estimates(const QueryScope& scope, const std::string& task,
                         const std::function<absl::Status(const StoredEstimate&)>& on_estimate) override {
    return asked(scope, [&](const SqliteScope& s) { return list_estimates(s, task, on_estimate); });
  }

 private:
  // Asks within one read transaction. A visitor that asks in its turn sees the same state.
  absl::Status asked(const QueryScope& scope, const std::function<absl::Status(const SqliteScope&)>& ask) {
    if (is_asked_) return ask_in(scope, ask);
    if (absl::Status status = renew(); !status.ok()) return status;
    if (absl::Status status = db_.exec("BEGIN"); !status.ok()) return status;
    struct End {
      SqliteSource& source;
      ~End() {
        source.db_.rollback();
        source.is_asked_ = false;
      }
    } const end{*this};
    is_asked_ = true;
    return ask_in(scope, ask);
  }

  absl::Status ask_in(const QueryScope& scope, const std::function<absl::Status(const SqliteScope&)>& ask) {
    if (absl::Status status = db_.check_deadline(); !status.ok()) return status;
    const absl::StatusOr<SqliteScope> opened = SqliteScope::open(db_, scope);
    return opened.ok() ? ask(*opened) : opened.status();
  }

  // A frozen file may have got a writer in the meantime.
  absl::Status renew() {
    if (!db_.frozen()) return absl::OkStatus();
    absl::StatusOr<SqliteDb> db = open_sqlite_schema_to_read(db_.path());
    if (!db.ok()) return db.status();
    db_ = *std::move(db);
    if (deadline_.has_value()) db_.set_deadline(*deadline_);
    return absl::OkStatus();
  }

  template <class Answer, class Ask>
  absl::StatusOr<Answer> answered(const QueryScope& scope, Ask ask) {
    absl::StatusOr<Answer> answer = Answer();
    absl::Status status = asked(scope, [&](const SqliteScope& s) {
      answer = ask(s);
      return answer.status();
    });
    if (!status.ok()) return status;
    return answer;
  }

  SqliteDb db_;
  bool is_asked_ = false;
  std::optional<Clock::time_point> deadline_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<QuerySource>> open_sqlite_source(const SqliteOptions& options) {
  absl::StatusOr<SqliteDb> db = open_sqlite_schema_to_read(options.path);
  if (!db.ok()) return db.status();
  return std::make_unique<SqliteSource>(*std::move(db));
}

}  // namespace netspectra
