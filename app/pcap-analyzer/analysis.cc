#include "analysis.h"

#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/system_clock.h"
#include "capture/capture_file.h"
#include "capture/packet_filter.h"
#include "common/books.h"
#include "common/report.h"
#include "common/results.h"
#include "common/signals.h"
#include "ethdev/eal.h"
#include "ethdev/mapped_captures.h"
#include "merge/epoch_merger.h"
#include "progress_bar.h"
#include "task/task_plan.h"
#include "worker/capture_manager.h"

namespace netspectra {
namespace {

using Clock = std::chrono::steady_clock;

// The smallest record of a capture file with a countable packet in it: header and an IPv4 header.
constexpr uint64_t kLeastBytesPerPacket = 16 + 20;
// At the emptiest: a slot of 74 bytes in a segment that has just been split.
constexpr uint64_t kBytesPerFlow = 200;
constexpr useconds_t kIdleSleepUs = 500;

// A task without a configured capacity gets room for as many flows as the files could hold, but all tables
// together no more than a quarter of the machine's memory. Only what is used is touched.
uint64_t default_capacity(uint64_t file_bytes, uint64_t tables) {
  const auto memory =
      static_cast<uint64_t>(sysconf(_SC_PHYS_PAGES)) * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  return std::max<uint64_t>(1,
                            std::min(file_bytes / kLeastBytesPerPacket, memory / 4 / kBytesPerFlow / tables));
}

std::shared_ptr<const TaskPlan> make_plan(const AnalyzerOptions& options, uint64_t file_bytes) {
  auto plan = std::make_shared<TaskPlan>(plan_tasks(options.tasks));
  const uint64_t tables = 2 * options.workers * plan->measured.size();
  for (TaskConfig& task : plan->tasks) {
    if (task.capacity == 0) task.capacity = default_capacity(file_bytes, tables);
  }
  return plan;
}

// Each open capture takes a descriptor, and the default soft limit is often 1024.
void raise_descriptor_limit() {
  rlimit limit = {};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

// The output is truncated when it is opened: it must not be one of the files to read, under whatever name.
bool is_one_of(const std::string& output, const std::vector<std::string>& files) {
  struct stat out = {};
  if (output == "-" || stat(output.c_str(), &out) != 0) return false;
  return std::any_of(files.begin(), files.end(), [&](const std::string& file) {
    struct stat in = {};
    return stat(file.c_str(), &in) == 0 && in.st_dev == out.st_dev && in.st_ino == out.st_ino;
  });
}

// The captures of a run, and for every file that the user named what went wrong with it.
struct Inputs {
  std::vector<std::unique_ptr<CaptureFile>> captures;
  std::vector<size_t> file_of;      // for each capture: its place among the files
  std::vector<std::string> errors;  // by file; empty = none
  std::vector<LinkType> links;
  uint64_t bytes = 0;

  static Inputs open(const std::vector<std::string>& files) {
    Inputs inputs;
    for (size_t i = 0; i < files.size(); ++i) {
      absl::StatusOr<std::unique_ptr<CaptureFile>> capture = CaptureFile::open(files[i]);
      inputs.errors.emplace_back(capture.status().message());
      if (!capture.ok()) {
        report_error(inputs.errors.back());
        continue;
      }
      const std::vector<LinkType>& links = (*capture)->leading_links();
      inputs.links.insert(inputs.links.end(), links.begin(), links.end());
      inputs.bytes += (*capture)->size();
      inputs.captures.push_back(*std::move(capture));
      inputs.file_of.push_back(i);
    }
    return inputs;
  }

  std::vector<const CaptureFile*> files() const {
    std::vector<const CaptureFile*> files;
    for (const std::unique_ptr<CaptureFile>& capture : captures) files.push_back(capture.get());
    return files;
  }

  // All that is known to have gone wrong so far, in the order of the files.
  std::vector<std::string> errors_with(const std::vector<std::string>& by_capture) const {
    std::vector<std::string> by_file = errors;
    for (size_t i = 0; i < by_capture.size(); ++i) by_file[file_of[i]] = by_capture[i];
    std::erase(by_file, "");
    return by_file;
  }
};

// Drives the manager until every worker is done; emits epochs as they become whole.
void run(CaptureManager& manager, EpochMerger& merger, ProgressBar& bar,
         const EpochMerger::OnEpoch& on_epoch) {
  const InterruptFlag interrupt;
  manager.start();
  bool running = true;
  while (running) {
    bool idle = true;
    running = manager.poll([&](EpochPart part) {
      merger.add(std::move(part));
      idle = false;
    });
    merger.emit_before(manager.watermark_ns(), on_epoch);
    bar.update(manager.progress());
    if (interrupt.raised()) manager.stop();
    if (running && idle) usleep(kIdleSleepUs);
  }
  manager.finish();
  merger.emit_all(on_epoch);
  bar.finish(manager.progress());
}

// The EAL and the manager: everything that starts threads.
absl::StatusOr<std::unique_ptr<CaptureManager>> start(const AnalyzerOptions& options,
                                                      const CaptureManagerConfig& config) {
  const BlockedSignals blocked;
  EalConfig eal_config = CaptureManager::eal_needs(options.workers, config.files.size());
  eal_config.args = options.eal_args;
  const absl::StatusOr<EalInfo> eal = start_eal(eal_config);
  if (!eal.ok()) return eal.status();
  return CaptureManager::create(config, *eal);
}

int fail(const absl::Status& status) {
  report_error(std::string(status.message()));
  return absl::IsInvalidArgument(status) ? kExitUsage : kExitFailed;
}

}  // namespace

int analyze(const AnalyzerOptions& options) {
  raise_descriptor_limit();
  survive_cut_captures();
  if (is_one_of(options.output, options.files)) {
    return fail(absl::InvalidArgumentError(
        absl::StrCat("--output ", options.output, ": is one of the files to read")));
  }
  const Inputs inputs = Inputs::open(options.files);
  if (inputs.captures.empty()) return kExitFailed;

  const std::shared_ptr<const TaskPlan> plan = make_plan(options, inputs.bytes);
  CaptureManagerConfig config;
  config.plan = plan;
  config.files = inputs.files();
  config.workers = options.workers;
  config.period_ns = options.period_ns;
  std::unique_ptr<PacketFilter> filter;
  if (!options.filter.empty()) {
    absl::StatusOr<std::unique_ptr<PacketFilter>> compiled =
        PacketFilter::compile(options.filter, inputs.links);
    if (!compiled.ok()) return fail(absl::InvalidArgumentError(compiled.status().message()));
    filter = *std::move(compiled);
    config.filter = filter.get();
  }
  absl::StatusOr<std::unique_ptr<CaptureManager>> manager = start(options, config);
  if (!manager.ok()) return fail(manager.status());
  absl::StatusOr<std::unique_ptr<Results>> results =
      Results::open({options.format, options.rows(), options.output, options.store});
  if (!results.ok()) return fail(results.status());

  Books books;
  EpochMerger merger(*plan, options.period_ns, options.store.empty() ? options.rows() : 0);
  ProgressBar bar(options.progress);
  const Clock::time_point began = Clock::now();
  const uint64_t run_ns = system_clock_ns();
  run(**manager, merger, bar, [&](EpochResult result) {
    result.origin.run = run_ns;
    books.add(result, *plan);
    result.read_errors = inputs.errors_with((*manager)->errors());
    (*results)->epoch(result);
  });

  RunSummary summary;
  summary.elapsed_s = std::chrono::duration<double>(Clock::now() - began).count();
  summary.files = options.files;
  summary.read_errors = inputs.errors_with((*manager)->errors());
  books.close((*manager)->received_by_ports());
  summary.ledger = books.ledger();
  summary.overflow_packets = books.overflow_packets();
  for (const std::vector<std::string>& errors : {(*manager)->errors(), books.faults()}) {
    for (const std::string& error : errors) report_error(error);  // nothing for those without one
  }
  const bool written = (*results)->close(summary);
  return written && summary.read_errors.empty() && books.faults().empty() ? kExitDone : kExitFailed;
}

}  // namespace netspectra
