#include "subscribe.h"

#include <chrono>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "bus/subscriber.h"
#include "common/report.h"
#include "common/signals.h"
#include "output/sink.h"
#include "snapshot_printer.h"

namespace netspectra {
namespace {

constexpr std::chrono::milliseconds kLookEvery(200);

}  // namespace

int subscribe(const ProbeOptions& options) {
  absl::StatusOr<std::unique_ptr<Sink>> sink = Sink::open(options.output);
  if (!sink.ok()) {
    report_error(std::string(sink.status().message()));
    return kExitFailed;
  }
  std::unique_ptr<Subscriber> subscriber;
  {
    const BlockedSignals blocked;  // for nats.c's threads
    absl::StatusOr<std::unique_ptr<Subscriber>> opened = Subscriber::open(
        options.nats, absl::StrCat("netspectra.v1.", options.site, ".", options.probe_id, ".>"),
        options.from_start);
    if (!opened.ok()) {
      report_error(std::string(opened.status().message()));
      return kExitFailed;
    }
    subscriber = *std::move(opened);
  }
  const InterruptFlag interrupt;
  const auto began = std::chrono::steady_clock::now();
  const auto over = [&] {
    return options.duration_ns != 0 &&
           std::chrono::steady_clock::now() - began >= std::chrono::nanoseconds(options.duration_ns);
  };
  SnapshotPrinter printer(**sink);
  IncomingMessage message;
  while ((*sink)->ok() && !interrupt.raised() && !over()) {
    if (!subscriber->next(message, kLookEvery)) {
      (*sink)->flush();
    } else if (const absl::Status printed = printer.print(message.subject, message.bytes); !printed.ok()) {
      report_error(std::string(printed.message()));
    }
    for (const std::string& event : subscriber->take_events()) report_error(event);
  }
  const absl::Status closed = (*sink)->close();
  if (!closed.ok()) report_error(std::string(closed.message()));
  return closed.ok() ? kExitDone : kExitFailed;
}

}  // namespace netspectra
