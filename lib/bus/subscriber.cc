#include "bus/subscriber.h"

#include <algorithm>
#include <deque>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "bus/nats_link.h"
#include "bus/plain_subscription.h"

namespace netspectra {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;
using StreamInfo = std::unique_ptr<jsStreamInfo, NatsDelete<jsStreamInfo_Destroy>>;

constexpr int kBatch = 64;  // 32 MiB of the largest messages
constexpr milliseconds kRetryWait{200};
constexpr milliseconds kLongestFetch{1000};
constexpr int64_t kConsumerKeptNs = 60'000'000'000;  // by the server, when we are gone

class NatsSubscriber final : public Subscriber {
 public:
  NatsSubscriber(const NatsConfig& config, const std::string& subject) : config_(config), subject_(subject) {}

  absl::Status start(bool from_start) {
    absl::StatusOr<std::unique_ptr<NatsLink>> link = connect();
    if (!link.ok()) return link.status();
    link_ = *std::move(link);
    from_start_ = from_start;
    return subscribe();
  }

  bool next(IncomingMessage& message, milliseconds limit) override {
    const Clock::time_point deadline = Clock::now() + limit;
    while (true) {
      if (!fetched_.empty()) {
        hand_out(message);
        return true;
      }
      const auto left = std::chrono::ceil<milliseconds>(deadline - Clock::now());
      if (left <= milliseconds(0)) return false;
      if (ensure_subscribed()) {
        fetch(std::min(left, kLongestFetch));
      } else {
        std::this_thread::sleep_for(std::min(left, kRetryWait));
      }
    }
  }

  std::vector<std::string> take_events() override { return std::exchange(events_, {}); }

 private:
  absl::StatusOr<std::unique_ptr<NatsLink>> connect() const {
    const SignalsBlocked blocked;  // for the threads that are made here
    return NatsLink::connect(config_);
  }

  bool ensure_subscribed() {
    if (link_ && link_->is_closed()) {
      tell(absl::StrCat("NATS: connection to ", server_names(config_), " lost"));
      link_.reset();
    }
    if (!link_) {
      absl::StatusOr<std::unique_ptr<NatsLink>> link = connect();
      if (!link.ok()) {
        tell(std::string(link.status().message()));
        return false;
      }
      link_ = *std::move(link);
      tell(absl::StrCat("NATS: connected to ", link_->server()));
    }
    if (link_->subscription() != nullptr) return true;
    const absl::Status status = subscribe();
    if (!status.ok()) tell(std::string(status.message()));
    return status.ok();
  }

  // After a loss: from the message after the last one that was received.
  absl::Status subscribe() {
    if (config_.jetstream && !is_plain_) {
      jsStreamInfo* found = nullptr;
      jsErrCode error = static_cast<jsErrCode>(0);
      const natsStatus status =
          js_GetStreamInfo(&found, link_->jetstream(), config_.stream.c_str(), nullptr, &error);
      const StreamInfo info(found);
      if (status == NATS_OK) return subscribe_to_stream(info->State);
      if (was_in_stream_) return failure("stream", status);  // it may come back
      tell(absl::StrCat("NATS: warning: ", link_->server(), " has no stream ", config_.stream,
                        ": only what is published from now on is seen"));
    }
    return subscribe_plain();
  }

  absl::Status subscribe_to_stream(const jsStreamState& state) {
    if (!was_in_stream_)
      next_sequence_ = from_start_ ? std::max<uint64_t>(state.FirstSeq, 1) : state.LastSeq + 1;
    if (next_sequence_ > state.LastSeq + 1) {
      tell(absl::StrCat("NATS: stream ", config_.stream, " has started anew; read from its first message"));
      next_sequence_ = std::max<uint64_t>(state.FirstSeq, 1);
    }
    jsSubOptions options;
    jsSubOptions_Init(&options);
    options.Stream = config_.stream.c_str();
    options.Config.OptStartSeq = next_sequence_;
    options.Config.AckPolicy = js_AckNone;
    options.Config.MemoryStorage = true;
    options.Config.InactiveThreshold = kConsumerKeptNs;
    natsSubscription* made = nullptr;
    jsErrCode error = static_cast<jsErrCode>(0);
    const natsStatus status =
        js_PullSubscribe(&made, link_->jetstream(), subject_.c_str(), nullptr, nullptr, &options, &error);
    link_->own(made);
    if (status != NATS_OK) return failure("consumer", status);
    was_in_stream_ = true;
    next_delivery_ = 1;
    return absl::OkStatus();
  }

