#include "bus/backlog.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <iterator>
#include <span>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/units.h"

namespace netspectra {
namespace {

constexpr size_t kGivenUpKept = 1024;
constexpr uint64_t kMessageOverhead = 128;  // of a message in memory: three allocations and their bookkeeping

std::string message_count(uint64_t count) {
  return count == 1 ? "1 message" : absl::StrCat(format_count(count), " messages");
}

}  // namespace

absl::Status Backlog::open_spool(const NatsSpool& spool) {
  absl::StatusOr<std::unique_ptr<SpoolDir>> dir = SpoolDir::open(spool.dir);
  if (!dir.ok()) return dir.status();
  const std::lock_guard lock(mutex_);
  spool_ = *std::move(dir);
  spool_limit_ = spool.limit_bytes;
  run_ = spool_->run();
  uint64_t messages = 0;
  for (const SpoolDir::Leftover& leftover : spool_->leftovers()) {
    Epoch& epoch = epochs_[leftover.key];
    epoch.file = std::make_shared<SpoolFile>(spool_->file_path(leftover.key), leftover.bytes);
    epoch.disk_unread = epoch.file->count_records();
    spool_bytes_ += leftover.bytes;
    messages += epoch.disk_unread;
  }
  if (!epochs_.empty()) {
    events_.add(absl::StrCat("spool ", spool.dir, ": ", message_count(messages), " of ", epochs_.size(),
                             epochs_.size() == 1 ? " epoch" : " epochs", " (", human_bytes(spool_bytes_),
                             ") from an earlier run are sent first"));
  }
  while (spool_bytes_ > spool_limit_) give_up_oldest();
  return absl::OkStatus();
}

void Backlog::add(const OutgoingMessage& message) {
  const std::lock_guard lock(mutex_);
  const EpochKey key{message.epoch_ns, run_};
  const bool fits_spool =
      spool_ && SpoolFile::record_bytes(message.subject, message.id, message.bytes.size()) <= spool_limit_;
  if (!fits_spool && message.bytes.size() + kMessageOverhead > memory_limit_) return refuse(key);
  while (!given_up_.contains(message.epoch_ns)) {
    if (store(key, message)) return work_.notify_one();
    if (is_empty()) return refuse(key);
    give_up_oldest();
  }
  ++dropped_;
}

// A single message that is larger than all the room there is.
void Backlog::refuse(const EpochKey& key) {
  ++dropped_;
  events_.add(absl::StrCat("NATS: a message of epoch ", format_time_ns(key.epoch_ns),
                           " was given up: no room for its size in memory or spool"));
}

bool Backlog::store(const EpochKey& key, const OutgoingMessage& message) {
  if (spool_) {
    if (spool_bytes_ + SpoolFile::record_bytes(message.subject, message.id, message.bytes.size()) >
        spool_limit_) {
      spool_failed(absl::StrCat("its limit of ", human_bytes(spool_limit_), " is reached"));
    } else if (append(key, epoch_at(key), message.subject, message.id, message.bytes)) {
      return true;
    }
  }
  const uint64_t cost = message.subject.size() + message.id.size() + message.bytes.size() + kMessageOverhead;
  if (memory_bytes_ + cost > memory_limit_) return false;
  Epoch& epoch = epoch_at(key);
  epoch.memory.push_back(PendingMessage{key, message.subject, message.id,
                                        std::vector<uint8_t>(message.bytes.begin(), message.bytes.end()),
                                        cost, false});
  ++epoch.memory_messages;
  epoch.memory_bytes += cost;
  memory_bytes_ += cost;
  return true;
}

// With a newer epoch the one before it is complete, as a rule: its file needs no descriptor any more, and no
// name if all of it was acknowledged.
Backlog::Epoch& Backlog::epoch_at(const EpochKey& key) {
  const auto [at, is_new] = epochs_.try_emplace(key);
  if (is_new && at != epochs_.begin() && is_growing(key)) {
    const auto before = std::prev(at);
    if (before->second.file) before->second.file->close_writer();
    finish_if_done(before);
  }
  return at->second;
}

bool Backlog::append(const EpochKey& key, Epoch& epoch, const std::string& subject, const std::string& id,
                     std::span<const uint8_t> bytes) {
  if (!epoch.file) epoch.file = std::make_shared<SpoolFile>(spool_->file_path(key));
  const uint64_t before = epoch.file->end();
  const absl::Status status = epoch.file->append(subject, id, bytes);
  if (!is_growing(key)) epoch.file->close_writer();
  if (!status.ok()) {
    spool_failed(std::string(status.message()));
    return false;
  }
  spool_bytes_ += epoch.file->end() - before;
  ++epoch.disk_unread;
  epoch.synced = false;
  return true;
}

void Backlog::spool_failed(const std::string& reason) {
  if (!spool_trouble_.empty()) return;
  spool_trouble_ = reason;
  events_.add(absl::StrCat("spool ", spool_->path(), ": ", reason,
                           "; what finds no room there is kept in memory and would not survive a crash"));
}

void Backlog::give_up_oldest() {
  auto at = epochs_.begin();
  while (at->second.is_done()) ++at;  // an empty file that may still grow
  Epoch& epoch = at->second;
  const uint64_t messages = epoch.disk_unread + epoch.disk_taken + epoch.memory_messages;
  const uint64_t disk_bytes = epoch.file ? epoch.file->end() : 0;
  events_.add(absl::StrCat(
      "NATS: gave up epoch ", format_time_ns(at->first.epoch_ns), ": ", message_count(messages), ", ",
      human_bytes(disk_bytes + epoch.memory_bytes),
      ", not delivered: ", spool_ ? "memory and spool are full" : "memory is full, and there is no spool"));
  dropped_ += messages;
  ++dropped_epochs_;
  if (at->first.run == run_) given_up_.insert(at->first.epoch_ns);
  if (given_up_.size() > kGivenUpKept) given_up_.erase(given_up_.begin());
  spool_bytes_ -= disk_bytes;
  memory_bytes_ -= epoch.memory_bytes;
  if (epoch.file) epoch.file->remove();
  epochs_.erase(at);
  if (is_empty()) empty_.notify_all();
}

bool Backlog::take(PendingMessage& message) {
  std::unique_lock lock(mutex_);
  for (auto at = epochs_.begin(); at != epochs_.end();) {
    Epoch& epoch = at->second;
    if (!epoch.has_unread()) {
      ++at;
    } else if (epoch.file && epoch.cursor < epoch.file->end()) {
      const SpoolFile::Read read = take_from_file(lock, at->first, message);
      if (read != SpoolFile::Read::kEnd) return read == SpoolFile::Read::kRecord;
      at = epochs_.begin();  // the lock was open
    } else {
      message = std::move(epoch.memory.front());
      epoch.memory.pop_front();
      return true;
    }
  }
  return false;
}

SpoolFile::Read Backlog::take_from_file(std::unique_lock<std::mutex>& lock, const EpochKey& key_of_epoch,
                                        PendingMessage& message) {
  const EpochKey key = key_of_epoch;  // it may go while the lock is open
  const std::shared_ptr<SpoolFile> file = epochs_[key].file;
  uint64_t cursor = epochs_[key].cursor;
  const uint64_t end = file->end();
  SpoolRecord record;
  uint64_t damaged_bytes = 0;
  lock.unlock();
  const SpoolFile::Read read = file->read_next(cursor, end, record, damaged_bytes);
  const int error = errno;
  lock.lock();

  const auto at = epochs_.find(key);
  if (at == epochs_.end()) return SpoolFile::Read::kEnd;  // given up meanwhile
  Epoch& epoch = at->second;
  if (read == SpoolFile::Read::kFailed) {
    if (!read_trouble_)
      events_.add(
          absl::StrCat("spool ", file->path(), ": ", absl::ErrnoToStatus(error, "cannot be read").message()));
    read_trouble_ = true;
    return read;
  }
  read_trouble_ = false;
  if (damaged_bytes != 0) {
    events_.add(absl::StrCat("spool ", file->path(), ": ", format_count(damaged_bytes),
                             " bytes are damaged or cut short and were skipped"));
  }
  epoch.cursor = cursor;
  if (epoch.disk_unread != 0) --epoch.disk_unread;
  if (cursor >= file->end()) {
    epoch.disk_unread = 0;
    if (!is_growing(key)) file->close_reader();
  }
  if (read == SpoolFile::Read::kEnd) {
    finish_if_done(at);
    return read;
  }
  ++epoch.disk_taken;
  epoch.disk_taken_bytes += record.size_bytes;
  message = PendingMessage{
      key, std::move(record.subject), std::move(record.id), std::move(record.bytes), record.size_bytes, true};
  return read;
}

void Backlog::acknowledged(const PendingMessage& message) {
  const std::lock_guard lock(mutex_);
  const auto at = epochs_.find(message.epoch);
  if (at == epochs_.end()) return;
  Epoch& epoch = at->second;
  if (message.on_disk) {
    --epoch.disk_taken;
    epoch.disk_taken_bytes -= message.cost_bytes;
  } else {
    --epoch.memory_messages;
    epoch.memory_bytes -= message.cost_bytes;
    memory_bytes_ -= message.cost_bytes;
  }
  finish_if_done(at);
}

// All of the epoch is acknowledged. The file of an epoch that may still grow is only emptied: each of its
// messages may be acknowledged before the next one comes.
void Backlog::finish_if_done(Epochs::iterator at) {
  Epoch& epoch = at->second;
  if (!epoch.is_done()) return;
  if (epoch.file && epoch.file->end() != 0) {
    spool_bytes_ -= epoch.file->end();
    if (!is_growing(at->first) || !epoch.file->truncate().ok()) {
      epoch.file->remove();
      epoch.file.reset();
    }
    epoch.cursor = 0;
  }
  if (!is_growing(at->first)) {
    if (epoch.file) epoch.file->remove();
    epochs_.erase(at);
  }
  if (!is_empty()) return;
  spool_trouble_.clear();
  empty_.notify_all();
}

void Backlog::put_back(PendingMessage&& message) {
  const std::lock_guard lock(mutex_);
  const auto at = epochs_.find(message.epoch);
  if (at == epochs_.end() || message.on_disk) return;  // the file still has it
  at->second.memory.push_front(std::move(message));
}

bool Backlog::is_wanted(const PendingMessage& message) const {
  const std::lock_guard lock(mutex_);
  return epochs_.contains(message.epoch);
}

uint64_t Backlog::dropped_epochs() const {
  const std::lock_guard lock(mutex_);
  return dropped_epochs_;
}

// The oldest epochs are those that wait: both answers come with the first epochs, however many there are.
bool Backlog::is_empty() const {
  for (const auto& [key, epoch] : epochs_) {
    if (!epoch.is_done()) return false;
  }
  return true;
}

bool Backlog::has_unread() const {
  for (const auto& [key, epoch] : epochs_) {
    if (epoch.has_unread()) return true;
  }
  return false;
}

void Backlog::wait_for_work(std::chrono::milliseconds limit) {
  std::unique_lock lock(mutex_);
  work_.wait_for(lock, limit, [this] { return waiting_ended_ || (has_unread() && !read_trouble_); });
}

void Backlog::pause(std::chrono::milliseconds limit) {
  std::unique_lock lock(mutex_);
  work_.wait_for(lock, limit, [this] { return waiting_ended_; });
}

void Backlog::end_waiting() {
  const std::lock_guard lock(mutex_);
  waiting_ended_ = true;
  work_.notify_all();
}

bool Backlog::wait_until_empty(std::chrono::milliseconds limit) {
  std::unique_lock lock(mutex_);
  return empty_.wait_for(lock, limit, [this] { return is_empty(); });
}

void Backlog::sync_settled() {
  std::vector<std::string> paths;
  {
    const std::lock_guard lock(mutex_);
    for (auto& [key, epoch] : epochs_) {
      if (!epoch.file || epoch.synced || is_growing(key)) continue;
      epoch.synced = true;
      paths.push_back(epoch.file->path());
    }
  }
  for (const std::string& path : paths) {
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) continue;  // acknowledged meanwhile
    if (::fdatasync(fd) != 0)
      events_.add(std::string(absl::ErrnoToStatus(errno, absl::StrCat("spool ", path)).message()));
    ::close(fd);
  }
  if (paths.empty()) return;
  if (absl::Status status = spool_->sync(); !status.ok()) events_.add(std::string(status.message()));
}

