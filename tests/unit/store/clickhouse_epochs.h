// What the ClickHouse store's tests share: an epoch, a clock, a store.
#pragma once

#include <arpa/inet.h>

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "clickhouse_server.h"
#include "store/clickhouse_store.h"

namespace netspectra::clickhouse_test {

inline constexpr uint64_t kSecond = 1'000'000'000;
inline constexpr uint64_t kStart = 1'398'798'000 * kSecond;   // 2014-04-29 19:00:00
inline constexpr uint64_t kStored = 1'767'225'600 * kSecond;  // 2026-01-01 00:00:00
inline constexpr uint64_t kDay = 86'400 * kSecond;

inline uint64_t clock_now_ns = kStored;
inline uint64_t test_clock() { return clock_now_ns; }

inline KeyFields only(std::initializer_list<KeyField> list) {
  KeyFields fields;
  for (const KeyField field : list) fields.add(field);
  return fields;
}

inline TaskConfig task(const std::string& name, TaskKind kind, KeyFields fields) {
  TaskConfig config;
  config.name = name;
  config.kind = kind;
  config.fields = fields;
  return config;
}

inline std::array<uint8_t, 16> ipv4(uint8_t a, uint8_t b, uint8_t c, uint8_t d) {
  return {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, a, b, c, d};
}

inline FlowKey flow(uint8_t last, uint16_t dst_port) {
  FlowKey key;
  key.src_ip = ipv4(10, 0, 0, last);
  key.dst_ip = ipv4(192, 168, 255, 9);
  key.ip_version = 4;
  key.be_src_port = htons(1234);
  key.be_dst_port = htons(dst_port);
  key.protocol = 6;
  return key;
}

// Of 10 s, without tasks.
inline EpochResult epoch_at(uint64_t start_ns, const std::string& probe = "edge-1") {
  EpochResult result;
  result.origin.site = "ams";
  result.origin.probe = probe;
  result.origin.run = 77;
  result.start_ns = start_ns;
  result.period_ns = 10 * kSecond;
  return result;
}

inline void add_records(EpochResult& epoch, const TaskConfig& task, std::vector<FlowRecord> records) {
  TaskResult& result = epoch.tasks.emplace_back();
  result.task = &task;
  result.records = std::move(records);
}

inline std::unique_ptr<Store> opened(const std::string& url) {
  const absl::StatusOr<ClickHouseOptions> options = parse_clickhouse_url(url);
  EXPECT_TRUE(options.ok()) << options.status();
  if (!options.ok()) return nullptr;
  auto store = open_clickhouse_store(*options, test_clock);
  EXPECT_TRUE(store.ok()) << store.status();
  return store.ok() ? *std::move(store) : nullptr;
}

}  // namespace netspectra::clickhouse_test
