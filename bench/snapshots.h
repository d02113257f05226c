// Snapshots of one epoch as a probe sends them, made of known records.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "flow/flow_record.h"
#include "task/epoch_part.h"
#include "task/task_plan.h"
#include "wire/snapshot.h"

namespace netspectra::bench {

struct Message {
  std::string subject;
  std::string id;
  std::vector<uint8_t> bytes;
};

inline constexpr const char* kSite = "bench";

// `count` flows with different keys; the same for the same seed.
std::vector<FlowRecord> random_records(uint64_t count, uint64_t seed);

// The share of worker `worker` of `workers`: every workers-th record.
EpochPart part_of_worker(const std::shared_ptr<const TaskPlan>& plan, const std::vector<FlowRecord>& records,
                         uint64_t start_ns, uint64_t period_ns, uint32_t worker, uint32_t workers);

// All chunks of the part.
std::vector<Message> encode(const EpochPart& part, const std::string& probe, uint64_t run, uint64_t period_ns,
                            uint32_t workers);

}  // namespace netspectra::bench
