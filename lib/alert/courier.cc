#include "alert/courier.h"

#include <curl/curl.h>
#include <signal.h>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "alert/post.h"
#include "base/system_clock.h"

namespace netspectra {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

// A thread inherits what is blocked: signals are for the thread that made it.
std::thread without_signals(std::function<void()> run) {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, &before);
  std::thread thread(std::move(run));
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return thread;
}

}  // namespace

class Courier::Round {
 public:
  Round(const AlertReceiver& receiver, const Log& log, Backoff backoff)
      : receiver_(receiver), log_(log), backoff_(backoff), post_(receiver) {
    counters_.receiver = receiver.name;
    if (receiver.kind != ReceiverKind::kLog) thread_ = without_signals([this] { run(); });
  }

  void add(AlertMessage message) {
    const std::lock_guard lock(mutex_);
    if (receiver_.kind == ReceiverKind::kLog) {
      log_(absl::StrCat("alert ", message.id, ": ", message.summary));
      ++counters_.attempts;
      ++counters_.delivered;
      ++settled_;
    } else if (queue_.size() >= kMaxQueued) {
      if (counters_.dropped++ == 0)
        note(absl::StrCat("more than ", kMaxQueued, " messages wait: more are dropped"));
    } else {
      queue_.push_back(std::move(message));
      wake_.notify_one();
    }
  }

  void begin_stop() {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    wake_.notify_one();
  }

  void end_stop(Clock::time_point deadline) {
    if (!thread_.joinable()) return;
    std::unique_lock lock(mutex_);
    wake_owner_.wait_until(lock, deadline, [this] { return ended_; });
    lock.unlock();
    post_.stop();
    thread_.join();
  }

  std::vector<AlertMessage> queued() const {
    const std::lock_guard lock(mutex_);
    return {queue_.begin(), queue_.end()};
  }

  uint64_t settled() const {
    const std::lock_guard lock(mutex_);
    return settled_;
  }

  Counters counters() const {
    const std::lock_guard lock(mutex_);
    Counters counters = counters_;
    counters.queued = queue_.size();
    return counters;
  }

  std::vector<std::string> take_notes() {
    const std::lock_guard lock(mutex_);
    return std::exchange(notes_, {});
  }

 private:
  void note(const std::string& what) {
    notes_.push_back(absl::StrCat("alerts: receiver ", receiver_.name, ": ", what));
  }

  void run() {
    std::unique_lock lock(mutex_);
    while (true) {
      wake_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
      if (queue_.empty()) break;
      // A copy: the first of the queue stays there, undelivered, until it is known to be delivered.
      const AlertMessage message = queue_.front();
      ++counters_.attempts;
      lock.unlock();
      const PostResult result = post_.deliver(message);
      lock.lock();
      if (result.delivered) {
        delivered();
      } else if (!failed(message, result) && !wait(lock)) {
        break;
      }
    }
    ended_ = true;
    wake_owner_.notify_one();
  }

  void settle() {
    queue_.pop_front();
    ++settled_;
    failures_ = 0;
  }

  void delivered() {
    ++counters_.delivered;
    if (failing_) note("delivers again");
    failing_ = false;
    settle();
  }

  // Whether it is given up.
  bool failed(const AlertMessage& message, const PostResult& result) {
    if (stopping_) return false;  // it may be because of that
    const uint64_t now_ns = system_clock_ns();
    const bool old = now_ns > message.created_ns && now_ns - message.created_ns >= receiver_.give_up_ns;
    if (result.hopeless || old) {
      ++counters_.failed;
      note(absl::StrCat("gave up ", message.id, " (", message.summary, "): ", result.error));
      failing_ = true;
      settle();
      return true;
    }
    if (!failing_) note(absl::StrCat(result.error, "; is tried again"));
    failing_ = true;
    return false;
  }

  // Until the next attempt; false: there is none in this life.
  bool wait(std::unique_lock<std::mutex>& lock) {
    const int doublings = std::min(failures_++, 16);
    const milliseconds pause = std::min(backoff_.most, backoff_.first * (1 << doublings));
    return !wake_.wait_for(lock, pause, [this] { return stopping_; });
  }

  const AlertReceiver& receiver_;
  const Log& log_;
  const Backoff backoff_;
  Post post_;
  mutable std::mutex mutex_;  // of all that follows
  std::condition_variable wake_, wake_owner_;
  std::deque<AlertMessage> queue_;
  Counters counters_;
  std::vector<std::string> notes_;
  uint64_t settled_ = 0;
  int failures_ = 0;  // of the first of the queue
  bool failing_ = false;
  bool stopping_ = false;
  bool ended_ = false;
  std::thread thread_;
};

Courier::Courier(std::vector<AlertReceiver> receivers, Log log, Backoff backoff)
    : receivers_(std::move(receivers)), log_(std::move(log)) {
  curl_global_init(CURL_GLOBAL_DEFAULT);
  for (const AlertReceiver& receiver : receivers_) {
    rounds_.push_back(std::make_unique<Round>(receiver, log_, backoff));
  }
}

Courier::~Courier() {
  stop(milliseconds(0));
  rounds_.clear();
  curl_global_cleanup();
}

Courier::Round* Courier::round_of(const std::string& receiver) const {
  for (size_t i = 0; i < receivers_.size(); ++i) {
    if (receivers_[i].name == receiver) return rounds_[i].get();
  }
  return nullptr;
}

void Courier::post(std::vector<AlertMessage> messages) {
  for (AlertMessage& message : messages) {
    if (Round* round = round_of(message.receiver); round != nullptr) {
      round->add(std::move(message));
    } else {  // it was in the configuration when the message was saved
      notes_.push_back(absl::StrCat("alerts: gave up ", message.id, " (", message.summary,
                                    "): there is no receiver ", message.receiver, " any more"));
    }
  }
}

void Courier::stop(milliseconds limit) {
  const Clock::time_point deadline = Clock::now() + limit;
  for (const auto& round : rounds_) round->begin_stop();
  for (const auto& round : rounds_) round->end_stop(deadline);
}

std::vector<AlertMessage> Courier::undelivered() const {
  std::vector<AlertMessage> all;
  for (const auto& round : rounds_) {
    for (AlertMessage& message : round->queued()) all.push_back(std::move(message));
  }
  return all;
}

uint64_t Courier::settled() const {
  uint64_t sum = 0;
  for (const auto& round : rounds_) sum += round->settled();
  return sum;
}

std::vector<Courier::Counters> Courier::counters() const {
  std::vector<Counters> all;
  for (const auto& round : rounds_) all.push_back(round->counters());
  return all;
}

std::vector<std::string> Courier::take_notes() {
  std::vector<std::string> all = std::exchange(notes_, {});
  for (const auto& round : rounds_) {
    for (std::string& note : round->take_notes()) all.push_back(std::move(note));
  }
  return all;
}

}  // namespace netspectra
