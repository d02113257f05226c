// Rivals: other tables under the same traffic, each in the form that serves it best.
//
//   table/absl_1m            absl::flat_hash_map on 2 MiB pages, prefetched by burst
//   table/unordered_map_1m   std::unordered_map: a node from malloc for each flow, which cannot be prefetched
//   table/rte_hash_1m        rte_hash_lookup_bulk of 64; counters in an array by position. Its default hash,
//                            CRC32C, is not keyed. Its memory is the EAL's: without hugepages on 4 KiB pages.
//
// The first two use the flow table's keyed hash. None masks the key: only the flow table is asked to.
#include <rte_hash.h>
#include <rte_hash_crc.h>

#include <functional>
#include <unordered_map>

#include "absl/container/flat_hash_map.h"
#include "base/keyed_hash.h"
#include "base/mapped_memory.h"
#include "flow/flow_record.h"
#include "harness.h"
#include "reference.h"
#include "workload.h"

namespace netspectra::bench {
namespace {

FlowCounters counters_of(const Packet& packet) {
  return {1, packet.len_bytes, packet.ts_ns, packet.ts_ns, packet.tcp_flags};
}

// From the key as it lies in memory: through FlowKey::words() it would be copied, and the copy waited for.
struct HashKey {
  size_t operator()(const FlowKey& key) const {
    const auto* const at = reinterpret_cast<const __m128i*>(&key);
    return hash(_mm_loadu_si128(at), _mm_loadu_si128(at + 1), _mm_loadl_epi64(at + 2));
  }
  KeyedHash hash;
};

// Each block a mapping of its own: for containers that allocate a few large ones.
template <class T>
struct HugePageAllocator {
  using value_type = T;
  HugePageAllocator() = default;
  template <class U>
  explicit HugePageAllocator(const HugePageAllocator<U>&) {}
  T* allocate(size_t n) {
    MappedMemory memory = MappedMemory::reserve(n * sizeof(T)).value();
    auto* const at = reinterpret_cast<T*>(memory.data());
    blocks()[at] = std::move(memory);
    return at;
  }
  void deallocate(T* at, size_t) { blocks().erase(at); }
  static std::map<void*, MappedMemory>& blocks() {
    static auto& all = *new std::map<void*, MappedMemory>;  // outlives every container
    return all;
  }
  friend bool operator==(const HugePageAllocator&, const HugePageAllocator&) { return true; }
};

using Entry = std::pair<const FlowKey, FlowCounters>;
using AbslTable =
    absl::flat_hash_map<FlowKey, FlowCounters, HashKey, std::equal_to<FlowKey>, HugePageAllocator<Entry>>;
using StdTable = std::unordered_map<FlowKey, FlowCounters, HashKey>;

struct AbslRival {
  explicit AbslRival(uint64_t flows) { table.reserve(flows); }
  void update(std::span<const Packet> packets) {
    for (const Packet& packet : packets) table.prefetch(packet.key);
    for (const Packet& packet : packets) table[packet.key].merge(counters_of(packet));
  }
  std::vector<FlowRecord> records() const {
    std::vector<FlowRecord> records;
    for (const auto& [key, counters] : table) records.push_back({key, counters});
    return records;
  }
  AbslTable table;
};

struct StdRival {
  explicit StdRival(uint64_t flows) { table.reserve(flows); }
  void update(std::span<const Packet> packets) {
    for (const Packet& packet : packets) table[packet.key].merge(counters_of(packet));
  }
  std::vector<FlowRecord> records() const {
    std::vector<FlowRecord> records;
    for (const auto& [key, counters] : table) records.push_back({key, counters});
    return records;
  }
  StdTable table;
};

struct RteHashRival {
  explicit RteHashRival(uint64_t flows) : counters(flows + 1) {
    rte_hash_parameters parameters = {};
    parameters.name = "rival";
    parameters.entries = static_cast<uint32_t>(flows);
    parameters.key_len = sizeof(FlowKey);
    parameters.hash_func = rte_hash_crc;
    parameters.socket_id = SOCKET_ID_ANY;
    table = rte_hash_create(&parameters);
  }
  void update(std::span<const Packet> packets) {
    const void* keys[kBurst];
    int32_t positions[kBurst];
    for (size_t i = 0; i < packets.size(); ++i) keys[i] = &packets[i].key;
    rte_hash_lookup_bulk(table, keys, static_cast<uint32_t>(packets.size()), positions);
    for (size_t i = 0; i < packets.size(); ++i) {
      if (positions[i] < 0) [[unlikely]]
        positions[i] = rte_hash_add_key(table, keys[i]);
      __builtin_prefetch(&counters[static_cast<size_t>(positions[i])], 1);
    }
    for (size_t i = 0; i < packets.size(); ++i) {
      counters[static_cast<size_t>(positions[i])].merge(counters_of(packets[i]));
    }
  }
  std::vector<FlowRecord> records() const {
    std::vector<FlowRecord> records;
    const void* key;
    void* data;
    uint32_t next = 0;
    for (int32_t at; (at = rte_hash_iterate(table, &key, &data, &next)) >= 0;) {
      FlowRecord& record = records.emplace_back();
      std::memcpy(static_cast<void*>(&record.key), key, sizeof(record.key));
      record.counters = counters[static_cast<size_t>(at)];
    }
    return records;
  }
  rte_hash* table;
  std::vector<FlowCounters, HugePageAllocator<FlowCounters>> counters;
};

template <class Table>
struct Rig {
  explicit Rig(const Traffic& traffic) : source(flow_stream(traffic)), table(traffic.flows) {
    const double huge_before_mib = huge_page_mib();
    run(kCheckedPackets);
    wrong = reference(traffic).check(table.records());
    const FlowStream each({traffic.flows, Draw::kEachOnce});
    source.switch_to(each);
    run(traffic.flows);
    source.switch_to(flow_stream(traffic));
    if (table.records().size() != traffic.flows) wrong = "flows are missing";
    huge_mib = huge_page_mib() - huge_before_mib;
  }
  void run(uint64_t packets) {
    for (uint64_t done = 0; done < packets; done += kBurst) table.update(source.next());
  }
  PacketSource source;
  Table table;
  std::string wrong;
  double huge_mib = 0;
};

template <class Table>
void update(benchmark::State& state) {
  using TableRig = Rig<Table>;
  TableRig& rig = kept<TableRig>(0, [] { return std::make_unique<TableRig>(Traffic{k1m}); });
  if (!rig.wrong.empty()) return fail(state, rig.wrong);
  rig.run(kWarmUpPackets);
  for (auto _ : state) rig.run(kPacketsPerIteration);
  report(state, state.iterations() * kPacketsPerIteration);
  state.counters["huge_MiB"] = rig.huge_mib;
}

}  // namespace

void register_rival_benchmarks() {
  benchmark::RegisterBenchmark("table/absl_1m", update<AbslRival>);
  benchmark::RegisterBenchmark("table/unordered_map_1m", update<StdRival>);
  benchmark::RegisterBenchmark("table/rte_hash_1m", update<RteHashRival>);
}

}  // namespace netspectra::bench
