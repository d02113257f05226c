#include "query/sql.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <memory>
#include <random>

#include "absl/strings/str_cat.h"
#include "flow/flow_record.h"
#include "query/parse.h"

namespace netspectra {
namespace {

std::string hex_literal(const std::array<uint8_t, 16>& ip) {
  std::string hex = "x'";
  for (const uint8_t byte : ip) absl::StrAppend(&hex, absl::Hex(byte, absl::kZeroPad2));
  return hex + "'";
}

std::string sql_of(const std::string& where, const std::string& prefix = "") {
  return conditions_sql(parse_where(where).value(), prefix, hex_literal);
}

TEST(ConditionsSql, SpellsEachKindOfCondition) {
  EXPECT_EQ(conditions_sql({}, "", hex_literal), "");
  EXPECT_EQ(sql_of("dst_port = 443", "r."), " AND (r.dst_port IN (443))");
  EXPECT_EQ(sql_of("dst_port in 1-9,443,20-30,80 and tcp_flags != S"),
            " AND (dst_port BETWEEN 1 AND 9 OR dst_port BETWEEN 20 AND 30 OR dst_port IN (443,80))"
            " AND NOT (tcp_flags IN (2))");
  EXPECT_EQ(sql_of("src_ip in 10.0.0.0/8,::1", "r."),
            " AND ((r.ip_version = 4 AND r.src_ip BETWEEN x'00000000000000000000ffff0a000000' AND "
            "x'00000000000000000000ffff0affffff') OR (r.ip_version = 6 AND r.src_ip = "
            "x'00000000000000000000000000000001'))");
  EXPECT_EQ(conditions_sql({Condition{}}, "", hex_literal), " AND (1 = 0)");
}

TEST(KeyColumns, AreThoseOfTheFieldsWithTheVersionBesideAddresses) {
  KeyFields fields = KeyFields::five_tuple();
  EXPECT_EQ(key_columns(fields),
            (std::vector<std::string>{"ip_version", "src_ip", "dst_ip", "src_port", "dst_port", "protocol"}));
  KeyFields vlan;
  vlan.add(KeyField::kVlan);
  EXPECT_EQ(key_columns(vlan), std::vector<std::string>{"vlan"});
  EXPECT_TRUE(key_columns({}).empty());
}

// Rows and conditions out of few values, so that they meet often, at the edges of ranges, too.
class RandomWhere {
 public:
  explicit RandomWhere(uint32_t seed) : random_(seed) {}

  FlowRecord record() {
    FlowRecord record;
    FlowKey& key = record.key;
    key.ip_version = one_of<uint8_t>({4, 6});
    key.src_ip = address();
    key.dst_ip = address();
    key.be_src_port = htons(port());
    key.be_dst_port = htons(port());
    key.protocol = one_of<uint8_t>({0, 1, 6, 17, 255});
    key.vlan = one_of<uint16_t>({0, 1, 10, 4095});
    record.counters.tcp_flags = one_of<uint8_t>({0, 2, 18, 255});
    return record;
  }

  std::string where() {
    std::string text = condition();
    while (random_() % 2 == 0) text += " and " + condition();
    return text;
  }

 private:
  template <class Value>
  Value one_of(std::initializer_list<Value> values) {
    return values.begin()[random_() % values.size()];
  }
  uint16_t port() { return one_of<uint16_t>({0, 1, 79, 80, 81, 443, 1023, 1024, 65534, 65535}); }
  // The same bytes in both versions.
  std::array<uint8_t, 16> address() {
    std::array<uint8_t, 16> ip{};
    ip[10] = ip[11] = 0xff;
    ip[12] = one_of<uint8_t>({9, 10, 11});
    ip[13] = one_of<uint8_t>({0, 127, 128, 255});
    ip[15] = one_of<uint8_t>({0, 1, 255});
    return ip;
  }
  std::string number(const std::string& field) {
    if (field.ends_with("port")) return absl::StrCat(port());
    if (field == "protocol") return one_of<std::string>({"0", "1", "tcp", "udp", "255"});
    if (field == "vlan") return one_of<std::string>({"0", "1", "10", "4095"});
    return one_of<std::string>({"0", "S", "SA", "255"});
  }
  std::string value(const std::string& field) {
    if (!field.ends_with("ip")) {
      if (field.ends_with("port") && random_() % 3 == 0) {
        const uint16_t a = port(), b = port();
        return absl::StrCat(std::min(a, b), "-", std::max(a, b));
      }
      return number(field);
    }
    return one_of<std::string>({"10.0.0.0/8", "10.128.0.0/9", "10.0.0.1", "9.255.0.255", "0.0.0.0/0", "::/0",
                                "::ffff:10.0.0.1", "::ffff:10.0.0.0/104", "8.0.0.0/6", "::/1",
                                "2001:db8::/32"});
  }
  std::string condition() {
    const std::string field =
        one_of<std::string>({"src_ip", "dst_ip", "src_port", "dst_port", "protocol", "vlan", "tcp_flags"});
    if (field.ends_with("port") && random_() % 4 == 0) {
      return absl::StrCat(field, one_of<std::string>({"<=", ">="}), port());
    }
    std::string text =
        absl::StrCat(field, " ", one_of<std::string>({"=", "!=", "in", "not in"}), " ", value(field));
    while (random_() % 3 == 0) text += "," + value(field);
    return text;
  }

