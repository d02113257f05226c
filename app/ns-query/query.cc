#include "query.h"

#include <curl/curl.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "answer.h"
#include "base/units.h"
#include "common/report.h"
#include "ledger_text.h"
#include "output/wording.h"
#include "rows_text.h"
#include "value_text.h"

namespace netspectra {
namespace {

constexpr const char* kApi = "/api/v1/";

bool is_about_task(const std::string& command) {
  return command == "top" || command == "aggregate" || command == "records";
}

std::string parameter(const QueryOptions& options, const char* name) {
  for (const auto& [known, value] : options.parameters) {
    if (known == name) return value;
  }
  return "";
}

// Where and when, without what.
Parameters scope_of(const QueryOptions& options) {
  Parameters scope = options.parameters;
  std::erase_if(scope, [](const auto& p) {
    return p.first != "from" && p.first != "to" && p.first != "site" && p.first != "probe";
  });
  return scope;
}

// Of those that have something there and then.
absl::StatusOr<std::string> first_exact_task(const QueryOptions& options, Client& client) {
  const Parameters scope = scope_of(options);
  const auto body = client.get(absl::StrCat(kApi, "tasks"), scope);
  if (!body.ok()) return body.status();
  const auto answer = parse_answer(*body);
  if (!answer.ok()) return answer.status();
  for (const Json& task : (*answer)["rows"]) {
    if (text_in(task, "kind") == "exact") return text_in(task, "name");
  }
  return absl::NotFoundError(
      answer->at("rows").empty()
          ? (scope.empty() ? "nothing is stored yet: there is no task to ask about"
                           : "nothing is stored in this time and place: there is no task to ask about")
          : "no exact task is stored; name one of those that ns-query tasks lists (--task)");
}

// "per_five_tuple: 10 rows": what the table is about.
std::string title(const QueryOptions& options, size_t rows, bool more) {
  const std::string task = parameter(options, "task");
  return absl::StrCat(options.command, task.empty() ? "" : absl::StrCat(" of ", printable(task)), ": ",
                      rows == 0 ? "no rows" : counted(rows, "row"),
                      more ? ", and there are more (--all, or a higher --limit)" : "", "\n");
}

// How exact the estimates are, and from which value on keys are listed; with buckets, one for each.
std::string estimates_text(const Json& answer) {
  const auto estimates = answer.find("estimates");
  if (estimates == answer.end() || !estimates->is_array() || estimates->empty()) return "";
  double largest = 0;
  uint64_t threshold = 0;
  for (const Json& estimate : *estimates) {
    if (!estimate.is_object()) continue;
    const auto error = estimate.find("standard_error");
    if (error != estimate.end() && error->is_number()) largest = std::max(largest, error->get<double>());
    threshold = std::max(threshold, number_in(estimate, "threshold"));
  }
  return absl::StrCat(
      "  ", threshold == 0 ? "" : absl::StrCat("Listed from ", format_count(threshold), " on. "),
      largest == 0 ? "No standard error: values are exact, or are too high by what stands beside them.\n"
                   : absl::StrCat("Estimated, standard error +-", percent_of_error(largest),
                                  "; \"at least\" and \"at most\" are two of it away (95 % of cases).\n"));
}

// Alerts are not about a time, so they have no ledger. What was never stored is in no ledger: the probes' rows tell.
absl::StatusOr<std::string> ledger_of(const QueryOptions& options, Client& client, const Json& answer,
                                      const Json& rows) {
  if (options.command == "alerts") return std::string();
  Gaps gaps = gaps_of(rows);  // of probes; other rows have none
  if (options.command != "probes") {
    const auto body = client.get(absl::StrCat(kApi, "probes"), scope_of(options));
    if (!body.ok()) return body.status();
    const auto probes = parse_answer(*body);
    if (!probes.ok()) return probes.status();
    gaps = gaps_of((*probes)["rows"]);
  }
  return absl::StrCat("\n", ledger_text(answer.contains("ledger") ? answer["ledger"] : Json(), gaps));
}

absl::Status ask(const QueryOptions& options, Client& client) {
  Parameters parameters = options.parameters;
  Json rows = Json::array();
  while (true) {
    auto body = client.get(absl::StrCat(kApi, options.command), parameters);
    if (!body.ok()) return body.status();
    auto answer = parse_answer(*body);
    if (!answer.ok()) return answer.status();
    const std::string next = text_in(*answer, "next");
    const bool more = !next.empty();
    if (options.format == QueryFormat::kJson) {
      std::string text = harmless_json(*body);
      if (!text.ends_with('\n')) text += '\n';
      if (absl::Status status = write_out(text); !status.ok()) return status;
    } else {
      for (Json& row : (*answer)["rows"]) rows.push_back(std::move(row));
    }
    if (more && options.all) {
      if (!parameters.empty() && parameters.back() == std::pair<std::string, std::string>("cursor", next)) {
        return absl::InternalError("the server gives the same page again and again");
      }
      std::erase_if(parameters, [](const auto& p) { return p.first == "cursor"; });
      parameters.emplace_back("cursor", next);
      continue;
    }
    if (options.format == QueryFormat::kJson) return absl::OkStatus();
    const auto ledger = ledger_of(options, client, *answer, rows);
    if (!ledger.ok()) return ledger.status();
    return write_out(
        absl::StrCat(title(options, rows.size(), more), rows_text(rows), estimates_text(*answer), *ledger));
  }
}

absl::Status run(QueryOptions options) {
  Client client(options);
  if (options.command == "live") return run_live(options, client);
  if (is_about_task(options.command) && parameter(options, "task").empty()) {
    auto task = first_exact_task(options, client);
    if (!task.ok()) return task.status();
    options.parameters.emplace_back("task", *std::move(task));
  }
  return ask(options, client);
}

}  // namespace

absl::Status write_out(const std::string& text) {
  const bool written =
      std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0;
  return written ? absl::OkStatus()
                 : absl::InternalError(absl::StrCat("standard output: ", std::strerror(errno)));
}

int run_query(const QueryOptions& options) {
  curl_global_init(CURL_GLOBAL_DEFAULT);
  const absl::Status status = run(options);
  curl_global_cleanup();
  if (status.ok()) return kExitDone;
  report_error(std::string(status.message()));
  return kExitFailed;
}

}  // namespace netspectra
