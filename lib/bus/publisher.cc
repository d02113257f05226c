#include "bus/publisher.h"

#include <utility>

#include "bus/backlog.h"
#include "bus/event_log.h"
#include "bus/nats_link.h"
#include "bus/sender.h"

namespace netspectra {
namespace {

class NatsPublisher final : public Publisher {
 public:
  explicit NatsPublisher(const NatsConfig& config)
      : backlog_(config.queue_limit_bytes, events_), sender_(config, backlog_, events_) {}
  ~NatsPublisher() override { (void)NatsPublisher::close(); }

  absl::Status start(const NatsConfig& config) {
    if (!config.spool.dir.empty()) {
      if (absl::Status status = backlog_.open_spool(config.spool); !status.ok()) return status;
    }
    return sender_.start();
  }

  void publish(const OutgoingMessage& message) override {
    if (!closed_) backlog_.add(message);
  }

  bool flush(std::chrono::milliseconds limit) override { return backlog_.wait_until_empty(limit); }

  absl::Status close() override {
    if (std::exchange(closed_, true)) return absl::OkStatus();
    sender_.stop();
    return backlog_.close();
  }

  PublisherStats stats() const override {
    PublisherStats stats;
    backlog_.fill(stats);
    stats.connected = sender_.connected();
    stats.published = sender_.published();
    stats.published_bytes = sender_.published_bytes();
    stats.retries = sender_.retries();
    return stats;
  }

  std::vector<std::string> take_events() override { return events_.take(); }

 private:
  EventLog events_;
  Backlog backlog_;
  Sender sender_;
  bool closed_ = false;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Publisher>> Publisher::open(const NatsConfig& config) {
  if (absl::Status status = check_nats_config(config); !status.ok()) return status;
  auto publisher = std::make_unique<NatsPublisher>(config);
  if (absl::Status status = publisher->start(config); !status.ok()) return status;
  return publisher;
}

}  // namespace netspectra
