#include "query/top.h"

#include <algorithm>
#include <memory>

#include "absl/strings/str_cat.h"
#include "base/saturating_sum.h"
#include "query/api_request.h"
#include "task/task.h"

namespace netspectra {
namespace {

constexpr size_t kLeastBatch = 1 << 16;

std::string place_of(const StoredEstimate& stored) {
  const std::string probe = stored.probe.empty() ? "" : absl::StrCat(" of ", stored.site, "/", stored.probe);
  return absl::StrCat("epoch ", stored.start_ns, probe);
}

// Hands records to an estimate in batches as large as all before them: each batch costs the estimate another walk over what
// it has, so the walks add up to no more than twice the records.
class RecordFeed {
 public:
  explicit RecordFeed(Estimate& estimate) : estimate_(estimate) {}
  void add(const FlowRecord& record) {
    batch_.push_back(record);
    if (batch_.size() >= std::max(kLeastBatch, fed_)) flush();
  }
  void flush() {
    estimate_.add(batch_);
    fed_ += batch_.size();
    batch_.clear();
  }

 private:
  Estimate& estimate_;
  std::vector<FlowRecord> batch_;
  size_t fed_ = 0;
};

struct Taken {
  FlowCounters total;        // of the epochs
  bool any_without = false;  // a state
};

absl::StatusOr<Taken> take_states(QuerySource& source, const TopQuery& query, Estimate& estimate) {
  Taken all;
  const absl::Status walked =
      source.estimates(query.scope, query.task.name, [&](const StoredEstimate& stored) -> absl::Status {
        saturating_add(all.total.packets, stored.ip_packets);
        saturating_add(all.total.bytes, stored.ip_bytes);
        if (stored.state.empty()) {
          all.any_without = true;
          if (!query.derived_from.empty() || stored.cardinality == 0) return absl::OkStatus();
          return absl::DataLossError(
              absl::StrCat("task ", query.task.name, ", ", place_of(stored), ": no state was stored"));
        }
        const absl::Status taken = estimate.take_saved(stored.state);
        if (taken.ok()) return taken;
        return absl::DataLossError(absl::StrCat("task ", query.task.name, ", ", place_of(stored), ": ",
                                                std::string(taken.message())));
      });
  if (!walked.ok()) return walked;
  return all;
}

absl::Status take_records(QuerySource& source, const TopQuery& query, const std::string& exact_task,
                          Estimate& estimate, uint64_t& rows_left) {
  AggregateQuery records;
  records.scope = query.scope;
  records.task = exact_task;
  records.by = query.task.fields | query.task.elements;
  records.order = OrderBy::kTime;
  records.limit = rows_left + 1;
  records.max_sums = rows_left;
  records.exactly_known_to = query.task.name;
  RecordFeed feed(estimate);
  uint64_t rows = 0;
  const absl::Status walked = source.aggregate(records, [&](const AggregateRow& row) {
    if (++rows <= rows_left) feed.add(row.record);
  });
  if (!walked.ok()) return walked;
  if (rows > rows_left) {
    return absl::ResourceExhaustedError(
        absl::StrCat("more exact records than one question may read would have to be merged for task ",
                     query.task.name, "; narrow from and to, or site and probe"));
  }
  rows_left -= rows;
  feed.flush();
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<TaskResult> merge_estimates(QuerySource& source, const TopQuery& query, uint64_t& rows_left) {
  TaskConfig task = query.task;
  if (query.threshold.set()) task.threshold = query.threshold;
  const std::unique_ptr<Estimate> estimate = make_estimate(task);
  const absl::StatusOr<Taken> states = take_states(source, query, *estimate);
  if (!states.ok()) return states.status();
  for (const std::string& exact_task : query.derived_from) {
    if (!states->any_without) break;
    absl::Status taken = take_records(source, query, exact_task, *estimate, rows_left);
    if (!taken.ok()) return taken;
  }
  TaskResult result, own;
  result.task = &query.task;
  estimate->report(states->total, result);
  make_estimate(query.task)->report(states->total, own);
  if (result.threshold >= own.threshold) return result;
  return wrong_parameter("threshold", absl::StrCat("comes to ", result.threshold, ", below the task's own (",
                                                   own.threshold, "), from which on keys are known"));
}

}  // namespace netspectra
