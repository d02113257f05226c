#include "store/clickhouse_rows.h"

#include <arpa/inet.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "task/task_words.h"

namespace netspectra {
namespace {

constexpr size_t kChunkBytes = 128 << 10;
// Of a state in one row: the server's memory for reading one is then bounded, whatever its task's memory is.
constexpr size_t kStatePart = 1 << 20;

void put_key(const FlowKey& key, RowBinaryWriter& to) {
  to.number(key.ip_version);
  to.bytes(key.src_ip.data(), key.src_ip.size());
  to.bytes(key.dst_ip.data(), key.dst_ip.size());
  to.number(ntohs(key.be_src_port));
  to.number(ntohs(key.be_dst_port));
  to.number(key.protocol);
  to.number(key.vlan);
}

void put_values(const FlowRecord& record, RowBinaryWriter& to) {
  const FlowCounters& c = record.counters;
  for (uint64_t value : {c.packets, c.bytes, c.first_seen_ns, c.last_seen_ns}) to.number(value);
  to.number(c.tcp_flags);
}

void put_values(const HeavyHitterRecord& r, RowBinaryWriter& to) {
  for (uint64_t value : {r.packets, r.bytes, r.error_packets, r.error_bytes}) to.number(value);
}

void put_values(const SpreadRecord& record, RowBinaryWriter& to) { to.number(record.spread); }

template <class Record>
void put_record(const Record& record, RowBinaryWriter& to) {
  put_key(record.key, to);
  put_values(record, to);
}

void put_texts(const std::vector<std::string>& texts, RowBinaryWriter& to) {
  to.array(texts, [](RowBinaryWriter& w, const std::string& text) { w.text(text); });
}

void put_drops(const EpochResult& epoch, RowBinaryWriter& to) {
  std::vector<std::pair<std::string, uint64_t>> drops(epoch.other_drops.begin(), epoch.other_drops.end());
  for (size_t i = 0; i < kDropReasonCount; ++i) {
    if (epoch.ledger.dropped[i] != 0) drops.emplace_back(kDropReasonNames[i], epoch.ledger.dropped[i]);
  }
  to.array(drops, [](RowBinaryWriter& w, const auto& drop) { w.text(drop.first); });
  to.array(drops, [](RowBinaryWriter& w, const auto& drop) { w.number(drop.second); });
  std::vector<EthertypeCounts::Slot> slots;
  for (const EthertypeCounts::Slot& slot : epoch.ledger.ethertypes.slots()) {
    if (slot.packets != 0) slots.push_back(slot);
  }
  to.array(slots, [](RowBinaryWriter& w, const auto& slot) { w.number(slot.ethertype); });
  to.array(slots, [](RowBinaryWriter& w, const auto& slot) { w.number(slot.packets); });
}

void put_notes(const EpochResult& epoch, RowBinaryWriter& to) {
  std::vector<std::string> kinds, texts;
  const auto add = [&](const char* kind, const std::vector<std::string>& list) {
    kinds.insert(kinds.end(), list.size(), kind);
    texts.insert(texts.end(), list.begin(), list.end());
  };
  add("missing", epoch.origin.missing);
  add("read_error", epoch.read_errors);
  add("fault", epoch.faults);
  put_texts(kinds, to);
  put_texts(texts, to);
}

void put_tasks(const std::vector<TaskResult>& tasks, RowBinaryWriter& to) {
  const auto texts = [&](auto get) {
    to.array(tasks, [&](RowBinaryWriter& w, const TaskResult& t) { w.text(get(t)); });
  };
  const auto numbers = [&](auto get) {
    to.array(tasks, [&](RowBinaryWriter& w, const TaskResult& t) { w.number(get(t)); });
  };
  using T = const TaskResult&;
  texts([](T t) { return t.task->name; });
  texts([](T t) { return kind_name(t.task->kind); });
  texts([](T t) { return field_list(t.task->fields); });
  texts([](T t) { return field_list(t.task->elements); });
  texts([](T t) { return rank_name(*t.task); });
  numbers([](T t) { return t.task->threshold.count; });
  numbers([](T t) { return t.task->threshold.share_ppm; });
  numbers([](T t) { return t.task->memory_bytes; });
  numbers([](T t) { return t.task->seed; });
  texts([](T t) { return t.source == nullptr ? std::string_view() : std::string_view(t.source->name); });
  numbers([](T t) { return uint64_t{t.records.size() + t.heavy_hitters.size() + t.spreads.size()}; });
  const auto sums = [&](uint64_t FlowCounters::*counter) {
    numbers([counter](T t) {
      uint64_t sum = 0;
      for (const FlowRecord& record : t.records) sum += record.counters.*counter;
      return sum;
    });
  };
  sums(&FlowCounters::packets);
  sums(&FlowCounters::bytes);
  numbers([](T t) { return t.overflow.packets; });
  numbers([](T t) { return t.overflow.bytes; });
  numbers([](T t) { return t.overflow.first_seen_ns; });
  numbers([](T t) { return t.overflow.last_seen_ns; });
  numbers([](T t) { return t.overflow.tcp_flags; });
  numbers([](T t) { return t.cardinality; });
  numbers([](T t) { return t.threshold; });
  numbers([](T t) { return t.standard_error; });
  numbers([](T t) { return uint64_t{t.state.size()}; });
}

}  // namespace

ClickHouseRowWalk::ClickHouseRowWalk(const ClickHouseRowTable& table, const EpochResult& epoch,
                                     ClickHouseAttempt attempt)
    : table_(table), epoch_(epoch), attempt_(attempt) {
  for (const TaskResult& task : epoch.tasks) left_ += rows_of(task);
}

size_t ClickHouseRowWalk::rows_of(const TaskResult& task) const {
  if (&table_ == &kRecordRows) return task.records.size();
  if (&table_ == &kHeavyHitterRows) return task.heavy_hitters.size();
  if (&table_ == &kSpreadRows) return task.spreads.size();
  return (task.state.size() + kStatePart - 1) / kStatePart;
}

void ClickHouseRowWalk::put_row(const TaskResult& task, size_t row, RowBinaryWriter& to) const {
  to.number(attempt_.day());
  to.text(task.task->name);
  to.number(epoch_.start_ns);
  to.number(attempt_.number);
  if (&table_ == &kRecordRows) return put_record(task.records[row], to);
  if (&table_ == &kHeavyHitterRows) return put_record(task.heavy_hitters[row], to);
  if (&table_ == &kSpreadRows) return put_record(task.spreads[row], to);
  const size_t begin = row * kStatePart, size = std::min(kStatePart, task.state.size() - begin);
  to.number(static_cast<uint32_t>(row));
  to.text({reinterpret_cast<const char*>(task.state.data()) + begin, size});
}

bool ClickHouseRowWalk::next(RowBinaryWriter& to) {
  while (left_ > 0 && to.buffer().size() < kChunkBytes) {
    const TaskResult& task = epoch_.tasks[task_];
    if (row_ == rows_of(task)) {
      ++task_;
      row_ = 0;
      continue;
    }
    put_row(task, row_++, to);
    --left_;
  }
  return left_ > 0;
}

void put_epoch_row(const EpochResult& epoch, ClickHouseAttempt attempt, RowBinaryWriter& to) {
  const EpochOrigin& o = epoch.origin;
  const Ledger& l = epoch.ledger;
  const SourceStats& s = epoch.source;
  uint64_t others = 0;
  for (const auto& [reason, packets] : epoch.other_drops) others += packets;
  to.number(attempt.day());
  to.number(attempt.stored_ns);
  to.number(attempt.number);
  to.text(o.site);
  to.text(o.probe);
  to.number(o.run);
  to.number(epoch.start_ns);
  to.number(o.amendment);
  to.number(epoch.period_ns);
  to.number(o.expected_snapshots);
  to.number(o.missing_snapshots);
  to.text(o.holds);
  for (uint64_t value :
       {l.rx_packets, l.rx_bytes, l.ip_packets, l.ip_bytes, l.not_ip(), l.malformed(), others, l.filtered_out,
        l.late_packets, l.first_seen_ns, l.last_seen_ns, s.received, s.nic_missed, s.no_mbuf, s.nic_errors,
        s.kernel_dropped, s.epoch_overruns, s.busy_ns, s.total_ns}) {
    to.number(value);
  }
  put_drops(epoch, to);
  put_notes(epoch, to);
  put_tasks(epoch.tasks, to);
}

}  // namespace netspectra
