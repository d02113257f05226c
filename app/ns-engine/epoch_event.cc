#include "epoch_event.h"

#include <algorithm>
#include <span>

#include "absl/strings/str_cat.h"
#include "output/json_rows.h"
#include "output/json_text.h"
#include "output/rows.h"

namespace netspectra {
namespace {

constexpr size_t kTop = 10;

void append_top(const TaskResult& task, uint64_t start_ns, std::string& out) {
  const JsonRows rows(*task.task, start_ns);
  std::string row;
  const char* before = "";
  for (const FlowRecord& record : shown(task.records, kTop)) {
    row.clear();
    rows.append(row, record);
    row.pop_back();  // the end of its line
    absl::StrAppend(&out, before, row);
    before = ",";
  }
}

}  // namespace

std::string epoch_event(const EpochResult& result, const TaskPlan& plan) {
  uint64_t records = 0, overflow_packets = 0;
  const TaskResult* first_exact = nullptr;
  for (const size_t index : plan.measured) {
    const TaskResult& task = result.tasks[index];
    if (task.task->kind != TaskKind::kExact) continue;
    if (first_exact == nullptr) first_exact = &task;
    records += task.records.size();
    overflow_packets += task.overflow.packets;
  }
  std::string out = "{\"site\":";
  append_json_string(out, result.origin.site);
  out += ",\"probe\":";
  append_json_string(out, result.origin.probe);
  absl::StrAppend(&out, ",\"run\":", result.origin.run, ",\"start_ns\":", result.start_ns,
                  ",\"period_ns\":", result.period_ns, ",\"amendment\":", result.origin.amendment,
                  ",\"packets\":", result.ledger.rx_packets, ",\"bytes\":", result.ledger.rx_bytes,
                  ",\"records\":", records, ",\"overflow_packets\":", overflow_packets,
                  ",\"lost\":", result.source.lost(),
                  ",\"missing_snapshots\":", result.origin.missing_snapshots,
                  ",\"faults\":", result.faults.size(), ",\"top\":[");
  if (first_exact != nullptr) append_top(*first_exact, result.start_ns, out);
  out += "]}";
  return out;
}

}  // namespace netspectra
