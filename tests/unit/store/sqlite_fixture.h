// What the SQLite store's tests share: a folder, a plain SQLite connection to look into the file with, an epoch, a clock.
#pragma once

#include <arpa/inet.h>
#include <sqlite3.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "store/sqlite_store.h"

namespace netspectra::sqlite_test {

inline TaskConfig task(const char* name, TaskKind kind, KeyFields fields) {
  TaskConfig config;
  config.name = name;
  config.kind = kind;
  config.fields = fields;
  return config;
}

// IPv4 as IPv4-mapped.
inline std::array<uint8_t, 16> address(const char* text) {
  std::array<uint8_t, 16> bytes{};
  if (std::strchr(text, ':') != nullptr) {
    EXPECT_EQ(::inet_pton(AF_INET6, text, bytes.data()), 1) << text;
  } else {
    bytes[10] = bytes[11] = 0xff;
    EXPECT_EQ(::inet_pton(AF_INET, text, bytes.data() + 12), 1) << text;
  }
  return bytes;
}

inline std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

class Reader {
 public:
  explicit Reader(const std::string& path) { EXPECT_EQ(sqlite3_open(path.c_str(), &db_), SQLITE_OK); }
  ~Reader() { sqlite3_close(db_); }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  // The rows of all the statements, as the sqlite3 shell prints them; blobs as x0A0B, NULL as NULL.
  std::vector<std::string> lines(const std::string& sql) const {
    std::vector<std::string> out;
    const char* rest = sql.c_str();
    while (*rest != '\0') {
      sqlite3_stmt* statement = nullptr;
      EXPECT_EQ(sqlite3_prepare_v2(db_, rest, -1, &statement, &rest), SQLITE_OK)
          << sqlite3_errmsg(db_) << ": " << sql;
      if (statement == nullptr) break;
      int result;
      while ((result = sqlite3_step(statement)) == SQLITE_ROW) out.push_back(line(statement));
      EXPECT_EQ(result, SQLITE_DONE) << sqlite3_errmsg(db_) << ": " << sql;
      sqlite3_finalize(statement);
    }
    return out;
  }

 private:
  static std::string line(sqlite3_stmt* statement) {
    std::string out;
    for (int i = 0; i < sqlite3_column_count(statement); ++i) {
      if (i > 0) out += '|';
      const int type = sqlite3_column_type(statement, i);
      if (type == SQLITE_NULL) {
        out += "NULL";
      } else if (type == SQLITE_BLOB) {
        out += 'x';
        const auto* bytes = static_cast<const uint8_t*>(sqlite3_column_blob(statement, i));
        for (int b = 0; b < sqlite3_column_bytes(statement, i); ++b) {
          out += "0123456789ABCDEF"[bytes[b] >> 4];
          out += "0123456789ABCDEF"[bytes[b] & 15];
        }
      } else {
        out += reinterpret_cast<const char*>(sqlite3_column_text(statement, i));
      }
    }
    return out;
  }
  sqlite3* db_ = nullptr;
};

inline std::vector<std::string> query(const std::string& path, const std::string& sql) {
  return Reader(path).lines(sql);
}

class Fixture : public ::testing::Test {
 protected:
  Fixture()
      : dir_(std::filesystem::path(::testing::TempDir()) /
             (std::string("netspectra-sqlite-") +
              ::testing::UnitTest::GetInstance()->current_test_info()->name() + std::to_string(::getpid()))) {
    std::filesystem::remove_all(dir_);
    std::filesystem::create_directories(dir_);
  }
  ~Fixture() override { std::filesystem::remove_all(dir_); }
  std::string dir() const { return dir_.string(); }
  std::string path() const { return (dir_ / "x.db").string(); }

 private:
  const std::filesystem::path dir_;
};

inline constexpr uint64_t kSecond = 1'000'000'000;
inline constexpr uint64_t kStart = 1'398'798'000 * kSecond;  // the beginning of an hour

inline uint64_t clock_now_ns = 0;
inline uint64_t test_clock() { return clock_now_ns; }

class StoreFixture : public Fixture {
 protected:
  StoreFixture() {
    flow_.src_ip = address("10.0.0.1");
    flow_.dst_ip = address("192.168.255.9");
    flow_.ip_version = 4;
    flow_.be_src_port = htons(1234);
    flow_.be_dst_port = htons(80);
    flow_.protocol = 6;
    clock_now_ns = kStart;
  }

  std::unique_ptr<Store> opened(const std::string& options = "") {
    const absl::StatusOr<SqliteOptions> parsed = parse_sqlite_url(path() + options);
    EXPECT_TRUE(parsed.ok()) << parsed.status();
    auto store = open_sqlite_store(*parsed, test_clock);
    EXPECT_TRUE(store.ok()) << store.status();
    return store.ok() ? *std::move(store) : nullptr;
  }

  EpochResult epoch(uint64_t start_ns = kStart) const {
    EpochResult result;
    result.origin.site = "ams";
    result.origin.probe = "edge-1";
    result.origin.run = 77;
    result.start_ns = start_ns;
    result.period_ns = 10 * kSecond;
    result.tasks.resize(1);
    result.tasks[0].task = &flows_;
    result.tasks[0].records = {{flow_, {3, 1800, start_ns + 1, start_ns + 9, 27}}};
    return result;
  }

  FlowKey flow_;
  const TaskConfig flows_ = task("flows", TaskKind::kExact, KeyFields::five_tuple());
};

}  // namespace netspectra::sqlite_test
