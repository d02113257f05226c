// What the tests of a SQLite store that is asked share: conditions, epochs of records, and answers as lists.
#pragma once

#include <initializer_list>
#include <memory>
#include <utility>
#include <vector>

#include "../store/sqlite_fixture.h"
#include "query/sqlite_source.h"

// A question names what it is about and leaves out the rest.
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

namespace netspectra::sqlite_test {

inline KeyFields fields(std::initializer_list<KeyField> list) {
  KeyFields all;
  for (const KeyField field : list) all.add(field);
  return all;
}

inline Condition numbers(ConditionField field, std::vector<NumberRange> ranges, bool negated = false) {
  return {field, negated, std::move(ranges), {}};
}

inline Condition network(ConditionField field, uint8_t version, const char* first, const char* last,
                         bool negated = false) {
  return {field, negated, {}, {{version, address(first), address(last)}}};
}

class QueryFixture : public StoreFixture {
 protected:
  std::unique_ptr<QuerySource> source() const {
    auto source = open_sqlite_source({.path = path()});
    EXPECT_TRUE(source.ok()) << source.status();
    return source.ok() ? *std::move(source) : nullptr;
  }

  static FlowRecord record(uint32_t n, uint64_t packets, uint64_t bytes) {
    FlowRecord r;
    r.key.ip_version = 4;
    r.key.src_ip = address("10.0.0.0");
    r.key.src_ip[15] = static_cast<uint8_t>(n);
    r.key.dst_ip = address("192.168.0.1");
    r.key.be_src_port = htons(static_cast<uint16_t>(1000 + n));
    r.key.be_dst_port = htons(80);
    r.key.protocol = 6;
    r.counters = {packets, bytes, 100 + n, 200 + n, static_cast<uint8_t>(1u << (n % 6))};
    return r;
  }

  EpochResult flows(uint64_t start_ns, std::vector<FlowRecord> records, const char* probe = "edge-1") const {
    EpochResult result = epoch(start_ns);
    result.origin.probe = probe;
    result.tasks[0].records = std::move(records);
    return result;
  }

  static std::vector<AggregateRow> sums(QuerySource& source, const AggregateQuery& query) {
    std::vector<AggregateRow> rows;
    const absl::Status status =
        source.aggregate(query, [&](const AggregateRow& row) { rows.push_back(row); });
    EXPECT_TRUE(status.ok()) << status;
    return rows;
  }
  static uint64_t packets(QuerySource& source, const QueryScope& scope) {
    const auto rows = sums(source, {.scope = scope, .task = "flows"});
    return rows.empty() ? 0 : rows[0].record.counters.packets;
  }
  static std::vector<StoredRow> listed(QuerySource& source, const RecordsQuery& query) {
    std::vector<StoredRow> rows;
    const absl::Status status = source.records(query, [&](const StoredRow& row) { rows.push_back(row); });
    EXPECT_TRUE(status.ok()) << status;
    return rows;
  }
  static absl::Status aggregate_status(QuerySource& source, const AggregateQuery& query) {
    return source.aggregate(query, [](const AggregateRow&) { ADD_FAILURE() << "a row"; });
  }
};

}  // namespace netspectra::sqlite_test
