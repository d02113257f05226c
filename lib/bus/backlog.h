// What was published and is not acknowledged yet, by epoch, on disk and in memory.
//
// Purpose: everything between publish() and the wire. With a spool a message is in its epoch's file before
//   add() returns: the file is the queue, and memory holds only what is being sent. Without a spool, or while
//   the spool is full or cannot be written, memory is the queue.
// Order: take() gives the oldest epoch first, within it the file before the memory. (What goes to memory
//   because the spool is full is newer than what is in its epoch's file, except where room came back within
//   the epoch.)
// Limits: a message goes to the file if the spool has room, else to memory if that has, else the oldest epoch
//   is given up, whole, until there is room. What comes later for an epoch that was given up is dropped, too.
// Threads: add() by the publisher; take(), acknowledged(), put_back(), sync_settled() by the sender; the rest
//   by any. One lock, never held while a file is read or synced; add() writes under it.
// Cost: add(): one write() to the page cache, or one copy.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "bus/event_log.h"
#include "bus/publisher.h"
#include "bus/spool_dir.h"
#include "bus/spool_file.h"

namespace netspectra {

struct PendingMessage {
  EpochKey epoch;
  std::string subject;
  std::string id;
  std::vector<uint8_t> bytes;
  uint64_t cost_bytes = 0;  // as counted against the limit
  bool on_disk = false;
};

class Backlog {
 public:
  Backlog(uint64_t memory_limit_bytes, EventLog& events)
      : memory_limit_(memory_limit_bytes), events_(events) {}

  absl::Status open_spool(const NatsSpool& spool);

  void add(const OutgoingMessage& message);

  // The next message to send; false if there is none now.
  bool take(PendingMessage& message);
  void acknowledged(const PendingMessage& message);
  // Undoes take(); in the reverse order of taking.
  void put_back(PendingMessage&& message);
  bool is_wanted(const PendingMessage& message) const;  // false: its epoch was given up
  uint64_t dropped_epochs() const;

  void wait_for_work(std::chrono::milliseconds limit);  // until there is something to take
  void pause(std::chrono::milliseconds limit);
  void end_waiting();  // from now on neither of them waits
  bool wait_until_empty(std::chrono::milliseconds limit);

  // Files of past epochs that are still there go to the disk, so that the power takes the newest at most.
  void sync_settled();
  // Memory to the spool; what finds no room is dropped. Nothing may be taken any more.
  absl::Status close();

  void fill(PublisherStats& stats) const;

 private:
  struct Epoch {
    std::shared_ptr<SpoolFile> file;  // null = none
    uint64_t cursor = 0;              // taken up to here
    uint64_t disk_unread = 0;         // messages; of an earlier run's file: by its headers
    uint64_t disk_taken = 0;
    uint64_t disk_taken_bytes = 0;
    bool synced = false;
    std::deque<PendingMessage> memory;
    uint64_t memory_messages = 0;  // taken ones included
    uint64_t memory_bytes = 0;

    bool has_unread() const { return !memory.empty() || (file && cursor < file->end()); }
    bool is_done() const { return !has_unread() && disk_taken == 0 && memory_messages == 0; }
  };
  using Epochs = std::map<EpochKey, Epoch>;

  bool append(const EpochKey& key, Epoch& epoch, const std::string& subject, const std::string& id,
              std::span<const uint8_t> bytes);
  bool store(const EpochKey& key, const OutgoingMessage& message);
  void give_up_oldest();
  Epoch& epoch_at(const EpochKey& key);
  void finish_if_done(Epochs::iterator at);
  bool is_empty() const;
  bool has_unread() const;
  bool is_growing(const EpochKey& key) const { return key == epochs_.rbegin()->first && key.run == run_; }
  SpoolFile::Read take_from_file(std::unique_lock<std::mutex>& lock, const EpochKey& key,
                                 PendingMessage& message);
  void spool_failed(const std::string& reason);
  void refuse(const EpochKey& key);

  mutable std::mutex mutex_;
  std::condition_variable work_;
  std::condition_variable empty_;
  bool waiting_ended_ = false;

  const uint64_t memory_limit_;
  EventLog& events_;
  std::unique_ptr<SpoolDir> spool_;
  uint64_t spool_limit_ = 0;
  uint64_t run_ = 0;
  Epochs epochs_;
  std::set<uint64_t> given_up_;  // of this run, bounded
  uint64_t spool_bytes_ = 0;     // the files' sizes
  uint64_t memory_bytes_ = 0;
  uint64_t dropped_ = 0;
  uint64_t dropped_epochs_ = 0;
  std::string spool_trouble_;  // told already; "" = none
  bool read_trouble_ = false;
};

}  // namespace netspectra
