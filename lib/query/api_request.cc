#include "query/api_request.h"

#include <algorithm>
#include <charconv>
#include <set>
#include <span>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/units.h"

namespace netspectra {
namespace {

constexpr uint64_t kMaxOffset = 1'000'000'000'000;
constexpr const char* kNone = "none";  // by: no field at all

struct Context {
  uint64_t now_ns;
  const ApiLimits& limits;
};

using Setter = absl::Status (*)(const std::string& text, const Context& context, QueryRequest& request);

absl::Status set_task(const std::string& text, const Context&, QueryRequest& request) {
  request.task = text;
  return absl::OkStatus();
}
absl::Status set_site(const std::string& text, const Context&, QueryRequest& request) {
  request.scope.site = text;
  return absl::OkStatus();
}
absl::Status set_probe(const std::string& text, const Context&, QueryRequest& request) {
  request.scope.probe = text;
  return absl::OkStatus();
}

absl::Status set_from(const std::string& text, const Context& context, QueryRequest& request) {
  const absl::StatusOr<uint64_t> time_ns = parse_time(text, context.now_ns);
  if (time_ns.ok()) request.scope.from_ns = *time_ns;
  return time_ns.status();
}
absl::Status set_to(const std::string& text, const Context& context, QueryRequest& request) {
  const absl::StatusOr<uint64_t> time_ns = parse_time(text, context.now_ns);
  if (time_ns.ok()) request.scope.to_ns = *time_ns;
  return time_ns.status();
}

absl::Status set_by(const std::string& text, const Context&, QueryRequest& request) {
  if (text == kNone) {
    request.by = KeyFields();
    return absl::OkStatus();
  }
  const absl::StatusOr<KeyFields> fields = parse_fields(text);
  if (fields.ok()) request.by = *fields;
  return fields.status();
}

absl::Status set_where(const std::string& text, const Context&, QueryRequest& request) {
  absl::StatusOr<std::vector<Condition>> where = parse_where(text);
  if (where.ok()) request.where = *std::move(where);
  return where.status();
}

absl::Status set_order(const std::string& text, const Context&, QueryRequest& request) {
  request.order = text;  // what is known depends on the task
  return absl::OkStatus();
}

absl::Status set_limit(const std::string& text, const Context& context, QueryRequest& request) {
  const absl::StatusOr<uint64_t> limit = parse_count(text);
  if (!limit.ok() || *limit < 1 || *limit > context.limits.max_rows) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", text, "\" must be a number of rows from 1 to ", context.limits.max_rows));
  }
  request.limit = *limit;
  return absl::OkStatus();
}

absl::Status set_bucket(const std::string& text, const Context&, QueryRequest& request) {
  const absl::StatusOr<uint64_t> length = parse_duration(text);
  if (!length.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", text, "\" ", std::string(length.status().message())));
  }
  if (*length == 0) return absl::InvalidArgumentError(absl::StrCat("\"", text, "\" must be above 0"));
  request.bucket_ns = *length;
  return absl::OkStatus();
}

absl::Status set_threshold(const std::string& text, const Context&, QueryRequest& request) {
  const uint32_t share_ppm = parse_share_ppm(text);
  const absl::StatusOr<uint64_t> count = parse_count(text);
  if (share_ppm == 0 && (!count.ok() || *count == 0)) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", text, "\" must be a count of at least 1 (4096, 10k), or a share above 0 and at ",
                     "most 100 % with at most four decimals (0.1%, which a URL has as 0.1%25)"));
  }
  request.threshold = share_ppm != 0 ? Threshold{0, share_ppm} : Threshold{*count, 0};
  return absl::OkStatus();
}

absl::Status set_cursor(const std::string& text, const Context&, QueryRequest& request) {
  const std::vector<std::string> parts = absl::StrSplit(text, '-');
  uint64_t numbers[3] = {};
  bool good = parts.size() == std::size(numbers);
  for (size_t i = 0; good && i < parts.size(); ++i) {
    const char* const end = parts[i].data() + parts[i].size();
    const auto [behind, error] = std::from_chars(parts[i].data(), end, numbers[i]);
    good = error == std::errc() && behind == end;
  }
  if (!good || numbers[0] > kMaxOffset) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", text, "\" is not what \"next\" of an answer to the same question gave"));
  }
  request.offset = numbers[0];
  request.scope.from_ns = numbers[1];
  request.scope.to_ns = numbers[2];
  return absl::OkStatus();
}

