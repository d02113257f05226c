#include "query/answer.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "output/json_text.h"
#include "output/rows.h"
#include "output/text.h"
#include "task/task_words.h"

namespace netspectra {
namespace {

std::string address_text(const std::array<uint8_t, 16>& ip, uint8_t ip_version) {
  char text[kMaxAddressText];
  return {text, put_address(text, ip, ip_version)};
}

void add_counters(JsonObject& object, const FlowCounters& counters) {
  object.number("packets", counters.packets);
  object.number("bytes", counters.bytes);
  object.time("first_seen_ns", counters.first_seen_ns);
  object.time("last_seen_ns", counters.last_seen_ns);
  object.number("tcp_flags", counters.tcp_flags);
}

void add_estimated(JsonObject& object, const char* name, uint64_t value, double standard_error) {
  const double two_errors = std::min(2 * standard_error * static_cast<double>(value), 0x1p63);
  const auto margin = static_cast<uint64_t>(std::ceil(two_errors));
  object.number(name, value);
  object.ratio("standard_error", standard_error);
  object.number("low", value - std::min(value, margin));
  object.number("high", value + margin);
}

void add_options(JsonObject& object, const TaskConfig& task) {
  JsonObject options(object.name("options"));
  if (task.capacity != 0) options.number("capacity", task.capacity);
  if (task.threshold.share_ppm != 0) {
    options.text("threshold", absl::StrFormat("%g%%", task.threshold.share_ppm / 1e4));
  } else if (task.threshold.count != 0) {
    options.number("threshold", task.threshold.count);
  }
  if (task.kind == TaskKind::kHeavyHitters) options.text("by", rank_name(task));
  if (task.memory_bytes != 0) options.number("memory", task.memory_bytes);
  if (task.kind != TaskKind::kExact) options.number("seed", task.seed);
}

}  // namespace

std::string& JsonObject::name(const std::string& name) {
  if (!first_) out_ += ',';
  first_ = false;
  append_json_string(out_, name);
  return out_ += ':';
}

void JsonObject::number(const std::string& name, uint64_t value) { append_number(this->name(name), value); }
void JsonObject::time(const std::string& name, uint64_t time_ns) { append_time(this->name(name), time_ns); }
void JsonObject::ratio(const std::string& name, double value) { absl::StrAppend(&this->name(name), value); }
void JsonObject::text(const std::string& name, const std::string& value) {
  append_json_string(this->name(name), value);
}

void JsonObject::key(KeyFields fields, const FlowKey& key) {
  if (fields.has(KeyField::kSrcIp)) text("src_ip", address_text(key.src_ip, key.ip_version));
  if (fields.has(KeyField::kDstIp)) text("dst_ip", address_text(key.dst_ip, key.ip_version));
  if (fields.has(KeyField::kSrcPort)) number("src_port", ntohs(key.be_src_port));
  if (fields.has(KeyField::kDstPort)) number("dst_port", ntohs(key.be_dst_port));
  if (fields.has(KeyField::kProtocol)) number("protocol", key.protocol);
  if (fields.has(KeyField::kVlan)) number("vlan", key.vlan);
}

void append_row(std::string& out, KeyFields by, bool bucketed, const AggregateRow& row) {
  JsonObject object(out);
  if (bucketed) object.time("start_ns", row.start_ns);
  object.key(by, row.record.key);
  add_counters(object, row.record.counters);
}

void append_row(std::string& out, const TaskConfig& task, const StoredRow& row) {
  JsonObject object(out);
  object.text("type", row_type(task.kind));
  object.text("task", task.name);
  object.time("start_ns", row.start_ns);
  object.text("site", row.site);
  object.text("probe", row.probe);
  object.key(task.fields, row.key);
  if (task.kind == TaskKind::kExact) return add_counters(object, row.counters);
  if (task.kind == TaskKind::kSuperSpreader) return object.number("spread", row.spread);
  object.number("packets", row.counters.packets);
  object.number("bytes", row.counters.bytes);
  object.number("error_packets", row.error_packets);
  object.number("error_bytes", row.error_bytes);
}

void append_row(std::string& out, const StoredTask& task) {
  JsonObject object(out);
  object.text("name", task.config.name);
  object.text("kind", kind_name(task.config.kind));
  append_json_strings(object.name("fields"), field_names(task.config.fields));
  append_json_strings(object.name("elements"), field_names(task.config.elements));
  add_options(object, task.config);
  if (task.derived_from.empty()) {
    object.name("derived_from") += "null";
  } else {
    object.text("derived_from", task.derived_from);
  }
  object.time("first_start_ns", task.first_start_ns);
  object.time("last_start_ns", task.last_start_ns);
  object.number("epochs", task.epochs);
  object.number("rows", task.rows);
}

void append_row(std::string& out, const ProbeBooks& probe) {
  JsonObject object(out);
  object.text("site", probe.site);
  object.text("probe", probe.probe);
  object.number("run", probe.run);
  object.number("runs", probe.runs);
  object.time("last_start_ns", probe.last_start_ns);
  object.number("period_ns", probe.period_ns);
  object.time("last_stored_ns", probe.last_stored_ns);
  object.number("gaps", probe.gaps);
  object.number("gap_ns", probe.gap_ns);
  JsonObject ledger(object.name("ledger"));
  append_ledger(ledger, probe.ledger, false);
}

void append_row(std::string& out, KeyFields fields, const uint64_t* start_ns, const HeavyHitterRecord& row) {
  JsonObject object(out);
  if (start_ns != nullptr) object.time("start_ns", *start_ns);
  object.key(fields, row.key);
  object.number("packets", row.packets);
  object.number("bytes", row.bytes);
  object.number("error_packets", row.error_packets);
  object.number("error_bytes", row.error_bytes);
}

void append_row(std::string& out, KeyFields fields, const uint64_t* start_ns, const SpreadRecord& row,
                double standard_error) {
  JsonObject object(out);
  if (start_ns != nullptr) object.time("start_ns", *start_ns);
  object.key(fields, row.key);
  add_estimated(object, "spread", row.spread, standard_error);
}

void append_cardinality_row(std::string& out, const uint64_t* start_ns, const TaskResult& result) {
  JsonObject object(out);
  if (start_ns != nullptr) object.time("start_ns", *start_ns);
  add_estimated(object, "cardinality", result.cardinality, result.standard_error);
}

void append_ledger(JsonObject& object, const LedgerSums& ledger, bool of_task) {
  object.time("first_start_ns", ledger.first_start_ns);
  object.time("last_end_ns", ledger.last_end_ns);
  object.number("epochs", ledger.epochs);
  object.number("rx_packets", ledger.rx_packets);
  object.number("rx_bytes", ledger.rx_bytes);
  object.number("ip_packets", ledger.ip_packets);
  object.number("ip_bytes", ledger.ip_bytes);
  if (of_task) {
    object.number("counted_packets", ledger.counted_packets);
    object.number("overflow_packets", ledger.overflow_packets);
    object.number("overflow_bytes", ledger.overflow_bytes);
  }
  object.number("not_ip", ledger.not_ip);
  {
    JsonObject malformed(object.name("malformed"));
    for (const auto& [reason, packets] : ledger.malformed_by) {
      if (packets != 0) malformed.number(reason, packets);
    }
  }
  object.number("other_drops", ledger.other_drops);
  object.number("filtered_out", ledger.filtered_out);
  object.number("late_packets", ledger.late_packets);
  object.number("nic_missed", ledger.nic_missed);
  object.number("no_mbuf", ledger.no_mbuf);
  object.number("nic_errors", ledger.nic_errors);
  object.number("kernel_dropped", ledger.kernel_dropped);
  object.number("missing_snapshots", ledger.missing_snapshots);
  object.number("incomplete_epochs", ledger.incomplete_epochs);
  object.number("epoch_overruns", ledger.epoch_overruns);
  object.number("faults", ledger.faults);
  object.number("expired_epochs", ledger.expired_epochs);
}

}  // namespace netspectra
