#include "health_message.h"

#include "absl/strings/str_cat.h"
#include "output/json_text.h"

namespace netspectra {
namespace {

void append_text(std::string& out, const char* name, const std::string& text) {
  absl::StrAppend(&out, ",\"", name, "\":");
  append_json_string(out, text);
}

void append_count(std::string& out, const char* name, uint64_t count) {
  absl::StrAppend(&out, ",\"", name, "\":", count);
}

void append_worker(std::string& out, const WorkerStatus& worker) {
  const WorkerStatus::Counts& last = worker.last;
  out += "{\"port\":";
  append_json_string(out, worker.port);
  append_count(out, "queue", worker.queue);
  absl::StrAppend(&out, ",\"cpu\":", worker.cpu);
  append_count(out, "rx_packets", last.rx_packets);
  append_count(out, "rx_bytes", last.rx_bytes);
  append_count(out, "ip_packets", last.ip_packets);
  append_count(out, "not_ip", last.not_ip);
  append_count(out, "malformed", last.malformed);
  append_count(out, "overflow_packets", last.overflow_packets);
  last.source.each_loss([&](const char* name, uint64_t packets) { append_count(out, name, packets); });
  append_count(out, "epoch_overruns", last.source.epoch_overruns);
  append_count(out, "busy_ns", last.source.busy_ns);
  append_count(out, "total_ns", last.source.total_ns);
  out += '}';
}

}  // namespace

std::string health_message(const ProbeStatus& status) {
  std::string out = "{\"type\":\"health\"";
  append_text(out, "site", status.site);
  append_text(out, "probe", status.probe);
  append_text(out, "version", status.version);
  append_count(out, "run", status.run);
  append_count(out, "period_ns", status.period_ns);
  append_count(out, "epoch_start_ns", status.last_epoch_start_ns);
  append_count(out, "epochs", status.epochs);
  out += ",\"workers\":[";
  for (const WorkerStatus& worker : status.workers) {
    if (&worker != &status.workers.front()) out += ',';
    append_worker(out, worker);
  }
  out += ']';
  append_count(out, "nats_queued", status.nats.queued);
  append_count(out, "nats_spooled", status.nats.spooled);
  append_count(out, "nats_dropped", status.nats.dropped);
  out += '}';
  return out;
}

}  // namespace netspectra