enum Parameter : uint8_t {
  kTask,
  kFrom,
  kTo,
  kSite,
  kProbe,
  kBy,
  kWhere,
  kOrder,
  kThreshold,
  kLimit,
  kBucket,
  kCursor
};
struct ParameterKind {
  const char* name;
  Setter set;
};
// In the order in which they are read, whatever that of the request: the cursor's times stand above from and to.
constexpr ParameterKind kParameters[] = {
    {"task", set_task},           {"from", set_from},   {"to", set_to},         {"site", set_site},
    {"probe", set_probe},         {"by", set_by},       {"where", set_where},   {"order", set_order},
    {"threshold", set_threshold}, {"limit", set_limit}, {"bucket", set_bucket}, {"cursor", set_cursor}};

constexpr Parameter kOfAggregate[] = {kTask,  kFrom,  kTo,    kSite,   kProbe, kBy,
                                      kWhere, kOrder, kLimit, kBucket, kCursor};
constexpr Parameter kOfRecords[] = {kTask, kFrom, kTo, kSite, kProbe, kWhere, kLimit, kCursor};
constexpr Parameter kOfTop[] = {kTask,  kFrom,      kTo,    kSite,   kProbe, kWhere,
                                kOrder, kThreshold, kLimit, kBucket, kCursor};
constexpr Parameter kOfBooks[] = {kFrom, kTo, kSite, kProbe};

struct QuestionKind {
  const char* path;
  std::span<const Parameter> parameters;
};
constexpr QuestionKind kQuestions[] = {{"aggregate", kOfAggregate},
                                       {"records", kOfRecords},
                                       {"top", kOfTop},
                                       {"tasks", kOfBooks},
                                       {"probes", kOfBooks}};  // by Question

std::string names_of(std::span<const Parameter> parameters) {
  return absl::StrJoin(parameters, ", ",
                       [](std::string* out, Parameter p) { out->append(kParameters[p].name); });
}

absl::Status check_names(const QuestionKind& kind, const QueryParameters& parameters) {
  std::set<std::string> seen;
  for (const auto& parameter : parameters) {
    const std::string& name = parameter.first;
    const bool known = std::any_of(kind.parameters.begin(), kind.parameters.end(),
                                   [&](Parameter p) { return name == kParameters[p].name; });
    if (!known && name == "by" && std::string(kind.path) == "top") {
      return wrong_parameter(name,
                             "top lists a task's own keys; ask aggregate for the sums of an exact task");
    }
    if (!known) {
      return wrong_parameter(
          name, absl::StrCat("is no parameter of ", kind.path, " (known: ", names_of(kind.parameters), ")"));
    }
    if (!seen.insert(name).second) return wrong_parameter(name, "is given twice");
    if (parameter.second.empty()) return wrong_parameter(name, "is empty; leave it out");
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status wrong_parameter(const std::string& name, const std::string& why) {
  return absl::InvalidArgumentError(absl::StrCat(name, ": ", why));
}

absl::Status wrong_parameter(const std::string& name, const absl::Status& why) {
  return wrong_parameter(name, std::string(why.message()));
}

absl::StatusOr<QueryRequest> parse_request(const std::string& path, const QueryParameters& parameters,
                                           uint64_t now_ns, const ApiLimits& limits) {
  const auto kind = std::find_if(std::begin(kQuestions), std::end(kQuestions),
                                 [&](const QuestionKind& q) { return path == q.path; });
  if (kind == std::end(kQuestions)) {
    return absl::NotFoundError(absl::StrCat(
        "\"", path, "\" is no question (known: ",
        absl::StrJoin(kQuestions, ", ", [](std::string* out, const auto& q) { out->append(q.path); }), ")"));
  }
  if (absl::Status status = check_names(*kind, parameters); !status.ok()) return status;
  QueryRequest request;
  request.question = static_cast<Question>(kind - std::begin(kQuestions));
  request.limit = limits.default_rows;
  const Context context{now_ns, limits};
  for (const ParameterKind& parameter : kParameters) {
    const auto given = std::find_if(parameters.begin(), parameters.end(),
                                    [&](const auto& p) { return p.first == parameter.name; });
    if (given == parameters.end()) continue;
    const absl::Status status = parameter.set(given->second, context, request);
    if (!status.ok()) return wrong_parameter(parameter.name, status);
  }
  if (request.scope.from_ns >= request.scope.to_ns) {
    return wrong_parameter("from", "must lie before to");
  }
  const bool about_task = kind->parameters.front() == kTask;
  if (about_task && request.task.empty()) {
    return wrong_parameter("task", "is missing; /api/v1/tasks lists the tasks");
  }
  return request;
}

std::string make_cursor(const QueryScope& scope, uint64_t passed) {
  return absl::StrCat(passed, "-", scope.from_ns, "-", scope.to_ns);
}

}  // namespace netspectra
