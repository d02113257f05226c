// libFuzzer: whatever stands in a question's parameters, it is answered with JSON or refused with a reason.
//
// Input: lines, as a question has them: the path, then NAME=VALUE each. In the first line's place also "where", "by" or
// "time": then the rest is read as such.
// Checked besides what the sanitizers see: what a source is asked keeps to its contract; an answer is one JSON object, in
// which brackets and quotes are balanced; no error is without words.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "query/api.h"
#include "query/parse.h"
#include "query/sql.h"

namespace netspectra {
namespace {

void check(bool holds) {
  if (!holds) std::abort();
}

void check_json(const std::string& text) {
  std::string open;
  bool in_string = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    check(static_cast<unsigned char>(c) >= ' ');
    if (in_string) {
      if (c == '\\') ++i;
      in_string = c != '"';
      continue;
    }
    if (c == '"') in_string = true;
    if (c == '{' || c == '[') open += c;
    if (c == '}' || c == ']') {
      check(!open.empty() && open.back() == (c == '}' ? '{' : '['));
      open.pop_back();
      check(!open.empty() || i + 1 == text.size());
    }
  }
  check(open.empty() && !in_string);
}

// The SQL of conditions is digits, names and literals that were made here: nothing of the asker's.
void check_sql(const std::vector<Condition>& where) {
  const std::string sql = conditions_sql(where, "", [](const auto&) { return std::string("x"); });
  check(sql.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz0123456789 (),=") ==
        std::string::npos);
}

constexpr KeyFields kFields = KeyFields::five_tuple();

// A task of each kind, a row and an epoch of each.
class OneOfEach : public QuerySource {
 public:
  void set_deadline(Clock::time_point) override {}
  absl::StatusOr<std::vector<StoredTask>> tasks(const QueryScope& scope) override {
    check_scope(scope);
    std::vector<StoredTask> tasks(kTaskKindCount);
    for (size_t kind = 0; kind < kTaskKindCount; ++kind) {
      TaskConfig& task = tasks[kind].config;
      task.kind = static_cast<TaskKind>(kind);
      task.name = std::string(1, static_cast<char>('a' + kind));
      task.memory_bytes = 4096;
      if (task.kind == TaskKind::kExact) {
        task.fields = kFields;
      } else {
        task.fields.add(KeyField::kSrcIp);
        tasks[kind].derived_from = "a";
      }
      if (task.kind == TaskKind::kSuperSpreader) task.elements.add(KeyField::kDstIp);
    }
    return tasks;
  }
  absl::StatusOr<std::vector<ProbeBooks>> probes(const QueryScope& scope) override {
    check_scope(scope);
    std::vector<ProbeBooks> probes(1);
    probes[0].site = scope.site;
    probes[0].probe = scope.probe;
    return probes;
  }
  absl::StatusOr<LedgerSums> ledger(const QueryScope& scope, const std::string& task) override {
    check_scope(scope);
    LedgerSums sums;
    sums.epochs = scope.from_ns <= kStart && kStart < scope.to_ns ? 1 : 0;
    sums.first_start_ns = sums.epochs == 0 ? 0 : kStart;
    sums.last_end_ns = sums.epochs == 0 ? 0 : kStart + 1;
    sums.ip_packets = 1'000'000;
    sums.malformed_by[task] = 1;
    return sums;
  }
  absl::StatusOr<std::vector<uint64_t>> buckets(const QueryScope& scope, uint64_t bucket_ns,
                                                uint64_t limit) override {
    check_scope(scope);
    check(bucket_ns != 0 && limit != 0);
    std::vector<uint64_t> buckets;
    if (scope.from_ns <= kStart && kStart < scope.to_ns) buckets.push_back(kStart - kStart % bucket_ns);
    return buckets;
  }
  absl::Status aggregate(const AggregateQuery& query,
                         const std::function<void(const AggregateRow&)>& on_row) override {
    check_scope(query.scope);
    check(query.by.subset_of(kFields) && query.limit != 0);
    check_sql(query.where);
    AggregateRow row;
    row.record.key = KeyMask(query.by).apply(key());
    row.record.counters = {1, 60, 1, 1, 2};
    if (satisfies(query.where, key(), 2)) on_row(row);
    return absl::OkStatus();
  }
  absl::Status records(const RecordsQuery& query,
                       const std::function<void(const StoredRow&)>& on_row) override {
    check_scope(query.scope);
    check(query.limit != 0);
    check_sql(query.where);
    StoredRow row;
    row.site = query.scope.site;
    row.probe = query.scope.probe;
    row.key = key();
    if (satisfies(query.where, key(), 2)) on_row(row);
    return absl::OkStatus();
  }
  absl::Status estimates(const QueryScope& scope, const std::string&,
                         const std::function<absl::Status(const StoredEstimate&)>& on_estimate) override {
    check_scope(scope);
    StoredEstimate estimate;
    estimate.ip_packets = 1'000'000;
    return on_estimate(estimate);
  }

 private:
  static constexpr uint64_t kStart = 1'700'000'000'000'000'000;
  static void check_scope(const QueryScope& scope) { check(scope.from_ns < scope.to_ns); }
  static FlowKey key() {
    FlowKey key;
    key.ip_version = 4;
    key.src_ip = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, 1};
    key.dst_ip = key.src_ip;
    key.protocol = 6;
    return key;
  }
};

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines(1);
  for (const char c : text) {
    if (c == '\n') {
      lines.emplace_back();
    } else {
      lines.back() += c;
    }
  }
  return lines;
}

template <class Parsed>
void check_reason(const Parsed& parsed) {
  check(parsed.ok() || (absl::IsInvalidArgument(parsed.status()) && !parsed.status().message().empty()));
}

void parse_alone(const std::string& kind, const std::string& text) {
  if (kind == "where") {
    const auto where = parse_where(text);
    check_reason(where);
    if (where.ok()) check_sql(*where);
  }
  if (kind == "by") check_reason(parse_fields(text));
  if (kind == "time") check_reason(parse_time(text, uint64_t{1} << 60));
}

}  // namespace
}  // namespace netspectra

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace netspectra;
  const std::string text(reinterpret_cast<const char*>(data), size);
  const std::vector<std::string> lines = lines_of(text);
  if (lines.size() > 1) parse_alone(lines[0], text.substr(lines[0].size() + 1));
  QueryParameters parameters;
  for (size_t i = 1; i < lines.size(); ++i) {
    const size_t equals = lines[i].find('=');
    if (equals == std::string::npos) continue;
    parameters.emplace_back(lines[i].substr(0, equals), lines[i].substr(equals + 1));
  }
  OneOfEach source;
  ApiLimits limits;
  limits.max_answer_bytes = 10'000;
  const absl::StatusOr<std::string> answer =
      answer_query(source, lines[0], parameters, uint64_t{1} << 60, limits);
  if (answer.ok()) {
    check_json(*answer);
  } else {
    check(!answer.status().message().empty());
  }
  return 0;
}
