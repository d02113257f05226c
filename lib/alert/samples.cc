#include "alert/samples.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "query/parse.h"

namespace netspectra {
namespace {

constexpr double kNsPerSecond = 1e9;

absl::Status wrong_task(const TaskConfig& task, const std::string& why) {
  return absl::FailedPreconditionError(absl::StrCat("task ", task.name, " ", why));
}

bool needs_flags(const AlertRule& rule) {
  return std::any_of(rule.where.begin(), rule.where.end(),
                     [](const Condition& c) { return c.field == ConditionField::kTcpFlags; });
}

KeyFields where_fields(const AlertRule& rule) {
  KeyFields fields;
  for (const Condition& condition : rule.where) {
    if (condition.field != ConditionField::kTcpFlags) fields.add(static_cast<KeyField>(condition.field));
  }
  return fields;
}
static_assert(static_cast<int>(ConditionField::kSrcIp) == static_cast<int>(KeyField::kSrcIp) &&
              static_cast<int>(ConditionField::kVlan) == static_cast<int>(KeyField::kVlan));

bool holds(const AlertRule& rule, const FlowKey& key, uint8_t tcp_flags) {
  return rule.where.empty() || satisfies(rule.where, key, tcp_flags);
}

double sum_of(const FlowCounters& counters, AlertMetric metric) {
  switch (metric) {
    case AlertMetric::kPackets:
      return static_cast<double>(counters.packets);
    case AlertMetric::kBytes:
      return static_cast<double>(counters.bytes);
    default:
      return 1;  // records
  }
}

Samples sample_records(const AlertRule& rule, const TaskResult& result) {
  Samples samples;
  samples.fields = rule.by;
  if (rule.by.empty()) {
    double total = 0;
    for (const FlowRecord& record : result.records) {
      if (holds(rule, record.key, record.counters.tcp_flags)) total += sum_of(record.counters, rule.metric);
    }
    // Whose packets these are is not known; that they are in the total is.
    if (rule.where.empty() && rule.metric != AlertMetric::kRecords)
      total += sum_of(result.overflow, rule.metric);
    samples.amounts[FlowKey{}] = total;
    return samples;
  }
  const KeyMask mask(rule.by);
  if (rule.where.empty() && rule.by == result.task->fields) samples.amounts.reserve(result.records.size());
  for (const FlowRecord& record : result.records) {
    if (holds(rule, record.key, record.counters.tcp_flags)) {
      samples.amounts[mask.apply(record.key)] += sum_of(record.counters, rule.metric);
    }
  }
  return samples;
}

Samples sample_heavy_hitters(const AlertRule& rule, const EpochResult& epoch, const TaskResult& result) {
  Samples samples;
  samples.fields = result.task->fields;
  const bool bytes = rule.metric == AlertMetric::kBytes ||
                     (rule.metric == AlertMetric::kShare && result.task->by == RankBy::kBytes);
  for (const HeavyHitterRecord& record : result.heavy_hitters) {
    if (!holds(rule, record.key, 0)) continue;
    samples.amounts[record.key] = static_cast<double>(bytes ? record.bytes - record.error_bytes
                                                            : record.packets - record.error_packets);
  }
  samples.whole = static_cast<double>(bytes ? epoch.ledger.ip_bytes : epoch.ledger.ip_packets);
  return samples;
}

Samples sample_spreads(const AlertRule& rule, const TaskResult& result) {
  Samples samples;
  samples.fields = result.task->fields;
  for (const SpreadRecord& record : result.spreads) {
    if (holds(rule, record.key, 0)) samples.amounts[record.key] = static_cast<double>(record.spread);
  }
  return samples;
}

// The kinds that give this metric.
bool gives(const TaskResult& result, AlertMetric metric) {
  const TaskKind kind = result.task->kind;
  switch (metric) {
    case AlertMetric::kPackets:
    case AlertMetric::kBytes:
      return kind == TaskKind::kExact || kind == TaskKind::kHeavyHitters;
    case AlertMetric::kRecords:
    case AlertMetric::kLost:
    case AlertMetric::kLostShare:
      return kind == TaskKind::kExact;
    case AlertMetric::kShare:
      return kind == TaskKind::kHeavyHitters;
    case AlertMetric::kSpread:
      return kind == TaskKind::kSuperSpreader;
    case AlertMetric::kCardinality:
      return kind == TaskKind::kCardinality;
    default:
      return false;
  }
}

absl::Status check(const AlertRule& rule, const TaskResult& result) {
  const TaskConfig& task = *result.task;
  if (!gives(result, rule.metric)) {
    return wrong_task(
        task, absl::StrCat("is of a kind that has no ", kAlertMetricNames[static_cast<size_t>(rule.metric)]));
  }
  const bool exact = task.kind == TaskKind::kExact;
  if (!exact && !rule.by.empty())
    return wrong_task(task, "has keys of its own: the rule's by must be left out");
  if (!rule.by.subset_of(task.fields)) return wrong_task(task, "does not have all fields of the rule's by");
  if (!where_fields(rule).subset_of(task.fields) || (!exact && needs_flags(rule))) {
    return wrong_task(task, "does not have all fields of the rule's where");
  }
  return absl::OkStatus();
}

Samples one_amount(double amount, double whole = 0) {
  Samples samples;
  samples.amounts[FlowKey{}] = amount;
  samples.whole = whole;
  return samples;
}

// Lost before it was measured, and measured without a record: of the task, or the most of any. Tasks see the same
// packets: their overflow does not add up.
Samples sample_losses(const AlertRule& rule, const EpochResult& epoch) {
  uint64_t overflow = 0;
  for (const TaskResult& result : epoch.tasks) {
    if (rule.task.empty() || result.task->name == rule.task) {
      overflow = std::max(overflow, result.overflow.packets);
    }
  }
  const uint64_t before = epoch.source.lost();
  return one_amount(static_cast<double>(before + overflow),
                    static_cast<double>(before + epoch.ledger.rx_packets + epoch.ledger.filtered_out));
}

Samples sample_ledger(const AlertRule& rule, const EpochResult& epoch) {
  switch (rule.metric) {
    case AlertMetric::kPackets:
      return one_amount(static_cast<double>(epoch.ledger.rx_packets));
    case AlertMetric::kBytes:
      return one_amount(static_cast<double>(epoch.ledger.rx_bytes));
    case AlertMetric::kIncomplete:
      return one_amount(static_cast<double>(epoch.origin.missing_snapshots));
    default:
      return sample_losses(rule, epoch);
  }
}

}  // namespace

double Samples::value_of(double amount, const AlertRule& rule, uint64_t period_ns) const {
  if (rule.metric == AlertMetric::kShare || rule.metric == AlertMetric::kLostShare) {
    return whole == 0 ? 0 : 100 * amount / whole;
  }
  return rule.per_second ? amount * kNsPerSecond / static_cast<double>(period_ns) : amount;
}

void Samples::merge(const Samples& amendment, AlertMetric metric) {
  whole += amendment.whole;
  for (const auto& [key, amount] : amendment.amounts) {
    double& sum = amounts[key];
    switch (metric) {
      case AlertMetric::kIncomplete:  // says what is still missing
        sum = amount;
        break;
      case AlertMetric::kSpread:
      case AlertMetric::kCardinality:  // sets that may overlap: at least the largest
        sum = std::max(sum, amount);
        break;
      default:
        sum += amount;
    }
  }
}

void Samples::keep_largest(size_t count) {
  if (amounts.size() <= count) return;
  std::vector<std::pair<FlowKey, double>> all(amounts.begin(), amounts.end());
  std::nth_element(all.begin(), all.begin() + static_cast<ptrdiff_t>(count), all.end(),
                   [](const auto& a, const auto& b) { return a.second > b.second; });
  all.resize(count);
  amounts = KeyAmounts(all.begin(), all.end());
}

absl::StatusOr<Samples> sample(const AlertRule& rule, const EpochResult& epoch) {
  if (rule.task.empty()) return sample_ledger(rule, epoch);
  const auto result = std::find_if(epoch.tasks.begin(), epoch.tasks.end(),
                                   [&](const TaskResult& r) { return r.task->name == rule.task; });
  if (result == epoch.tasks.end()) {
    return absl::NotFoundError(absl::StrCat("there is no task ", rule.task));
  }
  if (absl::Status status = check(rule, *result); !status.ok()) return status;
  if (rule.metric == AlertMetric::kLost || rule.metric == AlertMetric::kLostShare) {
    return sample_losses(rule, epoch);
  }
  switch (result->task->kind) {
    case TaskKind::kExact:
      return sample_records(rule, *result);
    case TaskKind::kHeavyHitters:
      return sample_heavy_hitters(rule, epoch, *result);
    case TaskKind::kSuperSpreader:
      return sample_spreads(rule, *result);
    case TaskKind::kCardinality:
      return one_amount(static_cast<double>(result->cardinality));
  }
  return absl::InternalError("a kind of task that is not known");  // not reached: every TaskKind is above
}

}  // namespace netspectra