absl::Status Backlog::close() {
  uint64_t lost = 0;
  {
    const std::lock_guard lock(mutex_);
    for (auto at = epochs_.begin(); at != epochs_.end();) {
      const EpochKey key = at->first;
      Epoch& epoch = at->second;
      uint64_t lost_here = 0;
      for (const PendingMessage& message : epoch.memory) {
        const bool has_room = spool_ && spool_bytes_ + SpoolFile::record_bytes(message.subject, message.id,
                                                                               message.bytes.size()) <=
                                            spool_limit_;
        if (!has_room || !append(key, epoch, message.subject, message.id, message.bytes)) ++lost_here;
      }
      memory_bytes_ -= epoch.memory_bytes;
      epoch.memory_bytes = epoch.memory_messages = 0;
      epoch.memory.clear();
      if (lost_here != 0) ++dropped_epochs_;
      lost += lost_here;
      if (epoch.file) epoch.file->close_writer();
      const bool done = epoch.is_done();
      if (done && epoch.file) epoch.file->remove();
      at = done ? epochs_.erase(at) : std::next(at);
    }
    dropped_ += lost;
    run_ = ~uint64_t{0};  // nothing grows any more: sync_settled() takes all
  }
  sync_settled();
  spool_.reset();
  if (lost == 0) return absl::OkStatus();
  return absl::ResourceExhaustedError(
      absl::StrCat("NATS: ", message_count(lost), " not acknowledged and ", "without room in a spool: lost"));
}

void Backlog::fill(PublisherStats& stats) const {
  const std::lock_guard lock(mutex_);
  stats.queued_bytes = memory_bytes_;
  for (const auto& [key, epoch] : epochs_) {
    stats.queued += epoch.memory_messages;
    stats.spooled += epoch.disk_unread + epoch.disk_taken;
    stats.spooled_bytes += epoch.disk_taken_bytes + (epoch.file ? epoch.file->end() - epoch.cursor : 0);
  }
  stats.dropped = dropped_;
  stats.dropped_epochs = dropped_epochs_;
}

}  // namespace netspectra
