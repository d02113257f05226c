#include "store/files_store.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "output/json_rows.h"
#include "output/json_text.h"
#include "output/rows.h"
#include "output/sink.h"

namespace netspectra {
namespace {

absl::Status errno_status(const std::string& path) { return absl::ErrnoToStatus(errno, path); }

// The names in a directory are on the disk only when the directory itself is.
absl::Status sync_directory(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return errno_status(path);
  absl::Status status = ::fsync(fd) == 0 ? absl::OkStatus() : errno_status(path);
  ::close(fd);
  return status;
}

// A task's name becomes a file's name.
absl::Status check_name(const std::string& task) {
  if (task.empty() || task[0] == '.' || task.find_first_of(std::string("/\0", 2)) != std::string::npos) {
    return absl::InvalidArgumentError(absl::StrCat("task '", task, "': not a file name, cannot be stored"));
  }
  return absl::OkStatus();
}

absl::Status already_there(const std::string& path) {
  return absl::AlreadyExistsError(absl::StrCat(
      path, ": this epoch is already stored; nothing was overwritten, choose another directory"));
}

void append_count(std::string& line, const char* name, uint64_t value) {
  absl::StrAppend(&line, ",\"", name, "\":", value);
}

bool has_threshold(TaskKind kind) {
  return kind == TaskKind::kHeavyHitters || kind == TaskKind::kSuperSpreader;
}

bool has_standard_error(TaskKind kind) {
  return kind == TaskKind::kSuperSpreader || kind == TaskKind::kCardinality;
}

uint64_t counted_packets(const TaskResult& task) {
  uint64_t counted = 0;
  for (const FlowRecord& record : task.records) counted += record.counters.packets;
  return counted;
}

// The books of the task in this epoch. An exact task's: rx = counted + not IP + malformed + overflow. The
// rows of an estimator do not add up to anything: its books have what it was given, from which value on keys
// are listed, and how exact that is.
std::string ledger_line(const EpochResult& result, const TaskResult& task) {
  const TaskKind kind = task.task->kind;
  const bool exact = kind == TaskKind::kExact;
  std::string line = "{\"type\":\"ledger\",\"task\":";
  append_json_string(line, task.task->name);
  line += ",\"epoch_start_ns\":";
  append_time(line, result.start_ns);
  append_count(line, "period_ns", result.period_ns);
  append_count(line, "rx_packets", result.ledger.rx_packets);
  if (exact) append_count(line, "counted_packets", counted_packets(task));
  if (!exact) append_count(line, "ip_packets", result.ledger.ip_packets);
  if (!exact) append_count(line, "ip_bytes", result.ledger.ip_bytes);
  append_count(line, "not_ip", result.ledger.not_ip());
  line += ",\"malformed\":";
  append_malformed(line, result.ledger);
  if (result.ledger.filtered_out != 0) append_count(line, "filtered_out", result.ledger.filtered_out);
  if (result.ledger.late_packets != 0) append_count(line, "late_packets", result.ledger.late_packets);
  if (exact) append_count(line, "overflow_packets", task.overflow.packets);
  if (has_threshold(kind)) append_count(line, "threshold", task.threshold);
  if (has_standard_error(kind)) absl::StrAppend(&line, ",\"standard_error\":", task.standard_error);
  line += ",\"read_errors\":";
  append_json_strings(line, result.read_errors);
  line += "}\n";
  return line;
}

class FilesStore final : public Store {
 public:
  explicit FilesStore(std::string dir) : dir_(std::move(dir)) {}

  absl::Status put(const EpochResult& result) override {
    if (!failure_.ok()) return failure_;
    failure_ = put_epoch(result);
    if (!failure_.ok()) discard_partial();
    return failure_;
  }

  absl::Status close() override { return absl::OkStatus(); }  // every put() is complete

 private:
  absl::Status put_epoch(const EpochResult& result) {
    const std::string epoch = absl::StrFormat("%s/%020d", dir_, result.start_ns);
    struct stat found;
    if (::lstat(epoch.c_str(), &found) == 0) return already_there(epoch);  // before anything is written
    if (absl::Status status = make_partial(); !status.ok()) return status;
    for (const TaskResult& task : result.tasks) {
      if (absl::Status status = write_task(result, task); !status.ok()) return status;
    }
    if (absl::Status status = sync_directory(partial_); !status.ok()) return status;
    // rename() does not replace a directory with files in it: an epoch that came in the meantime stays.
    if (::rename(partial_.c_str(), epoch.c_str()) != 0) {
      return errno == EEXIST || errno == ENOTEMPTY || errno == ENOTDIR ? already_there(epoch)
                                                                       : errno_status(epoch);
    }
    partial_.clear();
    return sync_directory(dir_);
  }

  // A folder of this run's own: what another one left, or is writing (in another container it may have the
  // same process number), is not touched.
  absl::Status make_partial() {
    for (int i = 0;; ++i) {
      std::string path = absl::StrCat(dir_, "/.partial-", ::getpid(), "-", i);
      if (::mkdir(path.c_str(), 0777) == 0) {
        partial_ = std::move(path);
        return absl::OkStatus();
      }
      if (errno != EEXIST) return errno_status(path);
    }
  }

  absl::Status write_task(const EpochResult& result, const TaskResult& task) {
    if (absl::Status status = check_name(task.task->name); !status.ok()) return status;
    auto sink = Sink::open(absl::StrCat(partial_, "/", task.task->name, ".jsonl"));
    if (!sink.ok()) return sink.status();
    append_rows(JsonRows(*task.task, result.start_ns), task, 0, **sink);
    (*sink)->append(ledger_line(result, task));
    (*sink)->sync();
    return (*sink)->close();
  }

  void discard_partial() {
    if (partial_.empty()) return;
    std::error_code ignored;  // at worst a hidden folder stays, which docs/store.md explains
    std::filesystem::remove_all(partial_, ignored);
    partial_.clear();
  }

  const std::string dir_;
  std::string partial_;  // the folder of the epoch that is being written; empty = none
  absl::Status failure_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Store>> open_files_store(const std::string& dir) {
  if (dir.empty()) return absl::InvalidArgumentError("store 'files:': the directory is missing; files:DIR");
  if (::mkdir(dir.c_str(), 0777) != 0 && errno != EEXIST) return errno_status(dir);
  struct stat found;
  if (::stat(dir.c_str(), &found) != 0) return errno_status(dir);
  if (!S_ISDIR(found.st_mode)) return absl::ErrnoToStatus(ENOTDIR, dir);
  // Told now rather than at the end of a long measurement.
  if (::access(dir.c_str(), W_OK | X_OK) != 0) return errno_status(dir);
  return std::make_unique<FilesStore>(dir);
}

}  // namespace netspectra