  absl::Status subscribe_plain() {
    is_plain_ = true;
    return plain_.start(*link_, subject_);
  }

  absl::Status failure(const char* what, natsStatus status) const {
    return absl::UnavailableError(
        absl::StrCat("NATS ", server_names(config_), ": ", what, " on ", subject_, ": ", nats_error(status)));
  }

  void fetch(milliseconds limit) {
    if (is_plain_) return fetch_plain(limit);
    natsMsgList list = {};
    jsErrCode error = static_cast<jsErrCode>(0);
    const natsStatus status =
        natsSubscription_Fetch(&list, link_->subscription(), kBatch, limit.count(), &error);
    bool in_order = status == NATS_OK || status == NATS_TIMEOUT;
    for (int i = 0; i < list.Count && in_order; ++i) {
      in_order = take(list.Msgs[i]);
      if (in_order) list.Msgs[i] = nullptr;
    }
    natsMsgList_Destroy(&list);
    // Gone with a restart of the server, or messages were lost on the way: another one, from where we are. That the
    // connection is lost is told with the next.
    if (!in_order && !link_->is_closed()) link_.reset();
  }

  bool take(natsMsg* message) {
    jsMsgMetaData* created = nullptr;
    if (natsMsg_GetMetaData(&created, message) != NATS_OK) return false;
    const std::unique_ptr<jsMsgMetaData, NatsDelete<jsMsgMetaData_Destroy>> meta(created);
    if (meta->Sequence.Consumer != next_delivery_) return false;
    ++next_delivery_;
    next_sequence_ = meta->Sequence.Stream + 1;
    fetched_.emplace_back(message);
    return true;
  }

  void fetch_plain(milliseconds limit) {
    if (NatsMessage received = plain_.next(*link_, limit)) fetched_.push_back(std::move(received));
    if (const int64_t dropped = plain_.take_dropped(*link_); dropped != 0) {
      events_.push_back(absl::StrCat("NATS: ", dropped, " messages came faster than they were read: lost"));
    }
  }

  void hand_out(IncomingMessage& message) {
    const NatsMessage received = std::move(fetched_.front());
    fetched_.pop_front();
    message.subject = natsMsg_GetSubject(received.get());
    const char* id = nullptr;
    message.id = natsMsgHeader_Get(received.get(), "Nats-Msg-Id", &id) == NATS_OK && id != nullptr ? id : "";
    const auto* data = reinterpret_cast<const uint8_t*>(natsMsg_GetData(received.get()));
    message.bytes.assign(data, data + natsMsg_GetDataLength(received.get()));
  }

  // The same trouble once, not with every attempt.
  void tell(std::string line) {
    if (line == last_told_) return;
    last_told_ = line;
    events_.push_back(std::move(line));
  }

  const NatsConfig config_;
  const std::string subject_;
  bool from_start_ = false;
  bool is_plain_ = false;
  bool was_in_stream_ = false;
  uint64_t next_sequence_ = 1;  // in the stream
  uint64_t next_delivery_ = 1;  // of this consumer
  std::unique_ptr<NatsLink> link_;
  PlainSubscription plain_;  // where there is no stream
  std::deque<NatsMessage> fetched_;
  std::vector<std::string> events_;
  std::string last_told_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Subscriber>> Subscriber::open(const NatsConfig& config,
                                                             const std::string& subject, bool from_start) {
  if (absl::Status status = check_nats_config(config); !status.ok()) return status;
  auto subscriber = std::make_unique<NatsSubscriber>(config, subject);
  if (absl::Status status = subscriber->start(from_start); !status.ok()) return status;
  return subscriber;
}

}  // namespace netspectra
