// Epochs of known size for the engine's benchmarks (bench/engine.py): straight into a store, or to NATS, each at the end
// of its time as a probe's.
//
//   engine-load store URL EPOCHS RECORDS     prints a line for each: seconds that put() took
//   engine-load send NATS_URL EPOCHS RECORDS PERIOD_MS  prints a line for each: its start in ns
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>

#include "base/system_clock.h"
#include "bus/publisher.h"
#include "config/task_spec.h"
#include "merge/epoch_merger.h"
#include "snapshots.h"
#include "store/store.h"

namespace netspectra::bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr uint32_t kWorkers = 2;

[[noreturn]] void die(const absl::Status& status) {
  std::fprintf(stderr, "engine-load: %s\n", std::string(status.message()).c_str());
  std::exit(1);
}

std::shared_ptr<const TaskPlan> plan() {
  return std::make_shared<const TaskPlan>(plan_tasks({default_task()}));
}

void store(const std::string& url, uint64_t epochs, uint64_t count) {
  auto opened = open_store(url);
  if (!opened.ok()) die(opened.status());
  const std::shared_ptr<const TaskPlan> tasks = plan();
  for (uint64_t epoch = 0; epoch < epochs; ++epoch) {
    constexpr uint64_t kPeriodNs = 1'000'000'000;
    const uint64_t start_ns = 1'700'000'000'000'000'000 + epoch * kPeriodNs;
    const std::vector<FlowRecord> records = random_records(count, epoch);
    EpochParts parts;
    parts.add(part_of_worker(tasks, records, start_ns, kPeriodNs, 0, 1));
    EpochResult result = merge_parts(*tasks, std::move(parts), 0);
    result.origin.site = kSite;
    result.origin.probe = "probe";
    result.origin.run = 1;
    result.start_ns = start_ns;
    result.period_ns = kPeriodNs;
    const Clock::time_point began = Clock::now();
    if (const absl::Status put = (*opened)->put(result); !put.ok()) die(put);
    std::printf("%.6f\n", std::chrono::duration<double>(Clock::now() - began).count());
  }
  if (const absl::Status closed = (*opened)->close(); !closed.ok()) die(closed);
}

void send(const std::string& url, uint64_t epochs, uint64_t count, uint64_t period_ns) {
  NatsConfig nats;
  nats.urls = {url};
  auto publisher = Publisher::open(nats);
  if (!publisher.ok()) die(publisher.status());
  const std::shared_ptr<const TaskPlan> tasks = plan();
  const uint64_t run = system_clock_ns();
  for (uint64_t epoch = 0; epoch < epochs; ++epoch) {
    const std::vector<FlowRecord> records = random_records(count, epoch);
    const uint64_t start_ns = system_clock_ns() / period_ns * period_ns;
    std::vector<EpochPart> parts;
    for (uint32_t worker = 0; worker < kWorkers; ++worker) {
      parts.push_back(part_of_worker(tasks, records, start_ns, period_ns, worker, kWorkers));
    }
    while (system_clock_ns() < start_ns + period_ns)
      std::this_thread::sleep_for(std::chrono::microseconds(200));
    for (const EpochPart& part : parts) {
      for (const Message& message : encode(part, "probe", run, period_ns, kWorkers)) {
        (*publisher)->publish({message.subject, message.id, start_ns, message.bytes});
      }
    }
    std::printf("%llu\n", static_cast<unsigned long long>(start_ns));
    std::fflush(stdout);
  }
  if (!(*publisher)->flush(std::chrono::seconds(30)))
    die(absl::UnavailableError("NATS did not take everything"));
  if (const absl::Status closed = (*publisher)->close(); !closed.ok()) die(closed);
}

}  // namespace
}  // namespace netspectra::bench

int main(int argc, char** argv) {
  const std::string what = argc > 1 ? argv[1] : "";
  const auto number = [&](int at) { return std::strtoull(argv[at], nullptr, 10); };
  if (what == "store" && argc == 5) {
    netspectra::bench::store(argv[2], number(3), number(4));
  } else if (what == "send" && argc == 6) {
    netspectra::bench::send(argv[2], number(3), number(4), number(5) * 1'000'000);
  } else {
    std::fprintf(stderr, "engine-load: see the head of bench/engine_load.cc\n");
    return 2;
  }
  return 0;
}
