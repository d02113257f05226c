#include "bus/sender.h"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "bus/stream.h"

namespace netspectra {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kFirstConnectWait{100};
constexpr milliseconds kLongestConnectWait{2000};
constexpr milliseconds kStreamWait{500};
constexpr milliseconds kAckWait{5000};
constexpr milliseconds kErrorWait{1000};
constexpr milliseconds kCheckInterval{250};  // of overdue answers and of files to be synced
constexpr milliseconds kIdleWait{
    200};  // how late a broken connection is noticed while there is nothing to send
constexpr int64_t kAnswerWaitMs = 5;  // how late a new message is noticed while others wait for their answers
constexpr milliseconds kTroubleInterval{60'000};  // the same line at most this often
constexpr int64_t kPingWaitMs = 5000;

// The answers are {"stream":"S","seq":1} or {"error":{"code":..,"description":"..."},...}.
std::string error_in(std::string_view answer) {
  if (answer.find("\"error\"") == std::string_view::npos &&
      answer.find("\"stream\"") != std::string_view::npos)
    return "";
  constexpr std::string_view kDescription = "\"description\":\"";
  const size_t at = answer.find(kDescription);
  if (at == std::string_view::npos) return "an answer that is no acknowledgement";
  const std::string_view text = answer.substr(at + kDescription.size());
  return std::string(text.substr(0, text.find('"')));
}

}  // namespace

Sender::Sender(const NatsConfig& config, Backlog& backlog, EventLog& events)
    : config_(config), backlog_(backlog), events_(events), connect_wait_(kFirstConnectWait) {}

Sender::~Sender() { stop(); }

absl::Status Sender::start() {
  std::promise<absl::Status> first_attempt;
  std::future<absl::Status> outcome = first_attempt.get_future();
  {
    const SignalsBlocked blocked;
    thread_ = std::thread(&Sender::run, this, std::move(first_attempt));
  }
  const absl::Status status = outcome.get();
  if (status.ok() || absl::IsUnavailable(status)) return absl::OkStatus();
  stop();
  return status;
}

void Sender::stop() {
  if (!thread_.joinable()) return;
  stopping_ = true;
  backlog_.end_waiting();
  thread_.join();
  connected_ = false;
  for (auto at = window_.rbegin(); at != window_.rend(); ++at)
    backlog_.put_back(std::move(at->second.message));
  window_.clear();
}

void Sender::run(std::promise<absl::Status> first_attempt) {
  const natsStatus opened = nats_Open(-1);
  if (opened != NATS_OK) {
    first_attempt.set_value(absl::InternalError(absl::StrCat("NATS: ", nats_error(opened))));
    return;
  }
  absl::StatusOr<std::unique_ptr<NatsLink>> link = NatsLink::connect(config_);
  if (link.ok()) {
    use(*std::move(link));
  } else if (absl::IsUnavailable(link.status())) {
    tell_trouble(absl::StrCat(std::string(link.status().message()), "; retried until it can"));
  }
  first_attempt.set_value(link.status());
  while (!stopping_) step();
  if (link_) collect_answers();  // those that are here already
  link_.reset();
  nats_ReleaseThreadMemory();
}

void Sender::step() {
  if (Clock::now() >= next_check_) {
    next_check_ = Clock::now() + kCheckInterval;
    check_overdue();
  }
  sync_settled();
  forget_given_up();
  if (link_ && link_->is_closed()) lose_link();
  if (!link_) {
    connect();
    return;
  }
  if (config_.jetstream && !stream_ready_) look_for_stream();
  if (!link_ || (config_.jetstream && !stream_ready_)) return;
  fill_window();
  if (window_.empty()) {
    backlog_.wait_for_work(kIdleWait);
    return;
  }
  send_due();
  if (!link_) return;  // it broke while it was sent on
  if (uses_jetstream()) {
    collect_answers();
  } else {
    confirm_by_ping();
  }
}

void Sender::sync_settled() {
  if (Clock::now() < next_sync_) return;
  next_sync_ = Clock::now() + kCheckInterval;
  backlog_.sync_settled();
}

// Files of past epochs do not wait for NATS.
void Sender::pause(milliseconds limit) {
  const Clock::time_point end = Clock::now() + limit;
  for (auto now = Clock::now(); now < end && !stopping_; now = Clock::now()) {
    backlog_.pause(std::min(std::chrono::ceil<milliseconds>(end - now), kCheckInterval));
    sync_settled();
  }
}

void Sender::connect() {
  absl::StatusOr<std::unique_ptr<NatsLink>> link = NatsLink::connect(config_);
  if (link.ok()) {
    use(*std::move(link));
    if (link_) return;
  } else {
    tell_trouble(absl::StrCat(std::string(link.status().message()), "; retried until it can"));
  }
  pause(connect_wait_);
  connect_wait_ = std::min(connect_wait_ * 2, kLongestConnectWait);
}

void Sender::use(std::unique_ptr<NatsLink> link) {
  natsInbox* created = nullptr;
  natsStatus status = natsInbox_Create(&created);
  const std::unique_ptr<natsInbox, NatsDelete<natsInbox_Destroy>> inbox(created);
  natsSubscription* answers = nullptr;
  if (status == NATS_OK) {
    inbox_ = absl::StrCat(created, ".");
    status = natsConnection_SubscribeSync(&answers, link->connection(), (inbox_ + "*").c_str());
  }
  link->own(answers);
  if (status != NATS_OK) return tell_trouble(absl::StrCat("NATS: ", nats_error(status)));
  link_ = std::move(link);
  events_.add(absl::StrCat("NATS: connected to ", link_->server()));
  connect_wait_ = kFirstConnectWait;
  trouble_.clear();
  stream_ready_ = false;
  connected_ = true;
}

void Sender::lose_link() {
  const std::string reason = link_->last_error();
  events_.add(absl::StrCat("NATS: connection to ", server_names(config_), " lost", reason.empty() ? "" : ": ",
                           reason, "; messages wait ",
                           config_.spool.dir.empty() ? "in memory" : "in the spool"));
  link_.reset();
  connected_ = false;
  send_all_again(milliseconds(0));
  next_send_ = Clock::time_point();  // also for what the lost connection did not take
  pause(kFirstConnectWait);          // a server that takes us and drops us at once is not asked in a circle
}

void Sender::look_for_stream() {
  const StreamCheck check = find_or_make_stream(*link_, config_);
  if (check.state == StreamState::kReady || (check.state == StreamState::kNoJetStream && !jetstream_seen_)) {
    const bool plain = check.state == StreamState::kNoJetStream;
    if (!check.note.empty() && notes_told_.insert(check.note).second) events_.add(check.note);
    if (plain && !plain_) {
      events_.add(absl::StrCat("NATS: warning: ", link_->server(),
                               " has no JetStream: messages are published once, and ",
                               "only those who listen at that moment get them"));
    }
    plain_ = plain;
    jetstream_seen_ |= !plain;
    stream_ready_ = true;
    return;
  }
  // A server that had JetStream: better late than published to nobody.
  tell_trouble(check.note.empty() ? "NATS: JetStream does not answer; messages wait"
                                  : absl::StrCat(check.note, "; messages wait"));
  pause(kStreamWait);
}

void Sender::fill_window() {
  while (window_.size() < kWindowMessages && window_bytes_ < kWindowBytes) {
    InFlight entry;
    if (!backlog_.take(entry.message)) return;
    window_bytes_ += entry.message.bytes.size();
    entry.due = next_send_ = Clock::time_point();
    window_.emplace(next_number_++, std::move(entry));
  }
}

void Sender::forget_given_up() {
  const uint64_t given_up = backlog_.dropped_epochs();
  if (given_up == given_up_seen_) return;
  given_up_seen_ = given_up;
  for (auto at = window_.begin(); at != window_.end();) {
    if (backlog_.is_wanted(at->second.message)) {
      ++at;
      continue;
    }
    window_bytes_ -= at->second.message.bytes.size();
    at = window_.erase(at);
  }
}

void Sender::send_due() {
  const Clock::time_point now = Clock::now();
  if (now < next_send_) return;
  next_send_ = Clock::time_point::max();
  for (auto& [number, entry] : window_) {
    if (entry.sent) continue;
    if (entry.due > now) {
      next_send_ = std::min(next_send_, entry.due);
    } else if (!send(number, entry)) {
      lose_link();
      return;
    }
  }
}

bool Sender::send(uint64_t number, InFlight& entry) {
  const PendingMessage& message = entry.message;
  const std::string reply = uses_jetstream() ? absl::StrCat(inbox_, number) : "";
  natsMsg* created = nullptr;
  natsStatus status = natsMsg_Create(
      &created, message.subject.c_str(), reply.empty() ? nullptr : reply.c_str(),
      reinterpret_cast<const char*>(message.bytes.data()), static_cast<int>(message.bytes.size()));
  const NatsMessage owned(created);
  if (status == NATS_OK) status = natsMsgHeader_Set(created, "Nats-Msg-Id", message.id.c_str());
  if (status == NATS_OK) status = natsConnection_PublishMsg(link_->connection(), created);
  if (status == NATS_OK) {
    if (entry.was_sent) retries_.fetch_add(1, std::memory_order_relaxed);
    entry.sent = entry.was_sent = true;
    entry.due = Clock::now() + kAckWait;
    return true;
  }
  // Too large for the server, for example: not a reason to hold up the others.
  if (status == NATS_MAX_PAYLOAD || status == NATS_INVALID_SUBJECT || status == NATS_NO_MEMORY) {
    tell_trouble(absl::StrCat("NATS: ", message.subject, ": ", message.bytes.size(),
                              " bytes: ", nats_error(status),
                              status == NATS_MAX_PAYLOAD ? " (the server's max_payload)" : "",
                              "; retried until its epoch is given up"));
    send_again(entry, kErrorWait);
    return true;
  }
  tell_trouble(absl::StrCat("NATS: ", nats_error(status)));
  return false;
}

void Sender::confirm_by_ping() {
  if (natsConnection_FlushTimeout(link_->connection(), kPingWaitMs) != NATS_OK) return lose_link();
  bool any = false;
  for (auto at = window_.begin(); at != window_.end();) {
    any |= at->second.sent;
    at = at->second.sent ? settle(at) : std::next(at);
  }
  if (!any) pause(kIdleWait);
}

void Sender::collect_answers() {
  for (int64_t wait_ms = kAnswerWaitMs;; wait_ms = 0) {
    natsMsg* received = nullptr;
    const natsStatus status = natsSubscription_NextMsg(&received, link_->subscription(), wait_ms);
    const NatsMessage answer(received);
    if (status == NATS_OK) {
      take_answer(received);
    } else if (status == NATS_NO_RESPONDERS) {
      // No stream holds the subject any more. nats.c does not say whose answer it is.
      stream_ready_ = false;
      tell_trouble("NATS: no stream takes the messages; they wait");
      send_all_again(kStreamWait);
    } else {
      return;  // nothing more for now, or closed: the next step sees to it
    }
  }
}

void Sender::take_answer(natsMsg* answer) {
  const std::string_view subject = natsMsg_GetSubject(answer);
  if (subject.size() <= inbox_.size()) return;
  uint64_t number = 0;
  std::from_chars(subject.data() + inbox_.size(), subject.data() + subject.size(), number);
  const auto at = window_.find(number);
  if (at == window_.end()) return;  // acknowledged before, or given up
  const std::string error =
      error_in({natsMsg_GetData(answer), static_cast<size_t>(natsMsg_GetDataLength(answer))});
  if (error.empty()) {
    settle(at);
    return;
  }
  tell_trouble(absl::StrCat("NATS: ", at->second.message.subject, " is not taken: ", error, "; retried"));
  send_again(at->second, kErrorWait);
}

void Sender::check_overdue() {
  const Clock::time_point now = Clock::now();
  uint64_t overdue = 0;
  for (auto& [number, entry] : window_) {
    if (!entry.sent || entry.due > now) continue;
    send_again(entry, milliseconds(0));
    ++overdue;
  }
  if (overdue == 0) return;
  const std::string reason = link_ ? link_->last_error() : "";
  tell_trouble(absl::StrCat("NATS: ", overdue, overdue == 1 ? " message" : " messages",
                            " not acknowledged within ", kAckWait.count() / 1000, " s",
                            reason.empty() ? "" : " (", reason, reason.empty() ? "" : ")", "; sent again"));
}

Sender::Window::iterator Sender::settle(Window::iterator at) {
  const PendingMessage& message = at->second.message;
  published_.fetch_add(1, std::memory_order_relaxed);
  published_bytes_.fetch_add(message.bytes.size(), std::memory_order_relaxed);
  window_bytes_ -= message.bytes.size();
  backlog_.acknowledged(message);
  return window_.erase(at);
}

void Sender::send_again(InFlight& entry, milliseconds delay) {
  entry.sent = false;
  entry.due = Clock::now() + delay;
  next_send_ = std::min(next_send_, entry.due);
}

void Sender::send_all_again(milliseconds delay) {
  for (auto& [number, entry] : window_) {
    if (entry.sent) send_again(entry, delay);
  }
}

void Sender::tell_trouble(const std::string& trouble) {
  const Clock::time_point now = Clock::now();
  if (trouble == trouble_ && now - trouble_told_ < kTroubleInterval) return;
  trouble_ = trouble;
  trouble_told_ = now;
  events_.add(trouble);
}

}  // namespace netspectra