  std::mt19937 random_;
};

struct CloseDb {
  void operator()(sqlite3* db) const { sqlite3_close(db); }
};
using Db = std::unique_ptr<sqlite3, CloseDb>;

Db open_memory() {
  sqlite3* db = nullptr;
  EXPECT_EQ(sqlite3_open(":memory:", &db), SQLITE_OK);
  return Db(db);
}

void exec(sqlite3* db, const std::string& sql) {
  char* error = nullptr;
  ASSERT_EQ(sqlite3_exec(db, sql.c_str(), nullptr, nullptr, &error), SQLITE_OK) << error << ": " << sql;
}

std::vector<size_t> selected(sqlite3* db, const std::string& conditions) {
  std::vector<size_t> ids;
  const std::string sql = "SELECT r.id FROM rows r WHERE 1" + conditions + " ORDER BY r.id";
  sqlite3_stmt* statement = nullptr;
  EXPECT_EQ(sqlite3_prepare_v2(db, sql.c_str(), -1, &statement, nullptr), SQLITE_OK)
      << sqlite3_errmsg(db) << sql;
  while (sqlite3_step(statement) == SQLITE_ROW) ids.push_back(size_t(sqlite3_column_int64(statement, 0)));
  sqlite3_finalize(statement);
  return ids;
}

TEST(ConditionsSql, MeansInSqliteWhatSatisfiesMeans) {
  RandomWhere random(7);
  const Db db = open_memory();
  exec(db.get(),
       "CREATE TABLE rows(id INTEGER PRIMARY KEY, ip_version INTEGER, src_ip BLOB, dst_ip BLOB, src_port "
       "INTEGER, "
       "dst_port INTEGER, protocol INTEGER, vlan INTEGER, tcp_flags INTEGER); BEGIN");
  std::vector<FlowRecord> records;
  for (size_t id = 0; id < 2000; ++id) {
    const FlowRecord& r = records.emplace_back(random.record());
    exec(db.get(), absl::StrCat("INSERT INTO rows VALUES(", id, ",", int{r.key.ip_version}, ",",
                                hex_literal(r.key.src_ip), ",", hex_literal(r.key.dst_ip), ",",
                                ntohs(r.key.be_src_port), ",", ntohs(r.key.be_dst_port), ",",
                                int{r.key.protocol}, ",", r.key.vlan, ",", int{r.counters.tcp_flags}, ")"));
  }
  size_t neither_all_nor_none = 0;
  for (int i = 0; i < 1000; ++i) {
    const std::string text = random.where();
    const absl::StatusOr<std::vector<Condition>> where = parse_where(text);
    ASSERT_TRUE(where.ok()) << text << ": " << where.status();
    std::vector<size_t> expected;
    for (size_t id = 0; id < records.size(); ++id) {
      if (satisfies(*where, records[id].key, records[id].counters.tcp_flags)) expected.push_back(id);
    }
    ASSERT_EQ(selected(db.get(), conditions_sql(*where, "r.", hex_literal)), expected) << text;
    if (!expected.empty() && expected.size() != records.size()) ++neither_all_nor_none;
  }
  EXPECT_GT(neither_all_nor_none, 500u);
}

TEST(ConditionsSql, OfTheMostValuesIsTakenByTheDatabase) {
  const Db db = open_memory();
  exec(db.get(), "CREATE TABLE rows(id INTEGER, ip_version INTEGER, src_ip BLOB, src_port INTEGER)");
  std::string addresses = "src_ip in 10.0.0.0/8", ranges = "src_port not in 1-2";
  for (int i = 1; i < 128; ++i) {
    addresses += ",10.0.0.0/9";
    ranges += ",1-2";
  }
  EXPECT_TRUE(selected(db.get(), sql_of(addresses + " and " + ranges)).empty());
  std::string conditions = "src_port = 1";
  for (int i = 1; i < 256; ++i) conditions += " and src_port = 1";
  EXPECT_TRUE(selected(db.get(), sql_of(conditions)).empty());
}

}  // namespace
}  // namespace netspectra
