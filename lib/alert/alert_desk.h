// Alerts from rule to receiver: the engine of the rules, the courier, and the file that both survive in.
//
// Purpose: what ns-engine holds. on_epoch() after each epoch and amendment that was stored, tick() about every second
//   while epochs are taken, close() at the end.
// Order: what is to be told is saved first and posted then; what was delivered is taken out of the file a few seconds
//   later. A crash in between delivers a message twice, with the same id, and loses none.
// Threads: one; alerts() and counters() as well. Ownership: owns engine and courier.
// Errors: open(): those of AlertEngine::open(). Later: a state that cannot be saved is said once, and when it is over;
//   alerts go on. All lines go to `log`.
// Cost: that of AlertEngine; delivery costs the caller a lock.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "alert/alert_config.h"
#include "alert/alert_engine.h"
#include "alert/courier.h"
#include "merge/epoch_result.h"

namespace netspectra {

class AlertDesk {
 public:
  static constexpr uint64_t kSaveEveryNs = 5'000'000'000;
  static constexpr std::chrono::milliseconds kDeliverAtEnd{5000};

  static absl::StatusOr<std::unique_ptr<AlertDesk>> open(AlertConfig config, uint64_t now_ns,
                                                         Courier::Log log, Courier::Backoff backoff);
  static absl::StatusOr<std::unique_ptr<AlertDesk>> open(AlertConfig config, uint64_t now_ns,
                                                         Courier::Log log) {
    return open(std::move(config), now_ns, std::move(log), {});
  }

  // What there is to tell, for whoever shows it.
  std::vector<AlertEvent> on_epoch(const EpochResult& epoch, uint64_t now_ns);
  std::vector<AlertEvent> tick(uint64_t now_ns);
  // Delivers what it can in kDeliverAtEnd, and saves the rest.
  void close();

  std::vector<ActiveAlert> alerts() const { return engine_->alerts(); }
  std::vector<Courier::Counters> deliveries() const { return courier_.counters(); }
  const AlertEngine::Counters& counters() const { return engine_->counters(); }

 private:
  AlertDesk(std::unique_ptr<AlertEngine> engine, uint64_t now_ns, Courier::Log log, Courier::Backoff backoff);
  void tell(std::vector<AlertEvent> events, uint64_t now_ns);
  void save(const std::vector<AlertMessage>& unposted);
  void pass_notes();

  const Courier::Log log_;
  std::unique_ptr<AlertEngine> engine_;
  Courier courier_;
  uint64_t last_id_ = 0;
  uint64_t saved_ns_;
  uint64_t saved_settled_ = 0;  // Courier::settled() at the last save
  std::string trouble_;         // as it was told; "" = none
};

}  // namespace netspectra
