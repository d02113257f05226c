#include "bus/plain_subscription.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace netspectra {
namespace {

constexpr int kLimitMessages = 1 << 20;
constexpr int kLimitBytes = 256 << 20;
constexpr int64_t kFlushMs = 2000;

}  // namespace

absl::Status PlainSubscription::start(NatsLink& link, const std::string& subject) {
  natsSubscription* made = nullptr;
  natsStatus status = natsConnection_SubscribeSync(&made, link.connection(), subject.c_str());
  link.own(made);
  if (status == NATS_OK) status = natsSubscription_SetPendingLimits(made, kLimitMessages, kLimitBytes);
  if (status == NATS_OK) status = natsConnection_FlushTimeout(link.connection(), kFlushMs);
  dropped_ = 0;
  if (status == NATS_OK) return absl::OkStatus();
  return absl::UnavailableError(
      absl::StrCat("NATS ", link.server(), ": subscription on ", subject, ": ", nats_error(status)));
}

NatsMessage PlainSubscription::next(const NatsLink& link, std::chrono::milliseconds limit) {
  natsMsg* received = nullptr;
  if (natsSubscription_NextMsg(&received, link.subscription(), limit.count()) != NATS_OK) return nullptr;
  return NatsMessage(received);
}

int64_t PlainSubscription::take_dropped(const NatsLink& link) {
  int64_t dropped = 0;
  if (natsSubscription_GetDropped(link.subscription(), &dropped) != NATS_OK) return 0;
  return dropped - std::exchange(dropped_, dropped);
}

}  // namespace netspectra
