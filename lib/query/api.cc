#include "query/api.h"

#include <algorithm>
#include <functional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/saturating_sum.h"
#include "query/answer.h"
#include "query/api_request.h"
#include "query/api_task.h"
#include "query/top.h"

namespace netspectra {
namespace {

constexpr int kTries = 4;               // for rows and ledger to be of the same epochs
constexpr uint64_t kMaxBuckets = 1000;  // of merged estimates

// What an answer holds beside its ledger.
class Page {
 public:
  Page(const QueryRequest& request, size_t max_bytes) : limit_(request.limit), max_bytes_(max_bytes) {}

  // `write` appends a row to the text that it is given.
  template <class Write>
  void add(const Write& write) {
    if (count_ == limit_ || too_large()) {
      more_ = true;
      return;
    }
    if (count_++ != 0) rows_ += ',';
    write(rows_);
  }
  // One more than will be shown: whether there is a next page.
  uint64_t wanted() const { return limit_ + 1; }
  uint64_t count() const { return count_; }
  bool more() const { return more_; }
  bool too_large() const { return rows_.size() > max_bytes_; }
  const std::string& rows() const { return rows_; }

  std::vector<std::string> estimates;  // of top: what holds for each merged estimate

 private:
  const uint64_t limit_;
  const size_t max_bytes_;
  std::string rows_;
  uint64_t count_ = 0;
  bool more_ = false;
};

struct Asked {
  QuerySource& source;
  const QueryRequest& request;
  const ApiLimits& limits;
  QueryScope scope;  // the request's, or a part of it
};

// ---- aggregate, records, tasks, probes ----

absl::StatusOr<OrderBy> order_of(const std::string& order) {
  if (order.empty() || order == "bytes") return OrderBy::kBytes;
  if (order == "packets") return OrderBy::kPackets;
  if (order == "time") return OrderBy::kTime;
  return wrong_parameter("order", absl::StrCat("\"", order, "\" is unknown (known: bytes, packets, time)"));
}

absl::Status sum_records_of(const Asked& asked, const std::vector<StoredTask>& configured, Page& page) {
  const QueryRequest& request = asked.request;
  AggregateQuery query;
  query.scope = asked.scope;
  query.task = request.task;
  query.where = request.where;
  query.limit = page.wanted();
  query.offset = request.offset;
  query.bucket_ns = request.bucket_ns;
  absl::Status status = check_unchanged(configured, request.by ? same_kind : same_rows);
  if (!status.ok()) return status;
  query.by = request.by.value_or(configured.front().config.fields);
  if (status = check_fields(configured, query.by, "by"); !status.ok()) return status;
  if (status = check_conditions(configured, request.where); !status.ok()) return status;
  const absl::StatusOr<OrderBy> order = order_of(request.order);
  if (!order.ok()) return order.status();
  query.order = *order;
  return asked.source.aggregate(query, [&](const AggregateRow& row) {
    if (row.record.counters.packets == 0) return;  // the sum of nothing
    page.add([&](std::string& out) { append_row(out, query.by, query.bucket_ns != 0, row); });
  });
}

absl::Status answer_aggregate(const Asked& asked, const std::vector<StoredTask>& configured, Page& page) {
  if (configured.front().config.kind != TaskKind::kExact) {
    return wrong_parameter("task",
                           absl::StrCat("\"", asked.request.task,
                                        "\" is not exact, and estimates do not add up by key; ask top"));
  }
  return sum_records_of(asked, configured, page);
}

absl::Status answer_records(const Asked& asked, const std::vector<StoredTask>& configured, Page& page) {
  const TaskConfig& task = configured.front().config;
  absl::Status status = check_unchanged(configured, same_rows);
  if (!status.ok()) return status;
  if (task.kind == TaskKind::kCardinality) {
    return wrong_parameter("task", absl::StrCat("\"", task.name, "\" counts keys and lists none; ask top"));
  }
  if (status = check_conditions(configured, asked.request.where); !status.ok()) return status;
  RecordsQuery query;
  query.scope = asked.scope;
  query.task = asked.request.task;
  query.where = asked.request.where;
  query.limit = page.wanted();
  query.offset = asked.request.offset;
  return asked.source.records(
      query, [&](const StoredRow& row) { page.add([&](std::string& out) { append_row(out, task, row); }); });
}

// ---- top ----

absl::Status check_top(const QueryRequest& request, const std::vector<StoredTask>& configured) {
  const TaskConfig& task = configured.front().config;
  absl::Status status = check_unchanged(configured, same_estimates);
  if (!status.ok()) return status;
  if (status = check_conditions(configured, request.where); !status.ok()) return status;
  const auto check_order = [&](std::initializer_list<const char*> known) {
    if (request.order.empty() || std::find(known.begin(), known.end(), request.order) != known.end()) {
      return absl::OkStatus();
    }
    return wrong_parameter("order",
                           absl::StrCat("\"", request.order, "\" is unknown for this kind of task (known: ",
                                        absl::StrJoin(known, ", "), ")"));
  };
  switch (task.kind) {
    case TaskKind::kHeavyHitters:
      return check_order({"bytes", "packets"});
    case TaskKind::kSuperSpreader:
      if (request.threshold.share_ppm != 0) {
        return wrong_parameter("threshold", "spreads have no share; give a count of distinct elements");
      }
      return check_order({"spread"});
    case TaskKind::kCardinality:
      for (const auto& [given, name] :
           {std::pair(request.threshold.set(), "threshold"), std::pair(!request.where.empty(), "where"),
            std::pair(!request.order.empty(), "order")}) {
        if (given)
          return wrong_parameter(name, absl::StrCat("\"", task.name, "\" is one number, without keys"));
      }
      return absl::OkStatus();
    case TaskKind::kExact:
      break;  // answered by sums
  }
  return absl::InternalError("not an estimator");
}

void order_hitters(const std::string& order, TaskResult& result) {
  if (order.empty()) return;  // as the task ranks them
  const auto value = order == "bytes" ? &HeavyHitterRecord::bytes : &HeavyHitterRecord::packets;
  std::sort(result.heavy_hitters.begin(), result.heavy_hitters.end(),
            [&](const HeavyHitterRecord& a, const HeavyHitterRecord& b) {
              return a.*value != b.*value ? a.*value > b.*value : a.key < b.key;
            });
}

// Rows of one merged estimate; `passed_over` counts down the rows that earlier pages had.
void add_estimate(const QueryRequest& request, const uint64_t* start_ns, TaskResult& result,
                  uint64_t& passed_over, Page& page) {
  std::string about;
  {
    JsonObject object(about);
    if (start_ns != nullptr) object.time("start_ns", *start_ns);
    if (result.threshold != 0) object.number("threshold", result.threshold);
    object.ratio("standard_error", result.standard_error);
  }
  page.estimates.push_back(std::move(about));
  const auto add = [&](const auto& write) {
    if (passed_over != 0) {
      --passed_over;
    } else {
      page.add(write);
    }
  };
  const KeyFields fields = result.task->fields;
  order_hitters(request.order, result);
  for (const HeavyHitterRecord& row : result.heavy_hitters) {
    if (!satisfies(request.where, row.key, 0)) continue;
    add([&](std::string& out) { append_row(out, fields, start_ns, row); });
  }
  for (const SpreadRecord& row : result.spreads) {
    if (!satisfies(request.where, row.key, 0)) continue;
    add([&](std::string& out) { append_row(out, fields, start_ns, row, result.standard_error); });
  }
  if (result.task->kind == TaskKind::kCardinality) {
    add([&](std::string& out) { append_cardinality_row(out, start_ns, result); });
  }
}

// One bucket after the other: those that have epochs.
absl::Status add_buckets(const Asked& asked, TopQuery query, uint64_t rows_left, Page& page) {
  const uint64_t bucket_ns = asked.request.bucket_ns;
  const absl::StatusOr<std::vector<uint64_t>> buckets =
      asked.source.buckets(asked.scope, bucket_ns, kMaxBuckets + 1);
  if (!buckets.ok()) return buckets.status();
  uint64_t passed_over = asked.request.offset, merged = 0;
  for (const uint64_t start_ns : *buckets) {
    if (page.more()) break;
    if (++merged > kMaxBuckets) {
      return absl::ResourceExhaustedError(
          absl::StrCat("bucket: more than ", kMaxBuckets, " buckets; give a longer one, or a shorter time"));
    }
    query.scope.from_ns = std::max(start_ns, asked.scope.from_ns);
    query.scope.to_ns = std::min(asked.scope.to_ns, saturating_sum(start_ns, bucket_ns));
    absl::StatusOr<TaskResult> result = merge_estimates(asked.source, query, rows_left);
    if (!result.ok()) return result.status();
    add_estimate(asked.request, &start_ns, *result, passed_over, page);
  }
  return absl::OkStatus();
}

absl::Status answer_top(const Asked& asked, const std::vector<StoredTask>& configured, Page& page) {
  const QueryRequest& request = asked.request;
  if (configured.front().config.kind == TaskKind::kExact) {
    if (request.threshold.set()) {
      return wrong_parameter("threshold", absl::StrCat("\"", request.task, "\" is exact: it has none"));
    }
    return sum_records_of(asked, configured, page);
  }
  if (absl::Status status = check_top(request, configured); !status.ok()) return status;
  TopQuery query;
  query.scope = asked.scope;
  query.task = configured.back().config;
  query.threshold = request.threshold;
  for (const StoredTask& task : configured) {
    auto& sources = query.derived_from;
    const bool known = std::find(sources.begin(), sources.end(), task.derived_from) != sources.end();
    if (!task.derived_from.empty() && !known) sources.push_back(task.derived_from);
  }
  uint64_t rows_left = asked.limits.max_merged_rows;
  if (request.bucket_ns != 0) return add_buckets(asked, std::move(query), rows_left, page);
  absl::StatusOr<TaskResult> result = merge_estimates(asked.source, query, rows_left);
  if (!result.ok()) return result.status();
  uint64_t passed_over = request.offset;
  add_estimate(request, nullptr, *result, passed_over, page);
  return absl::OkStatus();
}

// ---- all questions ----

absl::Status add_rows(const Asked& asked, Page& page) {
  if (asked.request.question == Question::kProbes) {
    const absl::StatusOr<std::vector<ProbeBooks>> probes = asked.source.probes(asked.scope);
    if (!probes.ok()) return probes.status();
    for (const ProbeBooks& probe : *probes) page.add([&](std::string& out) { append_row(out, probe); });
    return absl::OkStatus();
  }
  const absl::StatusOr<std::vector<StoredTask>> tasks = asked.source.tasks(asked.scope);
  if (!tasks.ok()) return tasks.status();
  if (asked.request.question == Question::kTasks) {
    for (const StoredTask& task : *tasks) page.add([&](std::string& out) { append_row(out, task); });
    return absl::OkStatus();
  }
  const absl::StatusOr<std::vector<StoredTask>> configured = find_task(*tasks, asked.request.task);
  if (!configured.ok()) return configured.status();
  if (asked.request.question == Question::kAggregate) return answer_aggregate(asked, *configured, page);
  if (asked.request.question == Question::kRecords) return answer_records(asked, *configured, page);
  return answer_top(asked, *configured, page);
}

// The times of the next page: those of this one, without what has come after it.
QueryScope next_scope(QueryScope scope, const LedgerSums& ledger) {
  if (ledger.last_end_ns > ledger.first_start_ns && ledger.last_end_ns > scope.from_ns) {
    scope.to_ns = std::min(scope.to_ns, ledger.last_end_ns);
  }
  return scope;
}

void compose(const QueryRequest& request, const QueryScope& scope, const LedgerSums& ledger, const Page& page,
             std::string& answer) {
  JsonObject object(answer);
  object.name("rows").append("[").append(page.rows()) += ']';
  if (!page.estimates.empty()) {
    absl::StrAppend(&object.name("estimates"), "[", absl::StrJoin(page.estimates, ","), "]");
  }
  {
    JsonObject books(object.name("ledger"));
    books.time("from_ns", request.scope.from_ns);
    if (request.scope.to_ns == UINT64_MAX) {
      books.name("to_ns") += "null";
    } else {
      books.time("to_ns", request.scope.to_ns);
    }
    append_ledger(books, ledger, !request.task.empty());
  }
  if (page.more()) {
    object.text("next", make_cursor(next_scope(scope, ledger), request.offset + page.count()));
  } else {
    object.name("next") += "null";
  }
}

}  // namespace

absl::StatusOr<std::string> answer_query(QuerySource& source, const std::string& path,
                                         const QueryParameters& parameters, uint64_t now_ns,
                                         const ApiLimits& limits) {
  absl::StatusOr<QueryRequest> request = parse_request(path, parameters, now_ns, limits);
  if (!request.ok()) return request.status();
  if (request->task.empty()) request->limit = limits.max_rows;  // books: all there are
  source.set_deadline(QuerySource::Clock::now() + limits.time);
  QueryScope scope = request->scope;
  for (int i = 0; i < kTries; ++i) {
    absl::StatusOr<LedgerSums> before = source.ledger(scope, request->task);
    // Without an epoch of it there may be no task to have a ledger of; the rows say which there are.
    if (!before.ok() && !absl::IsNotFound(before.status())) return before.status();
    Page page(*request, limits.max_answer_bytes);
    const Asked asked{source, *request, limits, scope};
    if (absl::Status status = add_rows(asked, page); !status.ok()) return status;
    if (page.too_large()) {
      return absl::ResourceExhaustedError(absl::StrCat(
          "limit: the answer would be larger than ", limits.max_answer_bytes, " bytes; ask for fewer rows"));
    }
    absl::StatusOr<LedgerSums> after = source.ledger(scope, request->task);
    if (!after.ok()) return after.status();
    if (before.ok() && *before == *after) {
      std::string answer;
      compose(*request, scope, *after, page, answer);
      return answer;
    }
    scope = next_scope(scope, *after);  // an epoch came in between: at least those to come shall not
  }
  return absl::UnavailableError(
      "epochs came in faster than the question could be answered over them; ask for a time that is over, "
      "such as "
      "to=-1m");
}

}  // namespace netspectra
