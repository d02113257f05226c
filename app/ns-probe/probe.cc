#include "probe.h"

#include <sched.h>
#include <unistd.h>

#include <chrono>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/system_clock.h"
#include "base/units.h"
#include "bus/publisher.h"
#include "capture_source.h"
#include "common/report.h"
#include "common/signals.h"
#include "ethdev/cpu_load.h"
#include "ethdev/cpu_placement.h"
#include "ethdev/eal.h"
#include "ethdev/port_attach.h"
#include "helper_threads.h"
#include "instance_lock.h"
#include "local_sink.h"
#include "merge/part_joiner.h"
#include "nats_sink.h"
#include "ports.h"
#include "short_name.h"
#include "status_keeper.h"
#include "task/task_words.h"
#include "telemetry/metrics_server.h"
#include "telemetry/period_line.h"
#include "telemetry/telemetry_commands.h"
#include "worker/port_manager.h"

namespace netspectra {
namespace {

using Clock = std::chrono::steady_clock;

constexpr uint64_t kDefaultCapacity = 1 << 20;  // flows of a worker
constexpr useconds_t kIdleSleepUs = 500;
constexpr std::chrono::milliseconds kWatchEvery(200);
constexpr std::chrono::milliseconds kLookAtCpus(200);

std::shared_ptr<const TaskPlan> make_plan(const std::vector<TaskConfig>& tasks) {
  auto plan = std::make_shared<TaskPlan>(plan_tasks(tasks));
  for (TaskConfig& task : plan->tasks) {
    if (task.capacity == 0) task.capacity = kDefaultCapacity;
  }
  return plan;
}

int fail(const absl::Status& status) {
  report_error(std::string(status.message()));
  return absl::IsInvalidArgument(status) ? kExitUsage : kExitFailed;
}

CpuPlacement place(const ProbeOptions& options) {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  sched_getaffinity(0, sizeof(allowed), &allowed);
  std::vector<int> nodes;
  for (const PortOptions& port : options.ports)
    nodes.insert(nodes.end(), port.queues, numa_node_of(port.spec));
  return place_workers(read_cpus(allowed), nodes);
}

// What takes part in a run from its start to its end.
struct Run {
  Run(const ProbeOptions& options, int argc, const char* const* argv, StatusBoard& board)
      : options(options), argc(argc), argv(argv), board(board) {}

  const ProbeOptions& options;
  const int argc;
  const char* const* const argv;
  const uint64_t run = system_clock_ns();
  std::shared_ptr<const TaskPlan> plan;
  EalInfo eal;
  std::vector<std::string> warnings;  // of the CPUs
  StatusBoard& board;
  std::unique_ptr<Publisher> publisher;
  std::unique_ptr<HttpServer> metrics;
  std::unique_ptr<CaptureSource> captures;  // one of these two
  std::unique_ptr<PortManager> ports;
  std::unique_ptr<PartSink> sink;

