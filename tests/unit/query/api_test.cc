#include "query/api.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "memory_source.h"

namespace netspectra {
namespace {

using testing::HasSubstr;
constexpr uint64_t kSecond = 1'000'000'000, kPeriod = 10 * kSecond, kStart = 1'700'000'000 * kSecond;

FlowKey key(const char* src, const char* dst, uint16_t src_port, uint16_t dst_port, uint8_t protocol) {
  FlowKey key;
  key.ip_version = 4;
  key.src_ip[10] = key.src_ip[11] = key.dst_ip[10] = key.dst_ip[11] = 0xff;
  EXPECT_EQ(inet_pton(AF_INET, src, key.src_ip.data() + 12), 1);
  EXPECT_EQ(inet_pton(AF_INET, dst, key.dst_ip.data() + 12), 1);
  key.be_src_port = htons(src_port);
  key.be_dst_port = htons(dst_port);
  key.protocol = protocol;
  return key;
}

class ApiTest : public testing::Test {
 protected:
  ApiTest() {
    flows_.name = "flows";
    flows_.fields = KeyFields::five_tuple();
    flows_.capacity = 1000;
    talkers_.name = "talkers";
    talkers_.kind = TaskKind::kHeavyHitters;
    talkers_.fields.add(KeyField::kSrcIp);
    talkers_.threshold.share_ppm = 1000;
    talkers_.by = RankBy::kBytes;
    hosts_.name = "hosts";
    hosts_.kind = TaskKind::kCardinality;
    hosts_.fields.add(KeyField::kSrcIp);
  }

  EpochResult epoch(uint64_t start_ns, const char* probe, std::vector<FlowRecord> records) {
    EpochResult epoch;
    epoch.origin.site = "ams";
    epoch.origin.probe = probe;
    epoch.origin.run = 1'699'999'999'000'000'000;
    epoch.start_ns = start_ns;
    epoch.period_ns = kPeriod;
    for (const FlowRecord& record : records) {
      epoch.ledger.ip_packets += record.counters.packets;
      epoch.ledger.ip_bytes += record.counters.bytes;
    }
    epoch.ledger.rx_packets = epoch.ledger.ip_packets;
    epoch.ledger.rx_bytes = epoch.ledger.ip_bytes;
    TaskResult& result = epoch.tasks.emplace_back();
    result.task = &flows_;
    result.records = std::move(records);
    return epoch;
  }

  // Two probes and two epochs: a web server asked by two clients, and a name server.
  void put_sample() {
    source_.put(epoch(
        kStart, "edge-1",
        {{web(1), {10, 1000, kStart + 1, kStart + 5, 18}}, {dns(), {1, 90, kStart + 2, kStart + 2, 0}}}));
    source_.put(epoch(kStart, "edge-2", {{web(2), {3, 500, kStart + 3, kStart + 9, 2}}}));
    source_.put(
        epoch(kStart + kPeriod, "edge-1", {{web(1), {5, 400, kStart + kPeriod, kStart + kPeriod, 17}}}));
  }
  static FlowKey web(int client) {
    return key(("10.0.0." + std::to_string(client)).c_str(), "192.0.2.80", 40000, 443, 6);
  }
  static FlowKey dns() { return key("10.0.0.1", "192.0.2.53", 5353, 53, 17); }

  absl::StatusOr<std::string> ask(const char* path, const QueryParameters& parameters) {
    return answer_query(source_, path, parameters, kStart + 60 * kSecond, limits_);
  }
  // Up to the ledger.
  std::string rows(const char* path, const QueryParameters& parameters) {
    const absl::StatusOr<std::string> answer = ask(path, parameters);
    EXPECT_TRUE(answer.ok()) << answer.status();
    return answer.ok() ? answer->substr(0, answer->find(",\"ledger\"")) : "";
  }
  std::string error(const char* path, const QueryParameters& parameters,
                    absl::StatusCode code = absl::StatusCode::kInvalidArgument) {
    const absl::StatusOr<std::string> answer = ask(path, parameters);
    EXPECT_EQ(answer.status().code(), code) << answer.status();
    return std::string(answer.status().message());
  }

