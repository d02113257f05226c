// What an aggregate and a list of records say, against the same worked out from what was put.
#include <algorithm>
#include <map>
#include <random>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "sqlite_query_fixture.h"

namespace netspectra {
namespace {

using sqlite_test::address;
using sqlite_test::fields;
using sqlite_test::kSecond;
using sqlite_test::kStart;
using sqlite_test::network;
using sqlite_test::numbers;
using sqlite_test::task;

constexpr KeyField kAllFields[] = {KeyField::kSrcIp,   KeyField::kDstIp,    KeyField::kSrcPort,
                                   KeyField::kDstPort, KeyField::kProtocol, KeyField::kVlan};

// Many records of many kinds, the sums of which are also worked out here.
class SqliteSumsTest : public sqlite_test::QueryFixture {
 protected:
  struct Put {
    uint64_t start_ns;
    std::string site, probe;
    FlowRecord record;
  };

  SqliteSumsTest() {
    for (const KeyField field : kAllFields) wide_.fields.add(field);
    std::mt19937 random(7);
    const auto store = opened();
    for (int i = 0; i < 24; ++i) {
      EpochResult result = epoch(kStart + i / 4 * 10 * kSecond);
      result.origin.site = i % 2 == 0 ? "ams" : "fra";
      result.origin.probe = i % 4 < 2 ? "edge-1" : "edge-2";
      result.origin.amendment = static_cast<uint32_t>(i / 12);
      result.tasks[0].task = &wide_;
      result.tasks[0].records.clear();
      std::map<FlowKey, FlowRecord> records;
      for (int r = 0; r < 60; ++r) {
        FlowRecord record = random_record(random);
        records[record.key] = record;
      }
      for (const auto& [key, record] : records) {
        result.tasks[0].records.push_back(record);
        puts_.push_back({result.start_ns, result.origin.site, result.origin.probe, record});
      }
      EXPECT_TRUE(store->put(result).ok());
    }
    source_ = source();
  }

  static FlowRecord random_record(std::mt19937& random) {
    FlowRecord r;
    const bool v6 = random() % 3 == 0;
    r.key.ip_version = v6 ? 6 : 4;
    // An IPv6 packet may carry a mapped address: another key than the IPv4 one.
    for (auto* ip : {&r.key.src_ip, &r.key.dst_ip}) {
      *ip = v6 && random() % 2 == 0 ? address("2001:db8::") : address("10.1.0.0");
      (*ip)[15] = static_cast<uint8_t>(random() % 5);
    }
    r.key.be_src_port = htons(static_cast<uint16_t>(random() % 2 == 0 ? 80 : 1024 + random() % 5));
    r.key.be_dst_port = htons(static_cast<uint16_t>(random() % 3 * 256));
    r.key.protocol = random() % 2 == 0 ? 6 : 17;
    r.key.vlan = static_cast<uint16_t>(random() % 3);
    r.counters = {1 + random() % 9, 60 + random() % 900, random() % 1000, 1000 + random() % 1000,
                  static_cast<uint8_t>(random() % 64)};
    return r;
  }

  template <class Satisfies>
  std::vector<AggregateRow> expected(const AggregateQuery& q, Satisfies satisfies) const {
    std::map<std::pair<uint64_t, FlowKey>, FlowCounters> groups;
    for (const Put& put : puts_) {
      if (put.start_ns < q.scope.from_ns || put.start_ns >= q.scope.to_ns) continue;
      if (!q.scope.site.empty() && put.site != q.scope.site) continue;
      if (!q.scope.probe.empty() && put.probe != q.scope.probe) continue;
      if (!satisfies(put.record)) continue;
      const uint64_t bucket = q.bucket_ns == 0 ? 0 : put.start_ns / q.bucket_ns * q.bucket_ns;
      groups[{bucket, KeyMask(q.by).apply(put.record.key)}].merge(put.record.counters);
    }
    std::vector<AggregateRow> rows;
    for (const auto& [group, counters] : groups) rows.push_back({group.first, {group.second, counters}});
    std::stable_sort(rows.begin(), rows.end(), [&](const AggregateRow& a, const AggregateRow& b) {
      const auto rank = [&](const AggregateRow& r) {
        return q.order == OrderBy::kTime      ? r.start_ns
               : q.order == OrderBy::kPackets ? UINT64_MAX - r.record.counters.packets
                                              : UINT64_MAX - r.record.counters.bytes;
      };
      return std::tuple(rank(a), a.record.key, a.start_ns) < std::tuple(rank(b), b.record.key, b.start_ns);
    });
    rows.erase(rows.begin(),
               rows.begin() + static_cast<ptrdiff_t>(std::min<uint64_t>(q.offset, rows.size())));
    if (q.limit != 0 && rows.size() > q.limit) rows.resize(q.limit);
    return rows;
  }

