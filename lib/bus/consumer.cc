#include "bus/consumer.h"

#include <algorithm>
#include <deque>
#include <map>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "bus/nats_link.h"
#include "bus/plain_subscription.h"
#include "bus/stream.h"

namespace netspectra {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;
using ConsumerInfo = std::unique_ptr<jsConsumerInfo, NatsDelete<jsConsumerInfo_Destroy>>;

constexpr int kBatch = 64;  // 32 MiB of the largest messages
constexpr milliseconds kRetryWait{200};
constexpr milliseconds kLongestFetch{1000};
constexpr milliseconds kLookAfter{2000};
constexpr int kHoldsPerWait = 10;  // looks, that is: each message is held every third of the wait
constexpr int64_t kCloseWaitMs = 2000;
// The engine's own limit on memory is met long before.
constexpr int64_t kMaxUnacknowledged = 1 << 20;

constexpr char kAcknowledge[] = "+ACK";
constexpr char kGiveBack[] = "-NAK";
constexpr char kStillWanted[] = "+WPI";

class NatsConsumer final : public Consumer {
 public:
  NatsConsumer(const NatsConfig& nats, const ConsumerConfig& config) : nats_(nats), config_(config) {}

  absl::Status start() {
    absl::Status status = connect();
    if (absl::IsUnavailable(status)) {
      tell(std::string(status.message()));
      return absl::OkStatus();
    }
    return status;
  }

