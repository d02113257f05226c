// What alert tests share: rules, epochs as the merger gives them, a folder for the state.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "alert/alert_engine.h"
#include "query/parse.h"

namespace netspectra {

inline constexpr uint64_t kSecond = 1'000'000'000;
inline constexpr uint64_t kPeriod = 10 * kSecond;
inline constexpr uint64_t kStart = 1'700'000'000 * kSecond;        // of epoch 0; a multiple of the period
inline constexpr uint64_t kNow = 1'800'000'000 * kSecond;          // wall clock
inline constexpr uint64_t kNowNumber = (kNow - kStart) / kPeriod;  // of the epoch that begins then

class TempDir {
 public:
  TempDir() : path_(::mkdtemp(template_)) {}
  ~TempDir() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  const std::string& path() const { return path_; }
  std::string file(const std::string& name) const { return path_ + "/" + name; }

 private:
  char template_[32] = "/tmp/ns-alert-test-XXXXXX";
  std::string path_;
};

inline std::string content_of(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

inline std::array<uint8_t, 16> ipv4(uint8_t a, uint8_t b, uint8_t c, uint8_t d) {
  return {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, a, b, c, d};
}

inline FlowKey source(uint32_t number) {
  FlowKey key;
  key.src_ip = ipv4(10, static_cast<uint8_t>(number >> 16), static_cast<uint8_t>(number >> 8),
                    static_cast<uint8_t>(number));
  key.ip_version = 4;
  return key;
}

inline FlowKey flow(uint32_t from, uint32_t to, uint16_t src_port, uint16_t dst_port, uint8_t protocol = 6) {
  FlowKey key = source(from);
  key.dst_ip = ipv4(192, 168, static_cast<uint8_t>(to >> 8), static_cast<uint8_t>(to));
  key.be_src_port = htons(src_port);
  key.be_dst_port = htons(dst_port);
  key.protocol = protocol;
  return key;
}

inline FlowRecord record(const FlowKey& key, uint64_t packets, uint64_t bytes = 0, uint8_t tcp_flags = 0) {
  return {key, {packets, bytes, 1, 2, tcp_flags}};
}

inline KeyFields fields(const std::string& names) { return *parse_fields(names); }

// An epoch of site "ams", complete unless it is said otherwise.
class Epoch {
 public:
  explicit Epoch(uint64_t number, const std::string& probe = "edge-1") {
    result_.origin.site = "ams";
    result_.origin.probe = probe;
    result_.origin.run = 7;
    result_.start_ns = kStart + number * kPeriod;
    result_.period_ns = kPeriod;
  }
  Epoch& whole_capture() {
    result_.start_ns = result_.period_ns = 0;
    return *this;
  }
  Epoch& missing(uint32_t snapshots, uint32_t amendment = 0) {
    result_.origin.missing_snapshots = snapshots;
    result_.origin.amendment = amendment;
    return *this;
  }
  Epoch& ledger(uint64_t packets, uint64_t bytes = 0) {
    result_.ledger.rx_packets = result_.ledger.ip_packets = packets;
    result_.ledger.rx_bytes = result_.ledger.ip_bytes = bytes;
    return *this;
  }
  Epoch& lost(uint64_t packets) {
    result_.source.nic_missed = packets;
    return *this;
  }
  Epoch& flows(std::vector<FlowRecord> records, uint64_t overflow_packets = 0) {
    TaskResult& task = add("flows", TaskKind::kExact, KeyFields::five_tuple());
    task.records = std::move(records);
    task.overflow.packets = overflow_packets;
    return *this;
  }
  Epoch& hitters(std::vector<HeavyHitterRecord> records, RankBy by = RankBy::kPackets) {
    TaskResult& task = add("top_src", TaskKind::kHeavyHitters, fields("src_ip"));
    configs_.back()->by = by;
    task.heavy_hitters = std::move(records);
    return *this;
  }
  Epoch& spreads(std::vector<SpreadRecord> records) {
    add("scan", TaskKind::kSuperSpreader, fields("src_ip")).spreads = std::move(records);
    return *this;
  }
  Epoch& cardinality(uint64_t value) {
    add("hosts", TaskKind::kCardinality, fields("src_ip")).cardinality = value;
    return *this;
  }
  operator const EpochResult&() const { return result_; }

 private:
  TaskResult& add(const std::string& name, TaskKind kind, KeyFields fields) {
    TaskConfig& config = *configs_.emplace_back(std::make_shared<TaskConfig>());
    config.name = name;
    config.kind = kind;
    config.fields = fields;
    TaskResult& task = result_.tasks.emplace_back();
    task.task = &config;
    return task;
  }
  std::vector<std::shared_ptr<TaskConfig>> configs_;  // results point to them, copies of this one, too
  EpochResult result_;
};

inline AlertRule rule(AlertMetric metric, double above, const std::string& task = "") {
  AlertRule rule;
  rule.name = "r";
  rule.metric = metric;
  rule.above = above;
  rule.task = task;
  rule.receivers = {"ops"};
  return rule;
}

inline void where(AlertRule& rule, const std::string& text) {
  const auto conditions = parse_where(text);
  ASSERT_TRUE(conditions.ok()) << conditions.status();
  rule.where = *conditions;
  rule.where_text = text;
}

// An engine that can be started again on the same state.
class Desk {
 public:
  explicit Desk(std::vector<AlertRule> rules) {
    config_.state_file = dir_.file("alerts.state");
    config_.rules = std::move(rules);
    start();
  }
  explicit Desk(AlertRule rule) : Desk(std::vector<AlertRule>{std::move(rule)}) {}

  void start(uint64_t now_ns = kNow) {
    auto engine = AlertEngine::open(config_, now_ns);
    ASSERT_TRUE(engine.ok()) << engine.status();
    engine_ = *std::move(engine);
  }
  void restart(uint64_t now_ns = kNow) {
    ASSERT_TRUE(engine_->save({}).ok());
    start(now_ns);
  }
  AlertEngine* operator->() { return engine_.get(); }
  AlertConfig& config() { return config_; }

  // The events as words: "firing 10.0.0.1=5", in their order.
  std::string feed(const EpochResult& epoch, uint64_t now_ns = kNow) {
    return words(engine_->on_epoch(epoch, now_ns));
  }
  std::string tick(uint64_t now_ns) { return words(engine_->tick(now_ns)); }
  std::string state() {
    std::string text;
    for (const ActiveAlert& alert : engine_->alerts()) text += (text.empty() ? "" : "; ") + word(alert);
    return text;
  }

 private:
  static std::string word(const ActiveAlert& alert) {
    const std::string key = key_text(alert.fields, alert.key);
    return std::string(kAlertStateNames[static_cast<size_t>(alert.state)]) + " " + key +
           (key.empty() ? "" : " ") + number_text(alert.value);
  }
  static std::string words(const std::vector<AlertEvent>& events) {
    std::string text;
    for (const AlertEvent& event : events) text += (text.empty() ? "" : "; ") + word(event.alert);
    return text;
  }
  TempDir dir_;
  AlertConfig config_;
  std::unique_ptr<AlertEngine> engine_;
};

}  // namespace netspectra