  TaskConfig flows_, talkers_, hosts_;
  MemorySource source_;
  ApiLimits limits_;
};

TEST_F(ApiTest, AddsUpRecordsByTheTasksFieldsTheLargestFirst) {
  put_sample();
  EXPECT_EQ(
      rows("aggregate", {{"task", "flows"}}),
      R"({"rows":[{"src_ip":"10.0.0.1","dst_ip":"192.0.2.80","src_port":40000,"dst_port":443,"protocol":6,)"
      R"("packets":15,"bytes":1400,"first_seen_ns":1700000000000000001,"last_seen_ns":1700000010000000000,)"
      R"("tcp_flags":19},)"
      R"({"src_ip":"10.0.0.2","dst_ip":"192.0.2.80","src_port":40000,"dst_port":443,"protocol":6,)"
      R"("packets":3,"bytes":500,"first_seen_ns":1700000000000000003,"last_seen_ns":1700000000000000009,)"
      R"("tcp_flags":2},)"
      R"({"src_ip":"10.0.0.1","dst_ip":"192.0.2.53","src_port":5353,"dst_port":53,"protocol":17,)"
      R"("packets":1,"bytes":90,"first_seen_ns":1700000000000000002,"last_seen_ns":1700000000000000002,)"
      R"("tcp_flags":0}])");
}

TEST_F(ApiTest, AddsUpByFewerFieldsWhereConditionsHoldInBuckets) {
  put_sample();
  EXPECT_EQ(rows("aggregate", {{"task", "flows"},
                               {"by", "dst_port"},
                               {"where", "src_ip in 10.0.0.0/8 and protocol = tcp"},
                               {"order", "time"},
                               {"bucket", "10s"}}),
            R"({"rows":[{"start_ns":1700000000000000000,"dst_port":443,"packets":13,"bytes":1500,)"
            R"("first_seen_ns":1700000000000000001,"last_seen_ns":1700000000000000009,"tcp_flags":18},)"
            R"({"start_ns":1700000010000000000,"dst_port":443,"packets":5,"bytes":400,)"
            R"("first_seen_ns":1700000010000000000,"last_seen_ns":1700000010000000000,"tcp_flags":17}])");
  EXPECT_EQ(rows("aggregate", {{"task", "flows"}, {"by", "none"}, {"probe", "edge-1"}, {"to", "-50s"}}),
            R"({"rows":[{"packets":11,"bytes":1090,"first_seen_ns":1700000000000000001,)"
            R"("last_seen_ns":1700000000000000005,"tcp_flags":18}])");
  EXPECT_EQ(rows("aggregate", {{"task", "flows"}, {"where", "dst_port = 22"}}), R"({"rows":[])");
}

TEST_F(ApiTest, TracesRecordsAsTheyAreStored) {
  put_sample();
  EXPECT_EQ(rows("records", {{"task", "flows"}, {"where", "src_ip = 10.0.0.1 and dst_port=443"}}),
            R"({"rows":[{"type":"record","task":"flows","start_ns":1700000000000000000,"site":"ams",)"
            R"("probe":"edge-1","src_ip":"10.0.0.1","dst_ip":"192.0.2.80","src_port":40000,"dst_port":443,)"
            R"("protocol":6,"packets":10,"bytes":1000,"first_seen_ns":1700000000000000001,)"
            R"("last_seen_ns":1700000000000000005,"tcp_flags":18},)"
            R"({"type":"record","task":"flows","start_ns":1700000010000000000,"site":"ams",)"
            R"("probe":"edge-1","src_ip":"10.0.0.1","dst_ip":"192.0.2.80","src_port":40000,"dst_port":443,)"
            R"("protocol":6,"packets":5,"bytes":400,"first_seen_ns":1700000010000000000,)"
            R"("last_seen_ns":1700000010000000000,"tcp_flags":17}])");
}

TEST_F(ApiTest, TracesWhatEstimatorsListed) {
  EpochResult listed = epoch(kStart, "edge-1", {});
  listed.tasks[0].task = &talkers_;
  FlowKey src;
  src.ip_version = 6;
  src.src_ip[15] = 1;
  listed.tasks[0].heavy_hitters = {{src, 9, 900, 2, 200}};
  source_.put(std::move(listed));
  EXPECT_EQ(
      rows("records", {{"task", "talkers"}}),
      R"({"rows":[{"type":"heavy_hitter","task":"talkers","start_ns":1700000000000000000,"site":"ams",)"
      R"("probe":"edge-1","src_ip":"::1","packets":9,"bytes":900,"error_packets":2,"error_bytes":200}])");
}

TEST_F(ApiTest, CarriesTheLedgerOfItsScope) {
  put_sample();
  EpochResult losing = epoch(kStart, "edge-3", {});
  losing.origin.missing_snapshots = 4;
  losing.ledger.rx_packets = 9'007'199'254'740'993;  // 2^53 + 1
  losing.ledger.dropped[size_t(DropReason::kIpv4BadIhl)] = 3;
  losing.ledger.dropped[size_t(DropReason::kLlc)] = 2;
  losing.source.nic_missed = UINT64_MAX;
  source_.put(std::move(losing));
  const absl::StatusOr<std::string> answer =
      ask("aggregate", {{"task", "flows"}, {"probe", "edge-3"}, {"from", "1700000000000000000"}});
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(
      *answer,
      R"({"rows":[],"ledger":{"from_ns":1700000000000000000,"to_ns":null,)"
      R"("first_start_ns":1700000000000000000,"last_end_ns":1700000010000000000,"epochs":1,)"
      R"("rx_packets":9007199254740993,"rx_bytes":0,"ip_packets":0,"ip_bytes":0,"counted_packets":0,)"
      R"("overflow_packets":0,"overflow_bytes":0,"not_ip":2,"malformed":{"ipv4_bad_ihl":3},"other_drops":0,)"
      R"("filtered_out":0,"late_packets":0,"nic_missed":18446744073709551615,"no_mbuf":0,"nic_errors":0,)"
      R"("kernel_dropped":0,"missing_snapshots":4,"incomplete_epochs":1,"epoch_overruns":0,"faults":0,)"
      R"("expired_epochs":0},"next":null})");
  EXPECT_THAT(
      *ask("aggregate", {{"task", "flows"}, {"to", "2023-11-14T22:13:25Z"}}),
      HasSubstr(R"("ledger":{"from_ns":0,"to_ns":1700000005000000000,"first_start_ns":1700000000000000000,)"
                R"("last_end_ns":1700000010000000000,"epochs":3,"rx_packets":9007199254741007,)"));
}

TEST_F(ApiTest, GivesPagesOfTheTimesOfTheFirst) {
  put_sample();
  const QueryParameters first = {{"task", "flows"}, {"limit", "2"}, {"from", "-61s"}};
  const absl::StatusOr<std::string> answer = ask("aggregate", first);
  ASSERT_TRUE(answer.ok());
  EXPECT_THAT(*answer, HasSubstr(R"("next":"2-1699999999000000000-1700000020000000000"})"));
  // What comes after that is not on the next page, and "-61s" still means what it did.
  source_.put(epoch(kStart + 2 * kPeriod, "edge-1", {{web(3), {1000, 100000, 1, 1, 0}}}));
  QueryParameters next = first;
  next.push_back({"cursor", "2-1699999999000000000-1700000020000000000"});
  const absl::StatusOr<std::string> rest =
      answer_query(source_, "aggregate", next, kStart + 600 * kSecond, limits_);
  ASSERT_TRUE(rest.ok());
  EXPECT_THAT(*rest, HasSubstr(R"({"rows":[{"src_ip":"10.0.0.1","dst_ip":"192.0.2.53")"));
  EXPECT_THAT(*rest, HasSubstr(R"("next":null)"));
  EXPECT_THAT(*rest, HasSubstr(R"("to_ns":1700000020000000000)"));
  EXPECT_THAT(*ask("records", {{"task", "flows"}, {"limit", "4"}}), HasSubstr(R"("probe":"edge-2")"));
  EXPECT_THAT(*ask("records", {{"task", "flows"}, {"limit", "5"}}), HasSubstr(R"("next":null)"));
}

TEST_F(ApiTest, ListsTasksWithTheirOptions) {
  EpochResult all = epoch(kStart, "edge-1", {{web(1), {1, 60, 1, 1, 0}}});
  for (const TaskConfig* task : {&talkers_, &hosts_}) {
    TaskResult& result = all.tasks.emplace_back();
    result.task = task;
    result.source = task == &hosts_ ? &flows_ : nullptr;
  }
  source_.put(std::move(all));
  EXPECT_EQ(
      rows("tasks", {}),
      R"({"rows":[{"name":"flows","kind":"exact","fields":["src_ip","dst_ip","src_port","dst_port","protocol"],)"
      R"("elements":[],"options":{"capacity":1000},"derived_from":null,"first_start_ns":1700000000000000000,)"
      R"("last_start_ns":1700000000000000000,"epochs":1,"rows":1},)"
      R"({"name":"hosts","kind":"cardinality","fields":["src_ip"],"elements":[],"options":{"seed":1},)"
      R"("derived_from":"flows","first_start_ns":1700000000000000000,"last_start_ns":1700000000000000000,)"
      R"("epochs":1,"rows":0},)"
      R"({"name":"talkers","kind":"heavy_hitters","fields":["src_ip"],"elements":[],)"
      R"("options":{"threshold":"0.1%","by":"bytes","seed":1},"derived_from":null,)"
      R"("first_start_ns":1700000000000000000,"last_start_ns":1700000000000000000,"epochs":1,"rows":0}])");
}

TEST_F(ApiTest, ListsProbesEachWithItsLedger) {
  put_sample();
  const std::string answer = *ask("probes", {{"site", "ams"}});
  EXPECT_THAT(answer,
              HasSubstr(R"({"rows":[{"site":"ams","probe":"edge-1","run":1699999999000000000,"runs":1,)"
                        R"("last_start_ns":1700000010000000000,"period_ns":10000000000,"last_stored_ns":0,)"
                        R"("gaps":0,"gap_ns":0,"ledger":{"first_start_ns":1700000000000000000,)"
                        R"("last_end_ns":1700000020000000000,"epochs":2,"rx_packets":16,)"));
  EXPECT_THAT(answer, HasSubstr(R"("probe":"edge-2")"));
  EXPECT_THAT(answer, testing::Not(HasSubstr("counted_packets"))) << "which belongs to a task";
  EXPECT_EQ(rows("probes", {{"site", "fra"}}), R"({"rows":[])");
}

TEST_F(ApiTest, EscapesWhatComesFromOutside) {
  EpochResult strange = epoch(kStart, "a\"b\\\n<script>\xff", {{web(1), {1, 60, 1, 1, 0}}});
  strange.other_drops["new\"reason"] = 7;
  source_.put(std::move(strange));
  const std::string answer = *ask("records", {{"task", "flows"}});
  EXPECT_THAT(answer, HasSubstr(R"("probe":"a\"b\\\n<script>\ufffd",)"));
  EXPECT_THAT(answer, HasSubstr(R"("malformed":{"new\"reason":7})"));
}

TEST_F(ApiTest, NamesTheParameterThatIsWrongAndWhatIsKnown) {
  put_sample();
  EXPECT_EQ(error("aggregate", {}), "task: is missing; /api/v1/tasks lists the tasks");
  EXPECT_EQ(error("records", {{"task", "flows"}, {"by", "src_ip"}}),
            "by: is no parameter of records (known: task, from, to, site, probe, where, limit, cursor)");
  EXPECT_EQ(error("tasks", {{"task", "flows"}}),
            "task: is no parameter of tasks (known: from, to, site, probe)");
  EXPECT_EQ(error("top", {{"task", "flows"}, {"by", "src_ip"}}),
            "by: top lists a task's own keys; ask aggregate for the sums of an exact task");
  EXPECT_EQ(error("aggregate", {{"task", "flows"}, {"task", "flows"}}), "task: is given twice");
  EXPECT_EQ(error("aggregate", {{"task", "flows"}, {"where", ""}}), "where: is empty; leave it out");
  EXPECT_EQ(
      error("aggregate", {{"task", "flows"}, {"where", "x = 1"}}),
      "where: \"x\" is no field (known: src_ip, dst_ip, src_port, dst_port, protocol, vlan, tcp_flags)");
  EXPECT_EQ(error("aggregate", {{"task", "flows"}, {"by", "vlan"}}),
            "by: task \"flows\" has no vlan (known: src_ip, dst_ip, src_port, dst_port, protocol)");
  EXPECT_EQ(error("aggregate", {{"task", "flows"}, {"order", "spread"}}),
            "order: \"spread\" is unknown (known: bytes, packets, time)");
  for (const char* limit : {"0", "100001", "-1", "all"}) {
    EXPECT_EQ(error("aggregate", {{"task", "flows"}, {"limit", limit}}),
              "limit: \"" + std::string(limit) + "\" must be a number of rows from 1 to 100000");
  }
  EXPECT_EQ(error("aggregate", {{"task", "flows"}, {"bucket", "0s"}}), "bucket: \"0s\" must be above 0");
  EXPECT_THAT(error("aggregate", {{"task", "flows"}, {"bucket", "60"}}),
              HasSubstr("bucket: \"60\" needs a unit"));
  EXPECT_THAT(error("aggregate", {{"task", "flows"}, {"from", "noon"}}),
              HasSubstr("from: \"noon\" is no time"));
  EXPECT_EQ(error("aggregate", {{"task", "flows"}, {"from", "now"}, {"to", "-1m"}}),
            "from: must lie before to");
  for (const char* cursor : {"2", "1-2", "1-2-3-4", "1-2-x", "1--3", "9999999999999-0-1"}) {
    EXPECT_EQ(error("aggregate", {{"task", "flows"}, {"cursor", cursor}}),
              "cursor: \"" + std::string(cursor) +
                  "\" is not what \"next\" of an answer to the same question gave");
  }
  EXPECT_EQ(error("aggregate", {{"task", "flow"}}, absl::StatusCode::kNotFound),
            "task: \"flow\" has nothing stored in this time and place (known: flows)");
  EXPECT_EQ(error("aggregate", {{"task", "flows"}, {"probe", "' OR 1=1 --"}}, absl::StatusCode::kNotFound),
            "task: \"flows\" has nothing stored in this time and place (nor has any other)");
  EXPECT_EQ(error("../tasks", {}, absl::StatusCode::kNotFound),
            "\"../tasks\" is no question (known: aggregate, records, top, tasks, probes)");
}

TEST_F(ApiTest, RefusesKindsOfTasksThatAQuestionIsNotFor) {
  EpochResult all = epoch(kStart, "edge-1", {});
  for (const TaskConfig* task : {&talkers_, &hosts_}) all.tasks.emplace_back().task = task;
  source_.put(std::move(all));
  EXPECT_EQ(error("aggregate", {{"task", "talkers"}}),
            "task: \"talkers\" is not exact, and estimates do not add up by key; ask top");
  EXPECT_EQ(error("records", {{"task", "hosts"}}), "task: \"hosts\" counts keys and lists none; ask top");
}

TEST_F(ApiTest, RefusesToMixATaskThatWasConfiguredOtherwise) {
  put_sample();
  TaskConfig other = flows_;
  other.fields = KeyFields();
  other.fields.add(KeyField::kDstPort);
  EpochResult later = epoch(kStart + 2 * kPeriod, "edge-1", {});
  FlowKey web_port;
  web_port.be_dst_port = htons(443);
  later.tasks[0].task = &other;
  later.tasks[0].records = {{web_port, {7, 700, 1, 1, 0}}};
  source_.put(std::move(later));
  EXPECT_THAT(error("aggregate", {{"task", "flows"}}),
              HasSubstr("from 1700000020000000000 (2023-11-14 22:13:40."));
  EXPECT_THAT(error("records", {{"task", "flows"}}),
              HasSubstr("ask with to=1700000020000000000 and with from="));
  // What both have adds up.
  EXPECT_THAT(rows("aggregate", {{"task", "flows"}, {"by", "dst_port"}, {"limit", "1"}}),
              HasSubstr(R"({"rows":[{"dst_port":443,"packets":25,"bytes":2600,)"));
  EXPECT_EQ(
      error("aggregate", {{"task", "flows"}, {"by", "dst_port"}, {"where", "protocol = 6"}}),
      "where: task \"flows\" as configured from 1700000020000000000 on has no protocol (known: dst_port)");
}

TEST_F(ApiTest, GivesNoRowsWithoutTheLedgerThatBelongsToThem) {
  put_sample();
  uint64_t calls = 0;
  source_.on_rows = [&] {
    // An epoch comes in after the rows were read and before the ledger is; its end is within the scope.
    if (++calls == 1) source_.put(epoch(kStart + kPeriod, "edge-2", {{web(2), {100, 100, 1, 1, 0}}}));
    // And each time one that begins later: the question is soon no longer about these.
    source_.put(epoch(kStart + (1 + calls) * kPeriod, "edge-2", {{web(2), {1000, 1000, 1, 1, 0}}}));
  };
  const absl::StatusOr<std::string> answer = ask("aggregate", {{"task", "flows"}, {"by", "none"}});
  ASSERT_TRUE(answer.ok()) << answer.status();
  uint64_t packets = 0, counted = 0;
  ASSERT_EQ(std::sscanf(answer->c_str(), "{\"rows\":[{\"packets\":%lu", &packets), 1);
  ASSERT_EQ(
      std::sscanf(answer->c_str() + answer->find("\"counted_packets\""), "\"counted_packets\":%lu", &counted),
      1);
  EXPECT_EQ(packets, counted);
  EXPECT_EQ(packets, 1119u) << "what was there when it was asked again";
  EXPECT_EQ(calls, 2u);
}

TEST_F(ApiTest, SaysSoWhereEpochsComeInFasterThanItCanAnswer) {
  put_sample();
  source_.on_ledger = [&] { source_.put(epoch(kStart, "edge-2", {{web(2), {1, 100, 1, 1, 0}}})); };
  EXPECT_THAT(error("aggregate", {{"task", "flows"}}, absl::StatusCode::kUnavailable),
              HasSubstr("ask for a time that is over, such as to=-1m"));
}

TEST_F(ApiTest, BoundsTheAnswer) {
  std::vector<FlowRecord> records;
  for (uint16_t port = 0; port < 500; ++port) {
    records.push_back({key("10.0.0.1", "10.0.0.2", port, 443, 6), {1, 60, 1, 1, 0}});
  }
  source_.put(epoch(kStart, "edge-1", records));
  limits_.max_answer_bytes = 20'000;
  EXPECT_THAT(error("aggregate", {{"task", "flows"}, {"limit", "500"}}, absl::StatusCode::kResourceExhausted),
              HasSubstr("limit: the answer would be larger than 20000 bytes"));
  const absl::StatusOr<std::string> answer = ask("aggregate", {{"task", "flows"}});
  ASSERT_TRUE(answer.ok()) << "by default a hundred rows";
  EXPECT_THAT(*answer, HasSubstr(R"("next":"100-)"));
  limits_.time = std::chrono::milliseconds(7'000);
  const QuerySource::Clock::time_point before = QuerySource::Clock::now();
  ASSERT_TRUE(ask("tasks", {}).ok());
  EXPECT_GE(source_.deadline, before + limits_.time);
  EXPECT_LE(source_.deadline, QuerySource::Clock::now() + limits_.time);
}

}  // namespace
}  // namespace netspectra