  template <class Satisfies>
  void expect_sums(const AggregateQuery& query, Satisfies satisfies) {
    const auto is = sums(*source_, query), should_be = expected(query, satisfies);
    ASSERT_EQ(is.size(), should_be.size());
    for (size_t i = 0; i < is.size(); ++i) {
      EXPECT_EQ(is[i].start_ns, should_be[i].start_ns) << i;
      EXPECT_EQ(is[i].record, should_be[i].record) << i;
    }
  }
  void expect_sums(const AggregateQuery& query) {
    expect_sums(query, [](const FlowRecord&) { return true; });
  }

  TaskConfig wide_ = task("flows", TaskKind::kExact, KeyFields());
  std::vector<Put> puts_;
  std::unique_ptr<QuerySource> source_;
};

TEST_F(SqliteSumsTest, RecordsAreAddedUpByAnySubsetOfTheFields) {
  for (unsigned subset = 0; subset < 64; ++subset) {
    SCOPED_TRACE(subset);
    AggregateQuery query{.task = "flows"};
    for (size_t i = 0; i < kKeyFieldCount; ++i) {
      if ((subset >> i & 1) != 0) query.by.add(kAllFields[i]);
    }
    expect_sums(query);
  }
}

TEST_F(SqliteSumsTest, TheScopeIsATimeASiteAndAProbe) {
  AggregateQuery query{.task = "flows", .by = fields({KeyField::kSrcIp})};
  query.scope = {kStart + 10 * kSecond, kStart + 30 * kSecond, "", ""};
  expect_sums(query);
  ++query.scope.from_ns;
  ++query.scope.to_ns;
  expect_sums(query);
  query.scope.site = "fra";
  expect_sums(query);
  query.scope.probe = "edge-2";
  expect_sums(query);
  query.scope.site = "";
  expect_sums(query);
  query.scope.probe = "edge-3";
  EXPECT_TRUE(sums(*source_, query).empty());
  query.scope = {kStart + 30 * kSecond, kStart + 10 * kSecond, "", ""};
  EXPECT_TRUE(sums(*source_, query).empty());
}

TEST_F(SqliteSumsTest, BucketsOrderLimitAndOffsetCutTheSameSums) {
  for (const uint64_t bucket_ns : {0 * kSecond, 10 * kSecond, 20 * kSecond, 3600 * kSecond, UINT64_MAX}) {
    for (const OrderBy order : {OrderBy::kBytes, OrderBy::kPackets, OrderBy::kTime}) {
      for (const uint64_t limit : {0, 1, 7, 100'000}) {
        for (const uint64_t offset : {0, 1, 25, 100'000}) {
          SCOPED_TRACE(::testing::Message()
                       << bucket_ns << ' ' << int(order) << ' ' << limit << ' ' << offset);
          expect_sums({.task = "flows",
                       .by = fields({KeyField::kSrcIp, KeyField::kProtocol}),
                       .order = order,
                       .limit = limit,
                       .offset = offset,
                       .bucket_ns = bucket_ns});
        }
      }
    }
  }
}

TEST_F(SqliteSumsTest, ConditionsChooseTheRecords) {
  AggregateQuery query{.task = "flows", .by = fields({KeyField::kDstPort})};
  const auto port = [](const FlowRecord& r) { return ntohs(r.key.be_src_port); };
  query.where = {numbers(ConditionField::kSrcPort, {{80, 80}, {1025, 1026}})};
  expect_sums(query,
              [&](const FlowRecord& r) { return port(r) == 80 || port(r) == 1025 || port(r) == 1026; });
  query.where = {numbers(ConditionField::kSrcPort, {{80, 80}}, true),
                 numbers(ConditionField::kVlan, {{0, 1}})};
  expect_sums(query, [&](const FlowRecord& r) { return port(r) != 80 && r.key.vlan <= 1; });
  query.where = {numbers(ConditionField::kTcpFlags, {{2, 20}})};
  expect_sums(query,
              [](const FlowRecord& r) { return r.counters.tcp_flags >= 2 && r.counters.tcp_flags <= 20; });
  const auto mapped = [](const FlowRecord& r) {
    return r.key.src_ip >= address("10.1.0.2") && r.key.src_ip <= address("10.1.0.3");
  };
  query.where = {network(ConditionField::kSrcIp, 4, "10.1.0.2", "10.1.0.3")};
  expect_sums(query, [&](const FlowRecord& r) { return r.key.ip_version == 4 && mapped(r); });
  query.where[0].negated = true;
  expect_sums(query, [&](const FlowRecord& r) { return !(r.key.ip_version == 4 && mapped(r)); });
  query.where = {network(ConditionField::kSrcIp, 6, "2001:db8::1", "2001:db8::3")};
  query.by = fields({KeyField::kDstIp});
  expect_sums(query, [](const FlowRecord& r) {
    return r.key.ip_version == 6 && r.key.src_ip >= address("2001:db8::1") &&
           r.key.src_ip <= address("2001:db8::3");
  });
}

TEST_F(SqliteSumsTest, RecordsAreListedByTimeThenByKeyAndByPages) {
  std::vector<Put> ordered = puts_;
  std::stable_sort(ordered.begin(), ordered.end(), [](const Put& a, const Put& b) {
    return std::tie(a.start_ns, a.record.key, a.site, a.probe) <
           std::tie(b.start_ns, b.record.key, b.site, b.probe);
  });
  const auto expect_rows = [&](const RecordsQuery& query, const std::vector<Put>& should_be) {
    const auto rows = listed(*source_, query);
    const uint64_t end =
        query.limit == 0 ? should_be.size() : std::min(should_be.size(), query.offset + query.limit);
    ASSERT_EQ(rows.size(), end - std::min(end, query.offset));
    for (size_t i = 0; i < rows.size(); ++i) {
      const Put& put = should_be[query.offset + i];
      EXPECT_EQ(std::tie(rows[i].start_ns, rows[i].site, rows[i].probe),
                std::tie(put.start_ns, put.site, put.probe));
      EXPECT_EQ(rows[i].key, put.record.key) << i;
      EXPECT_EQ(rows[i].counters, put.record.counters) << i;
      EXPECT_EQ(rows[i].period_ns, 10 * kSecond);
    }
  };
  std::vector<Put> filtered;
  for (const Put& put : ordered) {
    if (put.record.key.vlan == 2) filtered.push_back(put);
  }
  for (const uint64_t limit : {0, 1, 100, 300, 100'000}) {
    for (const uint64_t offset : {0, 1, 239, 240, 241, 700, 100'000}) {
      SCOPED_TRACE(::testing::Message() << limit << ' ' << offset);
      expect_rows({.task = "flows", .limit = limit, .offset = offset}, ordered);
      expect_rows({.task = "flows",
                   .where = {numbers(ConditionField::kVlan, {{2, 2}})},
                   .limit = limit,
                   .offset = offset},
                  filtered);
    }
  }
}

}  // namespace
}  // namespace netspectra