  bool next(DeliveredMessage& message, milliseconds limit) override {
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

  void acknowledge(uint64_t ticket) override {
    const auto at = unacknowledged_.find(ticket);
    if (at == unacknowledged_.end()) return;
    // Lost with the connection, the message comes again, and is known as a repeat.
    answer(at->second.reply, kAcknowledge);
    unacknowledged_.erase(at);
  }

  void hold() override {
    const Clock::time_point now = Clock::now();
    if (now - last_hold_ < config_.ack_wait / kHoldsPerWait) return;
    last_hold_ = now;
    for (auto& [ticket, message] : unacknowledged_) {
      if (now - message.held < config_.ack_wait / 3) continue;
      message.held = now;
      answer(message.reply, kStillWanted);
    }
  }

  void close() override {
    for (const NatsMessage& message : fetched_) {
      if (const char* reply = natsMsg_GetReply(message.get()); !is_plain_ && reply != nullptr) {
        answer(reply, kGiveBack);
      }
    }
    fetched_.clear();
    for (const auto& [ticket, message] : unacknowledged_) answer(message.reply, kGiveBack);
    unacknowledged_.clear();
    if (link_) natsConnection_FlushTimeout(link_->connection(), kCloseWaitMs);
    link_.reset();
  }

  bool redelivers() const override { return !is_plain_; }
  bool connected() const override { return link_ && !link_->is_closed() && link_->subscription() != nullptr; }
  std::vector<std::string> take_events() override { return std::exchange(events_, {}); }

 private:
  struct Unacknowledged {
    std::string reply;
    Clock::time_point held;
  };

  absl::Status connect() {
    const SignalsBlocked blocked;  // for the threads that are made here
    absl::StatusOr<std::unique_ptr<NatsLink>> link = NatsLink::connect(nats_);
    if (!link.ok()) return link.status();
    link_ = *std::move(link);
    tell(absl::StrCat("NATS: connected to ", link_->server()));
    return absl::OkStatus();
  }

  bool ensure_subscribed() {
    if (link_ && link_->is_closed()) {
      tell(absl::StrCat("NATS: connection to ", server_names(nats_), " lost"));
      link_.reset();
    }
    absl::Status status;
    if (!link_) status = connect();
    if (status.ok() && link_->subscription() == nullptr) status = subscribe();
    if (!status.ok()) tell(std::string(status.message()));
    return status.ok();
  }

  absl::Status subscribe() {
    if (is_plain_ || !nats_.jetstream) return subscribe_plain();
    const StreamCheck stream = find_or_make_stream(*link_, nats_);
    if (stream.state == StreamState::kNotReady) return absl::UnavailableError(stream.note);
    if (stream.state == StreamState::kNoJetStream) {
      tell(absl::StrCat("NATS: warning: ", link_->server(),
                        " has no JetStream: what is published while nobody listens is lost"));
      return subscribe_plain();
    }
    if (!stream.note.empty()) tell(stream.note);
    return subscribe_to_stream();
  }

  // The consumer is made by name, or found and brought to these settings; then it is bound to, so that it stays when
  // the subscription goes.
  absl::Status subscribe_to_stream() {
    jsConsumerConfig wanted;
    jsConsumerConfig_Init(&wanted);
    wanted.Durable = config_.name.c_str();
    wanted.FilterSubject = config_.subject.c_str();
    wanted.AckPolicy = js_AckExplicit;
    wanted.AckWait = config_.ack_wait.count();
    wanted.MaxAckPending = kMaxUnacknowledged;
    jsConsumerInfo* made = nullptr;
    jsErrCode error = static_cast<jsErrCode>(0);
    natsStatus status =
        js_AddConsumer(&made, link_->jetstream(), nats_.stream.c_str(), &wanted, nullptr, &error);
    const ConsumerInfo info(made);
    if (status != NATS_OK) return failure(absl::StrCat("consumer ", config_.name), status);
    // Another one of the same name counts anew: what was delivered by the former cannot be acknowledged to it.
    if (info->Created != created_) unacknowledged_.clear();
    created_ = info->Created;
    jsSubOptions options;
    jsSubOptions_Init(&options);
    options.Stream = nats_.stream.c_str();
    options.Consumer = config_.name.c_str();
    natsSubscription* subscribed = nullptr;
    status = js_PullSubscribe(&subscribed, link_->jetstream(), config_.subject.c_str(), nullptr, nullptr,
                              &options, &error);
    link_->own(subscribed);
    return status == NATS_OK ? absl::OkStatus() : failure(absl::StrCat("consumer ", config_.name), status);
  }

  absl::Status subscribe_plain() {
    is_plain_ = true;
    return plain_.start(*link_, config_.subject);
  }

  absl::Status failure(const std::string& what, natsStatus status) const {
    return absl::UnavailableError(absl::StrCat("NATS ", server_names(nats_), ": ", what, " on ",
                                               config_.subject, ": ", nats_error(status)));
  }

  void fetch(milliseconds limit) {
    if (is_plain_) return fetch_plain(limit);
    natsMsgList list = {};
    jsErrCode error = static_cast<jsErrCode>(0);
    const natsStatus status =
        natsSubscription_Fetch(&list, link_->subscription(), kBatch, limit.count(), &error);
    for (int i = 0; i < list.Count; ++i) fetched_.emplace_back(std::exchange(list.Msgs[i], nullptr));
    const bool got_none = list.Count == 0;
    natsMsgList_Destroy(&list);
    if (!got_none) heard_ = Clock::now();
    if (status == NATS_OK || (status == NATS_TIMEOUT && is_there())) return;
    // Gone with a restart of the server, or deleted: another one. That the connection is lost is told with the next.
    if (!link_->is_closed()) link_.reset();
    if (got_none) std::this_thread::sleep_for(std::min(limit, kRetryWait));
  }

  // Of a consumer that was deleted, or its stream, nothing is heard any more.
  bool is_there() {
    const Clock::time_point now = Clock::now();
    if (now - heard_ < kLookAfter) return true;
    heard_ = now;
    jsConsumerInfo* found = nullptr;
    jsErrCode error = static_cast<jsErrCode>(0);
    const natsStatus status = js_GetConsumerInfo(&found, link_->jetstream(), nats_.stream.c_str(),
                                                 config_.name.c_str(), nullptr, &error);
    const ConsumerInfo info(found);
    return status != NATS_NOT_FOUND;
  }

  void fetch_plain(milliseconds limit) {
    if (NatsMessage received = plain_.next(*link_, limit)) fetched_.push_back(std::move(received));
    if (const int64_t dropped = plain_.take_dropped(*link_); dropped != 0) {
      events_.push_back(absl::StrCat("NATS: ", dropped, " messages came faster than they were taken: lost"));
    }
  }

  void hand_out(DeliveredMessage& message) {
    const NatsMessage received = std::move(fetched_.front());
    fetched_.pop_front();
    message.subject = natsMsg_GetSubject(received.get());
    const auto* data = reinterpret_cast<const uint8_t*>(natsMsg_GetData(received.get()));
    message.bytes.assign(data, data + natsMsg_GetDataLength(received.get()));
    message.ticket = ++last_ticket_;
    const char* reply = natsMsg_GetReply(received.get());
    if (!is_plain_ && reply != nullptr) unacknowledged_[message.ticket] = {reply, Clock::now()};
  }

  void answer(const std::string& reply, const char* what) {
    if (link_) natsConnection_PublishString(link_->connection(), reply.c_str(), what);
  }

  // The same trouble once, not with every attempt.
  void tell(std::string line) {
    if (line == last_told_) return;
    last_told_ = line;
    events_.push_back(std::move(line));
  }

  const NatsConfig nats_;
  const ConsumerConfig config_;
  bool is_plain_ = false;
  int64_t created_ = 0;  // the consumer, by the server
  Clock::time_point heard_;
  Clock::time_point last_hold_;
  uint64_t last_ticket_ = 0;
  std::unique_ptr<NatsLink> link_;
  PlainSubscription plain_;  // where there is no stream
  std::deque<NatsMessage> fetched_;
  std::map<uint64_t, Unacknowledged> unacknowledged_;  // by ticket
  std::vector<std::string> events_;
  std::string last_told_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Consumer>> Consumer::open(const NatsConfig& nats,
                                                         const ConsumerConfig& config) {
  if (absl::Status status = check_nats_config(nats); !status.ok()) return status;
  auto consumer = std::make_unique<NatsConsumer>(nats, config);
  if (absl::Status status = consumer->start(); !status.ok()) return status;
  return consumer;
}

}  // namespace netspectra
