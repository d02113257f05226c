// One connection to NATS, from the configuration, and its one subscription; when it breaks, a new one is made.
//
// Purpose: nats.c's own reconnection is off: it would send what its buffer holds besides what we repeat, give
//   up after the second refused login, and make threads at moments of its own. Here the owner's thread
//   connects, and nats.c's threads are children of that thread: with its CPU affinity and signal mask.
// Errors of connect(): InvalidArgument: configuration; PermissionDenied: the login is refused;
//   FailedPrecondition: TLS;
//   Unavailable: everything else, worth another attempt. Messages name the servers and never a secret.
// Ownership: owns connection and subscription. The connection is closed first: a message for a subscription that is
//   destroyed, which nats.c 3.4 is just receiving, would go to freed memory (mended in 3.6.1).
// Threads: one at a time. Cost: connect() takes at most 2 s per server.
#pragma once

#include <nats/nats.h>

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "bus/nats_config.h"

namespace netspectra {

// Releases of nats.c's objects, for std::unique_ptr.
template <auto kDestroy>
struct NatsDelete {
  template <typename T>
  void operator()(T* object) const {
    kDestroy(object);
  }
};
using NatsMessage = std::unique_ptr<natsMsg, NatsDelete<natsMsg_Destroy>>;

// While it lives, the thread that made it takes no signals, and threads that it makes never do.
class SignalsBlocked {
 public:
  SignalsBlocked();
  ~SignalsBlocked();
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;

 private:
  sigset_t before_;
};

absl::Status check_nats_config(const NatsConfig& config);
std::string server_names(const NatsConfig& config);  // "nats://a:4222, nats://b:4222", without logins
std::string nats_error(natsStatus status);           // of the last call of this thread

class NatsLink {
 public:
  static absl::StatusOr<std::unique_ptr<NatsLink>> connect(const NatsConfig& config);
  // Sends what is still to be sent, within half a second, and ends nats.c's threads.
  ~NatsLink() { natsConnection_Close(connection_.get()); }

  // REQUIRED: there is none yet. `made` by a call of nats.c on this connection; null where that failed.
  void own(natsSubscription* made) { subscription_.reset(made); }
  natsSubscription* subscription() const { return subscription_.get(); }  // null: none

  natsConnection* connection() const { return connection_.get(); }
  jsCtx* jetstream() const { return jetstream_.get(); }
  bool is_closed() const { return natsConnection_IsClosed(connection_.get()); }
  std::string server() const;  // that it is connected to
  std::string last_error() const;

 private:
  NatsLink() = default;
  std::unique_ptr<natsConnection, NatsDelete<natsConnection_Destroy>> connection_;
  std::unique_ptr<jsCtx, NatsDelete<jsCtx_Destroy>> jetstream_;
  std::unique_ptr<natsSubscription, NatsDelete<natsSubscription_Destroy>> subscription_;
};

}  // namespace netspectra