  Manager& manager() const { return ports != nullptr ? static_cast<Manager&>(*ports) : captures->manager(); }
};

absl::Status start_dpdk(Run& run) {
  const ProbeOptions& options = run.options;
  EalConfig config;
  config.args = options.eal_args;
  config.memory_mib = memory_mib(options);
  config.polling_lcores = workers(options);
  if (replays_captures(options)) {
    absl::StatusOr<std::unique_ptr<CaptureSource>> captures =
        CaptureSource::open(capture_files(options), workers(options), options.period_ns, run.plan);
    if (!captures.ok()) return captures.status();
    run.captures = *std::move(captures);
    config.polling_lcores = run.captures->lcores();
  } else {
    if (options.eal_args.empty()) {
      CpuPlacement placement = place(options);
      config.main_cpu = placement.main_cpu;
      config.worker_cpus = std::move(placement.worker_cpus);
      run.warnings = std::move(placement.warnings);
    }
    for (const PortOptions& port : options.ports) {
      if (port_kind(port.spec) == PortKind::kPci) config.pci_ports.push_back(port.spec);
    }
  }
  config.telemetry = true;
  config.file_prefix = short_name(options.site, options.probe_id);
  absl::StatusOr<EalInfo> eal = start_eal(config);
  if (!eal.ok()) return eal.status();
  run.eal = *std::move(eal);
  if (run.captures != nullptr) return absl::OkStatus();
  std::vector<int> polled;
  for (const std::vector<int>& cpus : run.eal.polling_cpus)
    polled.insert(polled.end(), cpus.begin(), cpus.end());
  return judge_cpus(measure_cpus(polled, kLookAtCpus), options.share_cpus, run.warnings);
}

absl::Status start_manager(Run& run) {
  const ProbeOptions& options = run.options;
  if (run.captures != nullptr) return run.captures->make_manager(run.eal);
  absl::StatusOr<std::unique_ptr<PortManager>> ports =
      PortManager::create({.plan = run.plan, .period_ns = options.period_ns}, port_configs(options), run.eal);
  if (!ports.ok()) return ports.status();
  run.ports = *std::move(ports);
  return run.ports->start_ports();
}

std::vector<WorkerStatus> worker_places(const Run& run) {
  std::vector<WorkerStatus> places;
  if (run.ports != nullptr) {
    for (const PortManager::Place& place : run.ports->places()) {
      WorkerStatus& status = places.emplace_back();
      status.port = place.port->info().spec;
      status.queue = place.queue;
      const std::vector<int>& cpus = run.eal.polling_cpus[places.size() - 1];
      if (cpus.size() == 1) status.cpu = cpus.front();
    }
    return places;
  }
  for (const PortOptions& port : run.options.ports) {
    for (unsigned queue = 0; queue < port.queues; ++queue) {
      WorkerStatus& status = places.emplace_back();
      status.port = port.spec;
      status.queue = queue;
    }
  }
  return places;
}

std::vector<PortStatus> port_states(const Run& run) {
  std::vector<PortStatus> states;
  if (run.ports == nullptr) return states;
  for (const std::unique_ptr<Port>& port : run.ports->ports()) {
    const PortInfo info = port->info();
    states.push_back(
        {info.spec, info.driver, info.link_up, info.link_mbps, info.rss, info.hardware_timestamps});
  }
  return states;
}

// What is known before the first period is over: whoever asks meanwhile sees who measures, and zeros.
void post_first(const Run& run, ProbeStatus status) {
  status.ports = port_states(run);
  if (run.publisher != nullptr) status.nats = run.publisher->stats();
  run.board.post(std::move(status));
}

// The effective configuration: what was asked for, what became of it, and what to know about that.
void tell_configuration(const Run& run, const std::vector<WorkerStatus>& places) {
  const ProbeOptions& options = run.options;
  report_error(absl::StrCat("probe ", options.site, "/", options.probe_id, ", run ", run.run, ", period ",
                            exact_duration_ns(options.period_ns), ", ",
                            run.publisher != nullptr ? "snapshots to NATS" : "local results"));
  if (run.ports != nullptr) {
    for (const std::unique_ptr<Port>& port : run.ports->ports()) {
      const PortInfo info = port->info();
      report_error(absl::StrCat("port ", info.spec, ": ", info.driver, ", ", port->queues(), " queues, link ",
                                info.link_up ? "up" : "down", ", spread by ", info.rss, ", time by ",
                                info.hardware_timestamps ? "the NIC" : "the CPU"));
      for (const std::string& warning : info.warnings) {
        report_error(absl::StrCat("port ", info.spec, ": warning: ", warning));
      }
    }
    for (const std::string& warning : run.warnings) report_error("warning: " + warning);
  }
  for (size_t i = 0; i < places.size(); ++i) {
    if (places[i].cpu < 0) continue;
    report_error(absl::StrCat("worker ", i, ": ", places[i].port, " queue ", places[i].queue, " on CPU ",
                              places[i].cpu));
  }
  for (size_t i = 0; i < run.plan->tasks.size(); ++i) {
    const TaskConfig& task = run.plan->tasks[i];
    std::string line = absl::StrCat("task ", task.name, ": ", kind_name(task.kind));
    if (run.plan->derived(i)) {
      absl::StrAppend(&line, ", from the records of ",
                      run.plan->tasks[run.plan->measured[run.plan->measured_by[i]]].name);
    } else if (task.kind == TaskKind::kExact) {
      absl::StrAppend(&line, ", room for ", human_count(task.capacity), " flows per worker");
    }
    report_error(line);
  }
}

// SIGHUP: the tasks of the configuration file, from the epoch after the next boundary on. The rest needs a restart.
void reload(Run& run) {
  if (run.ports == nullptr) return report_error("SIGHUP: tasks of a replay cannot be changed");
  auto parsed = parse_probe_options(run.argc, run.argv);
  if (!parsed.ok()) {
    return report_error(absl::StrCat("SIGHUP: the configuration is refused, the tasks stay as they are:\n",
                                     std::string(parsed.status().message())));
  }
  std::shared_ptr<const TaskPlan> plan = make_plan(std::get<ProbeOptions>(*parsed).tasks);
  if (absl::Status changed = run.ports->change_plan(plan); !changed.ok()) {
    return report_error(absl::StrCat("SIGHUP: the tasks stay as they are: ", std::string(changed.message())));
  }
  run.plan = std::move(plan);
  report_error(absl::StrCat("SIGHUP: ", run.plan->tasks.size(), " tasks from the epoch after the next"));
}

void tell(const std::vector<std::string>& lines) {
  for (const std::string& line : lines) report_error(line);
}

// The books of the run, exact to the packet.
void tell_totals(const Run& run) {
  const ProbeStatus status = run.board.read();
  const WorkerStatus::Counts total = status.sum(&WorkerStatus::total);
  std::string line =
      absl::StrCat("measured ", format_count(total.rx_packets), " packets in ", format_count(status.epochs),
                   status.epochs == 1 ? " epoch" : " epochs", ", lost ", format_count(total.source.lost()));
  if (run.publisher != nullptr) {
    const PublisherStats nats = run.publisher->stats();
    absl::StrAppend(&line, "; ", format_count(nats.published), " messages acknowledged by NATS, ",
                    format_count(nats.spooled), " left in the spool, ", format_count(nats.dropped),
                    " given up");
  }
  report_error(line);
}

// Drives the manager until every worker is done.
void measure(Run& run, StatusKeeper& keeper, const InterruptFlag& interrupt, ReloadFlag& hang_up) {
  Manager& manager = run.manager();
  const Clock::time_point began = Clock::now();
  Clock::time_point watched = began;
  // Of the moment before the newest epoch is handed over: what waits then is what NATS has not taken in time.
  PublisherStats nats;
  uint64_t newest_ns = 0;
  const auto on_period = [&](ProbeStatus& status) {
    status.ports = port_states(run);
    status.nats = nats;
    run.sink->period(status);
    run.board.post(status);
    report_error(period_line(status));
  };
  const auto hand_over = [&](EpochPart part) {
    keeper.add(part);
    if (run.publisher != nullptr && part.start_ns > newest_ns) {
      nats = run.publisher->stats();
      newest_ns = part.start_ns;
    }
    run.sink->part(std::move(part));
  };
  // Of captures a worker may seal an epoch more than once; of a port never.
  PartJoiner joiner(workers(run.options));
  manager.start();
  bool running = true;
  while (running) {
    bool idle = true;
    running = manager.poll([&](EpochPart part) {
      idle = false;
      if (run.captures != nullptr) {
        joiner.add(std::move(part));
      } else {
        hand_over(std::move(part));
      }
    });
    joiner.emit_before(running ? manager.watermark_ns() : UINT64_MAX, hand_over);
    run.sink->watermark(manager.watermark_ns());
    keeper.finish_before(manager.watermark_ns(), on_period);
    const Clock::time_point now = Clock::now();
    if (now - watched >= kWatchEvery) {
      watched = now;
      if (run.ports != nullptr) tell(run.ports->watch());
      tell(run.sink->take_events());
      if (hang_up.take()) reload(run);
    }
    const bool over =
        run.options.duration_ns != 0 && now - began >= std::chrono::nanoseconds(run.options.duration_ns);
    if (over || interrupt.raised() || !run.sink->healthy()) manager.stop();
    if (running && idle) usleep(kIdleSleepUs);
  }
  manager.finish();
  keeper.finish_before(UINT64_MAX, on_period);
}

}  // namespace

int run_probe(const ProbeOptions& options, int argc, const char* const* argv) {
  // From the first moment to the last acknowledgement: a signal while it starts, or waits for NATS, loses nothing.
  const InterruptFlag interrupt;
  ReloadFlag hang_up;
  if (absl::Status checked = check_driver_settings(options); !checked.ok()) return fail(checked);
  const absl::StatusOr<InstanceLock> lock = InstanceLock::take(options.site, options.probe_id);
  if (!lock.ok()) return fail(lock.status());

  // DPDK's telemetry thread asks it as long as the process lives.
  static StatusBoard board;
  Run run(options, argc, argv, board);
  run.plan = make_plan(options.tasks);
  {
    const BlockedSignals blocked;
    if (absl::Status started = start_dpdk(run); !started.ok()) return fail(started);
  }
  if (options.sink == ProbeSink::kNats) {
    const HelperThreads made(run.eal);
    absl::StatusOr<std::unique_ptr<Publisher>> publisher = Publisher::open(options.nats);
    if (!publisher.ok()) return fail(publisher.status());
    run.publisher = *std::move(publisher);
  }
  {
    const BlockedSignals blocked;
    if (absl::Status started = start_manager(run); !started.ok()) return fail(started);
  }
  const std::vector<WorkerStatus> places = worker_places(run);
  StatusKeeper keeper(options, run.run, places, *run.plan);
  post_first(run, keeper.status());
  if (!options.metrics.empty()) {
    const HelperThreads made(run.eal);
    absl::StatusOr<std::unique_ptr<HttpServer>> metrics = serve_metrics(options.metrics, run.board);
    if (!metrics.ok()) return fail(metrics.status());
    run.metrics = *std::move(metrics);
  }
  if (absl::Status registered = register_telemetry_commands(run.board); !registered.ok()) {
    report_error(absl::StrCat("warning: ", std::string(registered.message())));
  }

  NatsSink* nats_sink = nullptr;
  if (run.publisher != nullptr) {
    std::vector<NatsSink::Place> of_workers;
    for (const WorkerStatus& place : places) of_workers.push_back({place.port, place.queue});
    auto sink = std::make_unique<NatsSink>(options, run.run, std::move(of_workers), *run.publisher);
    nats_sink = sink.get();
    run.sink = std::move(sink);
  } else {
    absl::StatusOr<std::unique_ptr<LocalSink>> sink = LocalSink::open(options, run.run);
    if (!sink.ok()) return fail(sink.status());
    run.sink = *std::move(sink);
  }
  tell_configuration(run, places);
  tell(run.sink->take_events());
  measure(run, keeper, interrupt, hang_up);

  bool whole = run.sink->close();
  tell(run.sink->take_events());
  tell_totals(run);
  if (nats_sink != nullptr && nats_sink->records() != 0) {
    report_error(absl::StrFormat(
        "%s records handed over, %.0f ns each on the control core", format_count(nats_sink->records()),
        static_cast<double>(nats_sink->cpu_ns()) / static_cast<double>(nats_sink->records())));
  }
  if (run.captures != nullptr) {
    for (const std::string& error : run.captures->errors()) {
      report_error(error);
      whole = false;
    }
  }
  return whole ? kExitDone : kExitFailed;
}

}  // namespace netspectra
