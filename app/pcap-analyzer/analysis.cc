#include "analysis.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "capture/capture_file.h"
#include "capture/packet_filter.h"
#include "ethdev/eal.h"
#include "merge/epoch_merger.h"
#include "output/sink.h"
#include "output/writer.h"
#include "progress_bar.h"
#include "report.h"
#include "store/store.h"
#include "task/task_plan.h"
#include "worker/manager.h"

namespace netspectra {
namespace {

using Clock = std::chrono::steady_clock;

// The smallest record of a capture file with a countable packet in it: header and an IPv4 header.
constexpr uint64_t kLeastBytesPerPacket = 16 + 20;
// Of a grown table: a slot at load 0.75, and as much again in the generations that it has outgrown.
constexpr uint64_t kBytesPerFlow = 200;

// A task without a configured capacity gets room for as many flows as the files could hold, but all tables
// together no more than a quarter of the machine's memory. Only what is used is touched.
uint64_t default_capacity(uint64_t file_bytes, uint64_t tables) {
  const auto memory =
      static_cast<uint64_t>(sysconf(_SC_PHYS_PAGES)) * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  return std::max<uint64_t>(1,
                            std::min(file_bytes / kLeastBytesPerPacket, memory / 4 / kBytesPerFlow / tables));
}

TaskPlan make_plan(const AnalyzerOptions& options, uint64_t file_bytes) {
  TaskPlan plan = plan_tasks(options.tasks);
  const uint64_t tables = 2 * options.workers * plan.measured.size();
  for (TaskConfig& task : plan.tasks) {
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

// The output is truncated when it is opened: it must not be one of the captures, under whatever name.
bool is_one_of(const std::string& output, const std::vector<std::unique_ptr<CaptureFile>>& captures) {
  struct stat out = {};
  if (output == "-" || stat(output.c_str(), &out) != 0) return false;
  return std::any_of(captures.begin(), captures.end(), [&](const std::unique_ptr<CaptureFile>& capture) {
    struct stat in = {};
    return fstat(capture->fd(), &in) == 0 && in.st_dev == out.st_dev && in.st_ino == out.st_ino;
  });
}

// SIGINT and SIGTERM, taken by the control loop where other programs would sleep. Blocked before any thread
// exists, so that no worker is ever interrupted.
class Interrupts {
 public:
  Interrupts() {
    sigemptyset(&signals_);
    sigaddset(&signals_, SIGINT);
    sigaddset(&signals_, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &signals_, nullptr);
  }
  // Sleeps, at most 500 us. True once, at the first signal; a second one ends the process as usual.
  bool sleep() {
    const timespec half_a_millisecond = {0, 500'000};
    if (sigtimedwait(&signals_, nullptr, &half_a_millisecond) < 0) return false;
    pthread_sigmask(SIG_UNBLOCK, &signals_, nullptr);
    return true;
  }

 private:
  sigset_t signals_;
};

// Where results go: the output and, if there is one, the store.
class Results {
 public:
  static absl::StatusOr<std::unique_ptr<Results>> open(const AnalyzerOptions& options) {
    std::unique_ptr<Results> results(new Results);
    absl::StatusOr<std::unique_ptr<Sink>> sink = Sink::open(options.output);
    if (!sink.ok()) return sink.status();
    results->sink_ = *std::move(sink);
    results->writer_ = make_writer(options.format, options.rows(), *results->sink_);
    if (!options.store.empty()) {
      absl::StatusOr<std::unique_ptr<Store>> store = open_store(options.store);
      if (!store.ok()) return store.status();
      results->store_ = *std::move(store);
    }
    return results;
  }

  void epoch(const EpochResult& result) {
    if (result.ledger.rx_packets + result.ledger.filtered_out == 0) return;
    writer_->epoch(result);
    if (store_ != nullptr && store_status_.ok()) store_status_ = store_->put(result);
  }

  // Writes the summary, closes everything, and reports what could not be written.
  bool close(const RunSummary& summary) {
    writer_->summary(summary);
    if (store_ != nullptr && store_status_.ok()) store_status_ = store_->close();
    const absl::Status output_status = sink_->close();
    for (const absl::Status& status : {store_status_, output_status}) {
      if (!status.ok()) report_error(std::string(status.message()));
    }
    return store_status_.ok() && output_status.ok();
  }

 private:
  Results() = default;
  std::unique_ptr<Sink> sink_;
  std::unique_ptr<Writer> writer_;
  std::unique_ptr<Store> store_;
  absl::Status store_status_;
};

// The books of the whole run, and what does not balance in them.
class Books {
 public:
  void add(const EpochResult& result, const TaskPlan& plan) {
    ledger_.merge(result.ledger);
    for (const TaskResult& task : result.tasks) {
      uint64_t packets = task.overflow.packets;
      for (const FlowRecord& record : task.records) packets += record.counters.packets;
      if (packets == result.ledger.ip_packets) continue;
      faults_.push_back(absl::StrCat("internal error: task ", task.task->name, " accounts for ", packets,
                                     " of ", result.ledger.ip_packets, " IP packets"));
    }
    for (size_t measured : plan.measured) overflow_packets_ += result.tasks[measured].overflow.packets;
  }
  void close(uint64_t received_by_ports) {
    const uint64_t read = ledger_.rx_packets + ledger_.filtered_out;
    if (!ledger_.balanced() || read != received_by_ports) {
      faults_.push_back(absl::StrCat("internal error: ", received_by_ports, " packets received, but ",
                                     ledger_.ip_packets, " IP + ", ledger_.not_ip(), " not IP + ",
                                     ledger_.malformed(), " malformed + ", ledger_.filtered_out,
                                     " filtered out"));
    }
  }
  const Ledger& ledger() const { return ledger_; }
  uint64_t overflow_packets() const { return overflow_packets_; }
  const std::vector<std::string>& faults() const { return faults_; }

 private:
  Ledger ledger_;
  uint64_t overflow_packets_ = 0;
  std::vector<std::string> faults_;
};

// Drives the manager until every worker is done; emits epochs as they become whole.
void run(Manager& manager, EpochMerger& merger, Interrupts& interrupts, ProgressBar& bar,
         const EpochMerger::OnEpoch& on_epoch) {
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
    if (running && idle && interrupts.sleep()) manager.stop();
  }
  manager.finish();
  merger.emit_all(on_epoch);
  bar.finish(manager.progress());
}

}  // namespace

int analyze(const AnalyzerOptions& options) {
  Interrupts interrupts;
  raise_descriptor_limit();

  RunSummary summary;
  summary.files = options.files;
  std::vector<std::unique_ptr<CaptureFile>> captures;
  ManagerConfig config;
  std::vector<LinkType> links;
  uint64_t file_bytes = 0;
  for (const std::string& path : options.files) {
    absl::StatusOr<std::unique_ptr<CaptureFile>> capture = CaptureFile::open(path);
    if (!capture.ok()) {
      summary.read_errors.emplace_back(capture.status().message());
      continue;
    }
    file_bytes += (*capture)->size();
    links.insert(links.end(), (*capture)->leading_links().begin(), (*capture)->leading_links().end());
    config.files.push_back(capture->get());
    captures.push_back(*std::move(capture));
  }
  for (const std::string& error : summary.read_errors) report_error(error);
  if (captures.empty()) return kExitFailed;

  std::unique_ptr<PacketFilter> filter;
  if (!options.filter.empty()) {
    absl::StatusOr<std::unique_ptr<PacketFilter>> compiled = PacketFilter::compile(options.filter, links);
    if (!compiled.ok()) {
      report_error(std::string(compiled.status().message()));
      return kExitUsage;
    }
    filter = *std::move(compiled);
  }

  if (is_one_of(options.output, captures)) {
    report_error(absl::StrCat("--output ", options.output, ": is one of the captures"));
    return kExitUsage;
  }
  absl::StatusOr<std::unique_ptr<Results>> results = Results::open(options);
  if (!results.ok()) {
    report_error(std::string(results.status().message()));
    return absl::IsInvalidArgument(results.status()) ? kExitUsage : kExitFailed;
  }

  const TaskPlan plan = make_plan(options, file_bytes);
  config.plan = &plan;
  config.workers = options.workers;
  config.period_ns = options.period_ns;
  config.filter = filter.get();

  EalConfig eal_config = Manager::eal_needs(options.workers, config.files.size());
  eal_config.args = options.eal_args;
  absl::StatusOr<EalInfo> eal = start_eal(eal_config);
  absl::Status started = eal.status();
  std::unique_ptr<Manager> manager;
  if (started.ok()) {
    absl::StatusOr<std::unique_ptr<Manager>> made = Manager::create(config, *eal);
    started = made.status();
    if (started.ok()) manager = *std::move(made);
  }
  if (!started.ok()) {
    report_error(std::string(started.message()));
    return kExitFailed;
  }

  Books books;
  EpochMerger merger(plan, options.period_ns, options.store.empty() ? options.rows() : 0);
  ProgressBar bar(options.progress);
  const Clock::time_point start = Clock::now();
  run(*manager, merger, interrupts, bar, [&](const EpochResult& result) {
    books.add(result, plan);
    (*results)->epoch(result);
  });
  summary.elapsed_s = std::chrono::duration<double>(Clock::now() - start).count();

  books.close(manager->received_by_ports());
  for (const std::string& error : manager->read_errors()) {
    report_error(error);
    summary.read_errors.push_back(error);
  }
  for (const std::string& fault : books.faults()) report_error(fault);
  summary.ledger = books.ledger();
  summary.overflow_packets = books.overflow_packets();
  const bool written = (*results)->close(summary);
  return written && summary.read_errors.empty() && books.faults().empty() ? kExitDone : kExitFailed;
}

}  // namespace netspectra
