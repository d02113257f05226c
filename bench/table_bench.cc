// table/*: the flow table, every flow in it before the timing; raw/*: the floor that memory puts under it.
//
// raw/*: for each packet one read-modify-write of a line of tags and one of a slot, prefetched by batch, in
//   memory of the table's size. The packet's flow chooses the lines: as many different ones are touched as by
//   the table.
#include <array>
#include <bit>

#include "flow/flow_table.h"
#include "harness.h"
#include "reference.h"
#include "workload.h"

namespace netspectra::bench {
namespace {

struct TableRig {
  explicit TableRig(const Traffic& traffic)
      : table(FlowTable::create(KeyFields::five_tuple(), 2 * traffic.flows).value()),
        source(flow_stream(traffic)) {
    run(kCheckedPackets);
    std::vector<FlowRecord> records;
    table.drain(records);
    wrong = reference(traffic).check(records);
    table.reset();

    const double huge_before_mib = huge_page_mib();
    const FlowStream each({traffic.flows, Draw::kEachOnce});
    source.switch_to(each);
    for (size_t done = 0; done < each.flows().size(); done += kBurst) {
      table.prepare();
      table.update(source.next());
    }
    finish();
    source.switch_to(flow_stream(traffic));
    if (table.used() != traffic.flows || table.overflow().packets != 0) wrong = "flows are missing";
    huge_mib = huge_page_mib() - huge_before_mib;
  }
  void run(uint64_t packets) {
    for (uint64_t done = 0; done < packets; done += kBurst) table.update(source.next());
    finish();
  }
  void finish() {
    table.update({});
    table.update({});
  }

  FlowTable table;
  PacketSource source;
  std::string wrong;
  double huge_mib = 0;
};

void update(benchmark::State& state, const Traffic& traffic) {
  TableRig& rig = kept<TableRig>(traffic, [&] { return std::make_unique<TableRig>(traffic); });
  if (!rig.wrong.empty()) return fail(state, rig.wrong);
  rig.run(kWarmUpPackets);
  for (auto _ : state) {
    for (uint64_t done = 0; done < kPacketsPerIteration; done += kBurst) rig.table.update(rig.source.next());
  }
  rig.finish();
  if (rig.table.used() != traffic.flows) return fail(state, "the table has not kept its flows");
  report(state, state.iterations() * kPacketsPerIteration);
  state.counters["huge_MiB"] = rig.huge_mib;
}

struct RawRig {
  static constexpr uint64_t kLine = 64;
  static constexpr uint64_t kTagLines = 32, kSlotLines = 1024;  // of a segment

  explicit RawRig(uint64_t flows)
      : segments(std::bit_ceil((flows + 767) / 768)), cursor(flow_stream({flows})) {
    tags.populate(0, segments * kTagLines * kLine);
    slots.populate(0, segments * kSlotLines * kLine);
  }
  static uint64_t* line(MappedMemory& memory, uint64_t lines, uint64_t hash) {
    const uint64_t at = (hash >> 32) * lines >> 32;
    return reinterpret_cast<uint64_t*>(memory.data() + at * kLine);
  }
  void run(uint64_t packets) {
    constexpr size_t kBatch = 32;
    const uint64_t tag_lines = segments * kTagLines, slot_lines = segments * kSlotLines;
    std::array<uint64_t*, kBatch> tag, slot;
    for (uint64_t done = 0; done < packets; done += kBurst) {
      const uint64_t* const burst = cursor.next_burst();
      for (size_t batch = 0; batch < kBurst; batch += kBatch) {
        for (size_t i = 0; i < kBatch; ++i) {
          const uint64_t flow = burst[batch + i];
          tag[i] = line(tags, tag_lines, flow);
          slot[i] = line(slots, slot_lines, flow * 0x9e3779b97f4a7c15);  // has nothing to do with the other
          __builtin_prefetch(tag[i], 1);
          __builtin_prefetch(slot[i], 1);
        }
        for (size_t i = 0; i < kBatch; ++i) {
          ++*tag[i];
          ++*slot[i];
        }
      }
    }
  }

  const uint64_t segments;
  MappedMemory tags = MappedMemory::reserve(segments * kTagLines * kLine).value();
  MappedMemory slots = MappedMemory::reserve(segments * kSlotLines * kLine).value();
  StreamCursor cursor;
};

void tags_and_slots(benchmark::State& state, uint64_t flows) {
  RawRig& rig = kept<RawRig>(flows, [&] { return std::make_unique<RawRig>(flows); });
  rig.run(kWarmUpPackets);
  for (auto _ : state) rig.run(kPacketsPerIteration);
  report(state, state.iterations() * kPacketsPerIteration);
}

}  // namespace

void register_table_benchmarks() {
  benchmark::RegisterBenchmark("raw/tags_and_slots_1m", tags_and_slots, k1m);
  benchmark::RegisterBenchmark("raw/tags_and_slots_8m", tags_and_slots, k8m);
  benchmark::RegisterBenchmark("table/netspectra_64k", update, Traffic{k64k});
  benchmark::RegisterBenchmark("table/netspectra_1m", update, Traffic{k1m});
  benchmark::RegisterBenchmark("table/netspectra_8m", update, Traffic{k8m});
  benchmark::RegisterBenchmark("table/netspectra_zipf_1m", update, Traffic{k1m, Draw::kZipf});
}

}  // namespace netspectra::bench
