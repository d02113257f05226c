#include "alert/alert_desk.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace netspectra {

absl::StatusOr<std::unique_ptr<AlertDesk>> AlertDesk::open(AlertConfig config, uint64_t now_ns,
                                                           Courier::Log log, Courier::Backoff backoff) {
  absl::StatusOr<std::unique_ptr<AlertEngine>> engine = AlertEngine::open(std::move(config), now_ns);
  if (!engine.ok()) return engine.status();
  return std::unique_ptr<AlertDesk>(new AlertDesk(*std::move(engine), now_ns, std::move(log), backoff));
}

AlertDesk::AlertDesk(std::unique_ptr<AlertEngine> engine, uint64_t now_ns, Courier::Log log,
                     Courier::Backoff backoff)
    : log_(std::move(log)),
      engine_(std::move(engine)),
      courier_(engine_->config().receivers, log_, backoff),
      saved_ns_(now_ns) {
  courier_.post(engine_->take_undelivered());
  pass_notes();
}

std::vector<AlertEvent> AlertDesk::on_epoch(const EpochResult& epoch, uint64_t now_ns) {
  std::vector<AlertEvent> events = engine_->on_epoch(epoch, now_ns);
  tell(events, now_ns);
  return events;
}

std::vector<AlertEvent> AlertDesk::tick(uint64_t now_ns) {
  std::vector<AlertEvent> events = engine_->tick(now_ns);
  tell(events, now_ns);
  const bool due = now_ns < saved_ns_ || now_ns - saved_ns_ >= kSaveEveryNs;
  if (due && (engine_->changed() || courier_.settled() != saved_settled_)) {
    saved_ns_ = now_ns;
    save({});
  }
  pass_notes();
  return events;
}

void AlertDesk::tell(std::vector<AlertEvent> events, uint64_t now_ns) {
  if (events.empty()) return;
  std::vector<AlertMessage> messages = make_messages(std::move(events), now_ns, last_id_);
  save(messages);
  courier_.post(std::move(messages));
}

void AlertDesk::save(const std::vector<AlertMessage>& unposted) {
  saved_settled_ = courier_.settled();  // first: what is delivered from now on is a change to what is saved
  std::vector<AlertMessage> undelivered = courier_.undelivered();
  undelivered.insert(undelivered.end(), unposted.begin(), unposted.end());
  const absl::Status status = engine_->save(undelivered);
  const std::string trouble(status.message());
  if (trouble == trouble_) return;
  trouble_ = trouble;
  log_(status.ok()
           ? "alerts: the state is saved again"
           : absl::StrCat("alerts: the state cannot be saved (", trouble, "): a restart would not know it"));
}

void AlertDesk::close() {
  courier_.stop(kDeliverAtEnd);
  save({});
  pass_notes();
  const size_t left = courier_.undelivered().size();
  if (left != 0)
    log_(absl::StrCat("alerts: ", left, " messages are undelivered; they are tried again at the next start"));
}

void AlertDesk::pass_notes() {
  for (const std::string& note : engine_->take_notes()) log_(note);
  for (const std::string& note : courier_.take_notes()) log_(note);
}

}  // namespace netspectra
