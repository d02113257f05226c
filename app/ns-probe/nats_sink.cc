#include "nats_sink.h"

#include <time.h>

#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "health_message.h"

namespace netspectra {
namespace {

constexpr std::chrono::seconds kFlushLimit(10);

uint64_t thread_cpu_ns() {
  timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
}

}  // namespace

NatsSink::NatsSink(const ProbeOptions& options, uint64_t run, std::vector<Place> places, Publisher& publisher)
    : options_(options), run_(run), places_(std::move(places)), publisher_(publisher) {}

void NatsSink::part(EpochPart part) {
  const uint64_t began_ns = thread_cpu_ns();
  const Place& place = places_[part.worker];
  SnapshotHeader header;
  header.site = options_.site;
  header.probe = options_.probe_id;
  header.run = run_;
  header.epoch_start_ns = part.start_ns;
  header.epoch_end_ns = part.end_ns;
  header.period_ns = options_.period_ns;
  header.worker = part.worker;
  header.workers = static_cast<uint32_t>(places_.size());
  header.port = place.port;
  header.queue = place.queue;
  header.ledger = part.ledger;
  header.source = part.source;
  const std::string subject =
      absl::StrCat("netspectra.v1.", options_.site, ".", options_.probe_id, ".snapshot.");
  const absl::Status encoded = encode_part(header, *part.plan, part, [&](const EncodedChunk& chunk) {
    publisher_.publish({.subject = subject + chunk.task,
                        .id = absl::StrCat(options_.probe_id, "/", run_, "/", part.start_ns, "/", chunk.task,
                                           "/", part.worker, "/", chunk.chunk),
                        .epoch_ns = part.start_ns,
                        .bytes = chunk.bytes});
  });
  if (!encoded.ok()) {
    whole_ = false;
    events_.push_back(
        absl::StrCat("worker ", part.worker, ", epoch ", part.start_ns, ": ", encoded.message()));
  }
  for (const TaskPart& task : part.measured) records_ += task.records.size();
  cpu_ns_ += thread_cpu_ns() - began_ns;
}

void NatsSink::period(const ProbeStatus& status) {
  const std::string text = health_message(status);
  publisher_.publish(
      {.subject = absl::StrCat("netspectra.v1.", options_.site, ".", options_.probe_id, ".health"),
       .id = absl::StrCat(options_.probe_id, "/", run_, "/", status.last_epoch_start_ns, "/health"),
       .epoch_ns = status.last_epoch_start_ns,
       .bytes = {reinterpret_cast<const uint8_t*>(text.data()), text.size()}});
}

std::vector<std::string> NatsSink::take_events() {
  std::vector<std::string> events = std::exchange(events_, {});
  for (std::string& event : publisher_.take_events()) events.push_back(std::move(event));
  return events;
}

bool NatsSink::close() {
  const bool flushed = publisher_.flush(kFlushLimit);
  const absl::Status closed = publisher_.close();
  const PublisherStats stats = publisher_.stats();
  events_ = take_events();
  if (!flushed && stats.spooled != 0) {
    events_.push_back(absl::StrCat("NATS has not acknowledged everything within ", kFlushLimit.count(),
                                   " s: ", stats.spooled, " messages wait in the spool for the next start"));
  }
  if (!closed.ok()) events_.push_back(std::string(closed.message()));
  return whole_ && closed.ok() && stats.dropped == 0;
}

}  // namespace netspectra
