// Hand-made results, and ways to have them written and read back.
#pragma once

#include <arpa/inet.h>

#include <fstream>
#include <initializer_list>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "merge/epoch_result.h"
#include "output/sink.h"
#include "output/writer.h"

namespace netspectra::testing {

inline KeyFields fields(std::initializer_list<KeyField> list) {
  KeyFields out;
  for (KeyField field : list) out.add(field);
  return out;
}

inline void set_ip(std::array<uint8_t, 16>& ip, uint8_t& version, const char* text) {
  version = std::string(text).find(':') == std::string::npos ? 4 : 6;
  if (version == 4) {
    ip = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    ASSERT_EQ(inet_pton(AF_INET, text, ip.data() + 12), 1) << text;
  } else {
    ASSERT_EQ(inet_pton(AF_INET6, text, ip.data()), 1) << text;
  }
}

inline FlowKey five_tuple(const char* src, uint16_t src_port, const char* dst, uint16_t dst_port,
                          uint8_t protocol) {
  FlowKey key;
  set_ip(key.src_ip, key.ip_version, src);
  set_ip(key.dst_ip, key.ip_version, dst);
  key.be_src_port = htons(src_port);
  key.be_dst_port = htons(dst_port);
  key.protocol = protocol;
  return key;
}

inline FlowKey source(const char* src) {
  FlowKey key;
  set_ip(key.src_ip, key.ip_version, src);
  return key;
}

inline FlowKey destination(const char* dst) {
  FlowKey key;
  set_ip(key.dst_ip, key.ip_version, dst);
  return key;
}

inline FlowKey vlan(uint16_t id) {
  FlowKey key;
  key.vlan = id;
  return key;
}

inline FlowKey ports(uint16_t src, uint16_t dst) {
  FlowKey key;
  key.be_src_port = htons(src);
  key.be_dst_port = htons(dst);
  return key;
}

inline TaskConfig task(std::string name, KeyFields key_fields, uint64_t capacity = 0) {
  TaskConfig config;
  config.name = std::move(name);
  config.fields = key_fields;
  config.capacity = capacity;
  return config;
}

inline TaskConfig estimator(std::string name, TaskKind kind, KeyFields key_fields, KeyFields elements = {}) {
  TaskConfig config = task(std::move(name), key_fields);
  config.kind = kind;
  config.elements = elements;
  return config;
}

inline TaskResult exact(const TaskConfig& config, std::vector<FlowRecord> records,
                        FlowCounters overflow = FlowCounters()) {
  TaskResult result;
  result.task = &config;
  result.records = std::move(records);
  result.overflow = overflow;
  return result;
}

inline TaskResult hitters(const TaskConfig& config, std::vector<HeavyHitterRecord> records,
                          uint64_t threshold = 0) {
  TaskResult result;
  result.task = &config;
  result.heavy_hitters = std::move(records);
  result.threshold = threshold;
  return result;
}

inline TaskResult spreads(const TaskConfig& config, std::vector<SpreadRecord> records, uint64_t threshold = 0,
                          double standard_error = 0) {
  TaskResult result;
  result.task = &config;
  result.spreads = std::move(records);
  result.threshold = threshold;
  result.standard_error = standard_error;
  return result;
}

inline TaskResult cardinality(const TaskConfig& config, uint64_t count, double standard_error = 0) {
  TaskResult result;
  result.task = &config;
  result.cardinality = count;
  result.standard_error = standard_error;
  return result;
}

// A file name of this test's own; the file is removed at the end.
class TempPath {
 public:
  TempPath()
      : path_(::testing::TempDir() + "netspectra-" +
              ::testing::UnitTest::GetInstance()->current_test_info()->name() + "-" +
              std::to_string(::getpid())) {}
  ~TempPath() { std::remove(path_.c_str()); }
  const std::string& str() const { return path_; }

 private:
  const std::string path_;
};

inline std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// All that a writer makes of the epochs and, if there is one, the summary.
inline std::string written(Format format, uint64_t top, const std::vector<EpochResult>& epochs,
                           const RunSummary* summary = nullptr) {
  TempPath path;
  auto sink = Sink::open(path.str());
  EXPECT_TRUE(sink.ok()) << sink.status();
  if (!sink.ok()) return "";
  const auto writer = make_writer(format, top, **sink);
  for (const EpochResult& epoch : epochs) writer->epoch(epoch);
  if (summary != nullptr) writer->summary(*summary);
  EXPECT_TRUE((*sink)->close().ok());
  return read_file(path.str());
}

}  // namespace netspectra::testing
