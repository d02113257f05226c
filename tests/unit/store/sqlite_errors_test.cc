#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <string>
#include <tuple>
#include <vector>

#include "gtest/gtest.h"
#include "sqlite_fixture.h"
#include "store/sqlite_store.h"

namespace netspectra {
namespace {

using Lines = std::vector<std::string>;
using sqlite_test::kSecond;
using sqlite_test::kStart;
using sqlite_test::query;

class SqliteErrorsTest : public sqlite_test::StoreFixture {
 protected:
  std::string refusal() {
    const auto store = open_store("sqlite:" + path());
    EXPECT_FALSE(store.ok());
    return std::string(store.status().message());
  }
};

TEST_F(SqliteErrorsTest, AnotherProgramsDatabaseIsRefusedUnchanged) {
  sqlite_test::Reader(path()).lines("CREATE TABLE songs(name)");
  const std::string before = sqlite_test::read_file(path());
  EXPECT_EQ(refusal(), path() + ": is another program's database; nothing was changed");
  EXPECT_EQ(sqlite_test::read_file(path()), before);
}

TEST_F(SqliteErrorsTest, AFileThatIsNoDatabaseIsRefusedUnchanged) {
  std::ofstream(path()) << std::string(5000, 'x');
  EXPECT_EQ(refusal(), path() + ": file is not a database");
  EXPECT_EQ(sqlite_test::read_file(path()), std::string(5000, 'x'));
}

TEST_F(SqliteErrorsTest, ASchemaOfAnotherVersionIsRefused) {
  ASSERT_TRUE(opened()->put(epoch()).ok());
  for (const std::string version : {"1", "3"}) {
    sqlite_test::Reader(path()).lines("UPDATE schema_version SET version = " + version);
    EXPECT_EQ(refusal(),
              path() + ": has schema version " + version + ", this program knows 2; nothing was changed");
  }
}

TEST_F(SqliteErrorsTest, ADirectoryOrAMissingOneIsNamed) {
  EXPECT_EQ(open_store("sqlite:" + dir()).status().message(), dir() + ": Is a directory");
  const std::string deep = dir() + "/no/x.db";
  EXPECT_EQ(open_store("sqlite:" + deep).status().message(), deep + ": No such file or directory");
}

TEST_F(SqliteErrorsTest, AFileThatCannotBeWrittenIsNamed) {
  ASSERT_TRUE(opened()->put(epoch()).ok());
  if (::geteuid() == 0) GTEST_SKIP() << "root may write anywhere";
  ::chmod(path().c_str(), 0444);
  EXPECT_EQ(refusal(), path() + ": cannot be written");
}

TEST_F(SqliteErrorsTest, ALockedDatabaseIsNamedAndNothingIsLost) {
  auto store = opened();
  ASSERT_TRUE(store->put(epoch()).ok());
  const sqlite_test::Reader other(path());
  other.lines("BEGIN IMMEDIATE");
  const absl::Status status = store->put(epoch(kStart + 10 * kSecond));  // waits for 5 s
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(status.message(), path() + ": database is locked");
  other.lines("COMMIT");
  EXPECT_TRUE(opened()->put(epoch(kStart + 10 * kSecond)).ok());
  EXPECT_EQ(query(path(), "SELECT count(*) FROM records"), Lines{"2"});
}

TEST_F(SqliteErrorsTest, ACorruptDatabaseIsNamed) {
  {
    const auto store = opened();
    for (int i = 0; i < 50; ++i) ASSERT_TRUE(store->put(epoch(kStart + i * 10 * kSecond)).ok());
  }
  {
    std::fstream file(path(), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(4096);
    file << std::string(size_t(sqlite_test::read_file(path()).size()) - 4096, '\xff');
  }
  EXPECT_EQ(refusal(), path() + ": database disk image is malformed");
}

// A limit on the size of files stands for a full disk: the write fails half-way.
TEST_F(SqliteErrorsTest, AnEpochThatDoesNotFitOnTheDiskIsNotThereAtAll) {
  auto store = opened();
  ASSERT_TRUE(store->put(epoch()).ok());
  EpochResult large = epoch(kStart + 10 * kSecond);
  large.tasks[0].records.assign(20'000, large.tasks[0].records[0]);
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto old = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit small{1'000'000, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  const absl::Status status = store->put(large);
  ::setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, old);
  EXPECT_EQ(std::string(status.message()), path() + ": disk I/O error (File too large)");
  EXPECT_EQ(store->put(epoch()), status);
  EXPECT_EQ(query(path(), "SELECT count(*) FROM epochs"), Lines{"1"});
  EXPECT_EQ(query(path(), "SELECT count(*) FROM records_1"), Lines{"1"});
  store = opened();  // there is room again
  EXPECT_TRUE(store->put(large).ok());
  EXPECT_EQ(query(path(), "SELECT count(*) FROM records"), Lines{"20001"});
  EXPECT_EQ(query(path(), "PRAGMA integrity_check"), Lines{"ok"});
}

TEST(SqliteUrl, RetentionAndPartitionAreRead) {
  const auto plain = parse_sqlite_url("a/b.db");
  EXPECT_EQ(std::tie(plain->path, plain->retention_ns, plain->partition_ns),
            std::make_tuple("a/b.db", 0u, 0u));
  const auto both = parse_sqlite_url("x.db?retention=7d&partition=1d");
  EXPECT_EQ(std::tie(both->path, both->retention_ns, both->partition_ns),
            std::make_tuple("x.db", 7 * 86'400 * kSecond, 86'400 * kSecond));
  EXPECT_EQ(parse_sqlite_url("x.db?retention=24h")->partition_ns, 3600 * kSecond);
}

TEST(SqliteUrl, EveryMistakeIsNamed) {
  const auto error = [](const char* url) { return std::string(parse_sqlite_url(url).status().message()); };
  EXPECT_EQ(error(""), "store 'sqlite:': the file is missing; sqlite:PATH");
  EXPECT_EQ(error("?retention=1d"), "store 'sqlite:': the file is missing; sqlite:PATH");
  EXPECT_EQ(error("x?keep=1d"),
            "store 'sqlite:': unknown option 'keep=1d'; known are: retention=DURATION, partition=DURATION");
  EXPECT_EQ(error("x?partition=1d"), "store 'sqlite:': partition= needs retention=");
  EXPECT_EQ(error("x?retention=1d&partition=2d"), "store 'sqlite:': partition= is longer than retention=");
  EXPECT_EQ(error("x?retention=7d&partition=1h"),
            "store 'sqlite:': partition= must be at least a 100th of retention=");
  EXPECT_EQ(error("x?retention=0s"), "store 'sqlite:': retention=0s must be more than 0");
  EXPECT_EQ(error("x?retention=7").find("store 'sqlite:': retention=7 needs a unit"), 0u);
  EXPECT_EQ(error("x?retention").find("store 'sqlite:': retention= "), 0u);
}

}  // namespace
}  // namespace netspectra
