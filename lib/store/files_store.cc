#include "store/files_store.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <system_error>
#include <utility>

#include "absl/strings/numbers.h"
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

// Of an epoch with an origin: its folder's name after the start. The dots keep the names apart: no token has one.
std::string origin_suffix(const EpochOrigin& origin) {
  if (origin.probe.empty()) return "";
  return absl::StrCat(".", origin.site, ".", origin.probe, ".", origin.run, ".", origin.amendment);
}

void append_origin(std::string& line, const EpochOrigin& origin) {
  line += ",\"site\":";
  append_json_string(line, origin.site);
  line += ",\"probe\":";
  append_json_string(line, origin.probe);
  append_count(line, "run", origin.run);
  append_count(line, "amendment", origin.amendment);
  append_count(line, "expected_snapshots", origin.expected_snapshots);
  append_count(line, "missing_snapshots", origin.missing_snapshots);
  line += ",\"missing\":";
  append_json_strings(line, origin.missing);
}

void append_other_drops(std::string& line, const std::map<std::string, uint64_t>& drops) {
  const char* before = ",\"other_drops\":{";
  for (const auto& [reason, packets] : drops) {
    line += before;
    append_json_string(line, reason);
    absl::StrAppend(&line, ":", packets);
    before = ",";
  }
  line += "}";
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
  if (!result.origin.probe.empty()) append_origin(line, result.origin);
  append_count(line, "rx_packets", result.ledger.rx_packets);
  if (exact) append_count(line, "counted_packets", counted_packets(task));
  if (!exact) append_count(line, "ip_packets", result.ledger.ip_packets);
  if (!exact) append_count(line, "ip_bytes", result.ledger.ip_bytes);
  append_count(line, "not_ip", result.ledger.not_ip());
  line += ",\"malformed\":";
  append_malformed(line, result.ledger);
  if (!result.other_drops.empty()) append_other_drops(line, result.other_drops);
  if (result.ledger.filtered_out != 0) append_count(line, "filtered_out", result.ledger.filtered_out);
  if (result.ledger.late_packets != 0) append_count(line, "late_packets", result.ledger.late_packets);
  if (exact) append_count(line, "overflow_packets", task.overflow.packets);
  result.source.each_loss([&](const char* name, uint64_t packets) {
    if (packets != 0) append_count(line, name, packets);
  });
  if (has_threshold(kind)) append_count(line, "threshold", task.threshold);
  if (has_standard_error(kind)) absl::StrAppend(&line, ",\"standard_error\":", task.standard_error);
  line += ",\"read_errors\":";
  append_json_strings(line, result.read_errors);
  if (!result.faults.empty()) {
    line += ",\"faults\":";
    append_json_strings(line, result.faults);
  }
  line += "}\n";
  return line;
}

// What find() reads back: the number of missing snapshots, and what the amendment holds.
constexpr char kOriginFile[] = ".origin";

class FilesStore final : public Store {
 public:
  explicit FilesStore(std::string dir) : dir_(std::move(dir)) {}

  absl::Status put(const EpochResult& result) override {
    if (!failure_.ok()) return failure_;
    failure_ = put_epoch(result);
    if (!failure_.ok()) discard_partial();
    return failure_;
  }

  // Amendments are numbered without gaps.
  absl::StatusOr<std::vector<EpochOrigin>> find(const EpochOrigin& epoch, uint64_t start_ns) override {
    std::vector<EpochOrigin> found;
    while (true) {
      EpochOrigin origin = epoch;
      origin.amendment = static_cast<uint32_t>(found.size());
      const std::string path = folder(origin, start_ns);
      struct stat exists;
      if (::stat(path.c_str(), &exists) != 0) {
        if (errno != ENOENT) return errno_status(path);
        return found;
      }
      std::ifstream in(absl::StrCat(path, "/", kOriginFile));
      std::string missing;
      uint32_t number = 0;
      if (!std::getline(in, missing) || !std::getline(in, origin.holds) ||
          !absl::SimpleAtoi(missing, &number)) {
        return absl::DataLossError(absl::StrCat(path, "/", kOriginFile, ": cannot be read"));
      }
      origin.missing_snapshots = number;
      found.push_back(std::move(origin));
    }
  }

  absl::Status close() override { return absl::OkStatus(); }  // every put() is complete

 private:
  absl::Status put_epoch(const EpochResult& result) {
    const std::string epoch = folder(result.origin, result.start_ns);
    struct stat found;
    if (::lstat(epoch.c_str(), &found) == 0) return already_there(epoch);  // before anything is written
    if (absl::Status status = make_partial(); !status.ok()) return status;
    for (const TaskResult& task : result.tasks) {
      if (absl::Status status = write_task(result, task); !status.ok()) return status;
    }
    if (absl::Status status = write_origin(result.origin); !status.ok()) return status;
    if (absl::Status status = sync_directory(partial_); !status.ok()) return status;
    // rename() does not replace a directory with files in it: an epoch that came in the meantime stays.
    if (::rename(partial_.c_str(), epoch.c_str()) != 0) {
      return errno == EEXIST || errno == ENOTEMPTY || errno == ENOTDIR ? already_there(epoch)
                                                                       : errno_status(epoch);
    }
    partial_.clear();
    return sync_directory(dir_);
  }

  std::string folder(const EpochOrigin& origin, uint64_t start_ns) const {
    return absl::StrFormat("%s/%020d%s", dir_, start_ns, origin_suffix(origin));
  }

  absl::Status write_origin(const EpochOrigin& origin) {
    if (origin.probe.empty()) return absl::OkStatus();
    auto sink = Sink::open(absl::StrCat(partial_, "/", kOriginFile));
    if (!sink.ok()) return sink.status();
    (*sink)->append(absl::StrCat(origin.missing_snapshots, "\n", origin.holds, "\n"));
    (*sink)->sync();
    return (*sink)->close();
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
