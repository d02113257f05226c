// Events as they come: a line for each epoch and alert.
#include <algorithm>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "answer.h"
#include "base/units.h"
#include "common/report.h"
#include "common/signals.h"
#include "event_stream.h"
#include "output/wording.h"
#include "query.h"
#include "value_text.h"

namespace netspectra {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds kFirstPause{1};
constexpr std::chrono::seconds kLongestPause{30};

// Where an epoch's event says it all, whether something was lost.
std::string losses_text(const Json& epoch) {
  std::vector<std::string> lost;
  bool all_said = true;
  const auto add = [&](const char* name, const char* noun, const char* words) {
    const auto found = epoch.find(name);
    if (found == epoch.end() || !found->is_number_unsigned()) {
      all_said = false;
    } else if (*found != 0) {
      lost.push_back(absl::StrCat(counted(found->get<uint64_t>(), noun), " ", words));
    }
  };
  add("lost", "packet", "LOST");
  add("overflow_packets", "packet", "without a record");
  add("missing_snapshots", "snapshot", "MISSING");
  add("faults", "fault", "in what was handed over (the engine's log names them)");
  if (!lost.empty()) return absl::StrJoin(lost, ", ");
  return all_said ? "nothing lost" : "losses not known";
}

std::string epoch_line(const Json& epoch) {
  const uint64_t packets = number_in(epoch, "packets"), bytes = number_in(epoch, "bytes");
  const uint64_t period_ns = number_in(epoch, "period_ns"), amendment = number_in(epoch, "amendment");
  std::string line = absl::StrCat(short_time(number_in(epoch, "start_ns")), " ",
                                  printable(text_in(epoch, "site")), "/", printable(text_in(epoch, "probe")),
                                  amendment == 0 ? "" : absl::StrCat(" amendment ", amendment), ": ",
                                  counted(packets, "packet"), " (", human_bytes(bytes), ")");
  if (period_ns != 0) {
    const double period_s = static_cast<double>(period_ns) / 1e9;
    absl::StrAppend(&line, ", ", human_count(static_cast<uint64_t>(static_cast<double>(packets) / period_s)),
                    " packets/s, ", human_bits_per_second(static_cast<double>(bytes) * 8 / period_s));
  }
  return absl::StrCat(line, ", ", counted(number_in(epoch, "records"), "record"), ", ", losses_text(epoch),
                      "\n");
}

std::string alert_line(const Json& alert) {
  return absl::StrCat(short_time(number_in(alert, "since_ns")), " ALERT ", printable(text_in(alert, "state")),
                      " ", printable(text_in(alert, "severity")), ": ", printable(text_in(alert, "summary")),
                      "\n");
}

std::string event_line(const Event& event, const Json& data) {
  if (event.name == "epoch") return epoch_line(data);
  if (event.name == "alert") return alert_line(data);
  if (event.name == "missed") {
    return absl::StrCat("MISSED ", counted(number_in(data, "events"), "event"),
                        ": the connection is too slow\n");
  }
  return absl::StrCat(printable(event.name), " ", value_text(nullptr, data), "\n");
}

class Listener {
 public:
  explicit Listener(const QueryOptions& options) : options_(options) {}

  void on_event(const Event& event) {
    const absl::StatusOr<Json> data = parse_object(event.data);
    if (!data.ok() || !wanted(*data)) return;
    // A line each, whatever the data looks like: blanks between the tokens of JSON may be line breaks.
    std::string line = options_.format == QueryFormat::kTable
                           ? event_line(event, *data)
                           : absl::StrCat(harmless_json(Json{{"event", event.name}, {"data", *data}}.dump(
                                              -1, ' ', false, Json::error_handler_t::replace)),
                                          "\n");
    if (status_.ok()) status_ = write_out(line);
  }
  const absl::Status& status() const { return status_; }  // of the output

 private:
  // What is of no site or probe is for everybody.
  bool wanted(const Json& data) const {
    return std::all_of(options_.parameters.begin(), options_.parameters.end(), [&](const auto& p) {
      return !data.contains(p.first) || text_in(data, p.first.c_str()) == p.second;
    });
  }

  const QueryOptions& options_;
  absl::Status status_;
};

// False where it was stopped.
template <class Stopped>
bool wait_until(Clock::time_point end, const Stopped& stopped) {
  constexpr std::chrono::milliseconds kStep{50};
  while (Clock::now() < end) {
    if (stopped()) return false;
    std::this_thread::sleep_for(std::min<Clock::duration>(kStep, end - Clock::now()));
  }
  return true;
}

}  // namespace

absl::Status run_live(const QueryOptions& options, Client& client) {
  const InterruptFlag interrupt;
  const auto started = Clock::now();
  Listener listener(options);
  const auto stopped = [&] {
    const bool over =
        options.duration_ns != 0 && Clock::now() - started >= std::chrono::nanoseconds(options.duration_ns);
    return over || interrupt.raised() || !listener.status().ok();
  };

  bool connected = false;  // ever
  std::chrono::seconds pause = kFirstPause;
  while (true) {
    EventStream events([&](const Event& event) { listener.on_event(event); });
    const absl::Status status = client.stream(
        "/api/v1/live",
        [&](std::string_view bytes) {
          if (connected && pause != kFirstPause)
            report_error("connected again; what came meanwhile is not shown");
          connected = true;
          pause = kFirstPause;
          events.feed(bytes);
        },
        stopped);
    if (!listener.status().ok()) return listener.status();
    if (status.ok()) return status;
    // A server that was there will be back; one that never was, or that refuses, will not.
    if (!connected || !absl::IsUnavailable(status)) return status;
    report_error(absl::StrCat(std::string(status.message()), "; trying again in ", pause.count(), " s"));
    const auto again = Clock::now() + pause;
    pause = std::min(pause * 2, kLongestPause);
    if (!wait_until(again, stopped)) return absl::OkStatus();
  }
}

}  // namespace netspectra
