// The books of a SQLite store as they are asked, and the files that can be opened to be asked.
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

#include "../store/sqlite_fixture.h"
#include "gtest/gtest.h"
#include "query/sqlite_source.h"

// A question names what it is about and leaves out the rest.
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

namespace netspectra {
namespace {

using sqlite_test::clock_now_ns;
using sqlite_test::kSecond;
using sqlite_test::kStart;
using sqlite_test::task;

class SqliteLedgerTest : public sqlite_test::StoreFixture {
 protected:
  std::unique_ptr<QuerySource> source() const {
    auto source = open_sqlite_source({.path = path()});
    EXPECT_TRUE(source.ok()) << source.status();
    return source.ok() ? *std::move(source) : nullptr;
  }
  absl::Status refusal() const { return open_sqlite_source({.path = path()}).status(); }

  EpochResult of(const char* probe, uint64_t run, uint64_t after_s, uint32_t amendment = 0,
                 uint32_t missing = 0) const {
    EpochResult result = epoch(kStart + after_s * kSecond);
    result.origin.probe = probe;
    result.origin.run = run;
    result.origin.amendment = amendment;
    result.origin.expected_snapshots = 4;
    result.origin.missing_snapshots = missing;
    return result;
  }
};

TEST_F(SqliteLedgerTest, EveryLossOfTheScopeIsInTheLedger) {
  EpochResult result = of("edge-1", 1, 0);
  result.ledger.rx_packets = 20;
  result.ledger.rx_bytes = 2000;
  result.ledger.ip_packets = 13;
  result.ledger.ip_bytes = 1300;
  result.ledger.filtered_out = 5;
  result.ledger.late_packets = 1;
  result.ledger.dropped[size_t(DropReason::kEthertype)] = 3;
  result.ledger.dropped[size_t(DropReason::kIpv4BadIhl)] = 2;
  result.ledger.dropped[size_t(DropReason::kIpv6BadVersion)] = 1;
  result.other_drops = {{"of_the_future", 1}};
  result.source.nic_missed = 4;
  result.source.no_mbuf = 3;
  result.source.nic_errors = 2;
  result.source.kernel_dropped = 1;
  result.source.epoch_overruns = 6;
  result.read_errors = {"a.pcap: broke off", "b.pcap: too"};
  result.faults = {"flows: unequal seeds"};
  result.origin.missing = {"worker 2 of 4: flows"};  // counted by the snapshots
  result.tasks[0].overflow = {4, 400, 5, 6, 18};
  const TaskConfig hosts = task("hosts", TaskKind::kCardinality, KeyFields::five_tuple());
  result.tasks.resize(2);
  result.tasks[1].task = &hosts;
  const auto store = opened();
  for (const auto& [probe, after_s] :
       {std::pair{"edge-1", 0}, {"edge-2", 0}, {"edge-1", 10}, {"edge-1", 20}}) {
    result.origin.probe = probe;
    result.start_ns = kStart + static_cast<uint64_t>(after_s) * kSecond;
    ASSERT_TRUE(store->put(result).ok());
  }
  const auto asked = source();
  const auto ledger = asked->ledger({.to_ns = kStart + 20 * kSecond}, "flows");
  ASSERT_TRUE(ledger.ok()) << ledger.status();
  const LedgerSums& l = *ledger;
  EXPECT_EQ(std::tie(l.epochs, l.first_start_ns, l.last_end_ns),
            std::make_tuple(3u, kStart, kStart + 20 * kSecond));
  EXPECT_EQ(std::tie(l.rx_packets, l.rx_bytes, l.ip_packets, l.ip_bytes),
            std::make_tuple(60u, 6000u, 39u, 3900u));
  EXPECT_EQ(std::tie(l.not_ip, l.malformed, l.other_drops, l.filtered_out, l.late_packets),
            std::make_tuple(9u, 9u, 3u, 15u, 3u));
  EXPECT_EQ(std::tie(l.nic_missed, l.no_mbuf, l.nic_errors, l.kernel_dropped, l.epoch_overruns),
            std::make_tuple(12u, 9u, 6u, 3u, 18u));
  EXPECT_EQ(std::tie(l.missing_snapshots, l.incomplete_epochs, l.faults, l.expired_epochs),
            std::make_tuple(0u, 0u, 9u, 0u));
  EXPECT_EQ(l.malformed_by, (std::map<std::string, uint64_t>{{"ipv4_bad_ihl", 6}, {"ipv6_bad_version", 3}}));
  EXPECT_EQ(std::tie(l.counted_packets, l.overflow_packets, l.overflow_bytes),
            std::make_tuple(9u, 12u, 1200u));
  // An estimator is given every IP packet.
  const auto hosts_ledger = asked->ledger({.probe = "edge-1"}, "hosts");
  EXPECT_EQ(std::tie(hosts_ledger->counted_packets, hosts_ledger->overflow_packets),
            std::make_tuple(39u, 0u));
  EXPECT_EQ(asked->ledger({}, "")->counted_packets, 0u);
  EXPECT_EQ(asked->ledger({.site = "fra"}, "")->epochs, 0u);
}

TEST_F(SqliteLedgerTest, OnlyAnEpochsLastAmendmentSaysWhatIsMissing) {
  const auto store = opened();
  for (const EpochResult& result :
       {of("a", 1, 0, 0, 3), of("a", 1, 0, 1, 2), of("a", 1, 0, 2, 0),  // complete in the end
        of("a", 1, 10, 0, 3), of("a", 1, 10, 1, 1),                     // not
        of("a", 1, 20, 0, 0),                                           // at once
        of("b", 1, 10, 0, 2), of("b", 2, 10, 0, 4)}) {                  // two runs
    ASSERT_TRUE(store->put(result).ok());
  }
  const auto ledger = source()->ledger({}, "");
  EXPECT_EQ(std::tie(ledger->epochs, ledger->missing_snapshots, ledger->incomplete_epochs),
            std::make_tuple(5u, 7u, 3u));
}

TEST_F(SqliteLedgerTest, AProbesGapsAreFoundWithinAndBetweenItsRuns) {
  const auto store = opened();
  clock_now_ns = kStart + 500 * kSecond;
  for (const EpochResult& result : {of("b", 5, 0), of("a", 5, 0), of("a", 5, 10), of("a", 5, 10, 1),
                                    of("a", 5, 30), of("a", 9, 30), of("a", 9, 40), of("a", 9, 100)}) {
    ASSERT_TRUE(store->put(result).ok());
    clock_now_ns += kSecond;
  }
  EpochResult capture = of("a", 3, 0);
  capture.start_ns = capture.period_ns = 0;
  ASSERT_TRUE(store->put(capture).ok());
  const auto probes = source()->probes({});
  ASSERT_TRUE(probes.ok()) << probes.status();
  ASSERT_EQ(probes->size(), 2u);
  const ProbeBooks &a = probes->at(0), &b = probes->at(1);
  EXPECT_EQ(std::tie(a.site, a.probe, a.run, a.runs), std::make_tuple("ams", "a", 9u, 3u));
  EXPECT_EQ(std::tie(a.last_start_ns, a.period_ns, a.last_stored_ns),
            std::make_tuple(kStart + 100 * kSecond, 10 * kSecond, kStart + 507 * kSecond));
  EXPECT_EQ(std::tie(a.gaps, a.gap_ns), std::make_tuple(2u, 60 * kSecond));  // 20 to 30, 50 to 100
  EXPECT_EQ(a.ledger.epochs, 7u);
  EXPECT_EQ(std::tie(b.probe, b.runs, b.gaps, b.ledger.epochs), std::make_tuple("b", 1u, 0u, 1u));
  // Of the scope only.
  const auto later = source()->probes({.from_ns = kStart + 40 * kSecond, .probe = "a"});
  ASSERT_EQ(later->size(), 1u);
  EXPECT_EQ(std::tie(later->at(0).runs, later->at(0).gaps, later->at(0).gap_ns),
            std::make_tuple(1u, 1u, 50 * kSecond));
}

TEST_F(SqliteLedgerTest, WhatTheRetentionTookIsConfessed) {
  const auto store = opened("?retention=1h&partition=1h");
  const TaskConfig hosts = task("hosts", TaskKind::kCardinality, KeyFields::five_tuple());
  for (const uint64_t hours : {0, 1, 3}) {
    clock_now_ns = kStart + hours * 3600 * kSecond;
    for (const uint32_t amendment : {0, 1}) {
      EpochResult result = of("a", 1, hours * 3600, amendment);
      result.tasks.resize(2);
      result.tasks[1].task = &hosts;
      result.tasks[1].state = {std::byte{1}};
      result.ledger.ip_packets = 10;
      result.ledger.ip_bytes = 1 + hours;
      ASSERT_TRUE(store->put(result).ok());
    }
  }
  const auto asked = source();
  const auto ledger = asked->ledger({}, "");
  // The second partition ends where the third begins: it is not old enough yet.
  EXPECT_EQ(std::tie(ledger->epochs, ledger->expired_epochs), std::make_tuple(3u, 1u));
  EXPECT_EQ(asked->ledger({.from_ns = kStart + 3600 * kSecond}, "")->expired_epochs, 0u);
  uint64_t rows = 0, estimates = 0, ip_packets = 0, ip_bytes = 0;
  EXPECT_TRUE(asked->records({.task = "flows"}, [&](const StoredRow&) { ++rows; }).ok());
  const auto status = asked->estimates({}, "hosts", [&](const StoredEstimate& stored) {
    ++estimates;
    ip_packets += stored.ip_packets;
    ip_bytes += stored.ip_bytes;
    return absl::OkStatus();
  });
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(std::tie(rows, estimates), std::make_tuple(4u, 4u));
  EXPECT_EQ(std::tie(ip_packets, ip_bytes), std::make_tuple(40u, 12u)) << "what expired is in no share";
}

TEST_F(SqliteLedgerTest, OnlyAStoreCanBeAsked) {
  EXPECT_EQ(refusal(), absl::FailedPreconditionError(path() + ": No such file or directory"));
  EXPECT_FALSE(std::filesystem::exists(path()));
  std::ofstream(path()).close();
  EXPECT_EQ(refusal(), absl::UnavailableError(path() + ": is empty, nothing has been stored in it yet"));
  std::ofstream(path()) << std::string(5000, 'x');
  EXPECT_EQ(refusal(), absl::FailedPreconditionError(path() + ": file is not a database"));
  std::filesystem::remove(path());
  sqlite_test::Reader(path()).lines("CREATE TABLE songs(name)");
  EXPECT_EQ(refusal(),
            absl::FailedPreconditionError(path() + ": is another program's database; nothing was changed"));
  std::filesystem::remove(path());
  ASSERT_TRUE(opened()->put(epoch()).ok());
  sqlite_test::Reader(path()).lines("UPDATE schema_version SET version = 1");
  EXPECT_EQ(refusal(), absl::FailedPreconditionError(
                           path() + ": has schema version 1, this program knows 2; nothing was changed"));
}

TEST_F(SqliteLedgerTest, NothingIsStoredYetInANewStore) {
  const auto store = opened();
  const auto asked = source();
  EXPECT_TRUE(asked->tasks({})->empty());
  EXPECT_TRUE(asked->probes({})->empty());
  EXPECT_EQ(asked->ledger({}, "")->epochs, 0u);
  EXPECT_EQ(asked->ledger({}, "x").status(), absl::NotFoundError("no task 'x'; there is none"));
}

// What a child process says that may mount, in a mount namespace of its own. -1: it may not.
template <class Do>
int in_mount_namespace(const std::string& folder, Do then) {
  const pid_t child = ::fork();
  if (child == 0) {
    const int flags = ::geteuid() == 0 ? CLONE_NEWNS : CLONE_NEWNS | CLONE_NEWUSER;
    const char* const at = folder.c_str();
    if (::unshare(flags) != 0 || ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        ::mount(at, at, nullptr, MS_BIND, nullptr) != 0 ||
        ::mount(nullptr, at, nullptr, MS_REMOUNT | MS_BIND | MS_RDONLY, nullptr) != 0) {
      ::_exit(100);
    }
    ::_exit(then());
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  const int said = WIFEXITED(status) ? WEXITSTATUS(status) : 99;
  return said == 100 ? -1 : said;
}

TEST_F(SqliteLedgerTest, AStoreOnAReadOnlyDiskIsAsked) {
  const std::filesystem::path odd = std::filesystem::path(dir()) / "100%41 ? #1";  // no URI
  std::filesystem::create_directory(odd);
  const SqliteOptions options{.path = (odd / "x.db").string()};
  ASSERT_TRUE((*open_sqlite_store(options))->put(epoch()).ok());
  const auto epochs = [&] {
    const auto source = open_sqlite_source(options);
    if (!source.ok()) return 98;
    const auto ledger = (*source)->ledger({}, "flows");
    return ledger.ok() ? static_cast<int>(ledger->epochs) : 97;
  };
  for (const auto& entry : std::filesystem::directory_iterator(odd))
    EXPECT_EQ(entry.path().filename(), "x.db");
  const int found = in_mount_namespace(odd.string(), epochs);
  if (found == -1) GTEST_SKIP() << "no mount namespaces here";
  EXPECT_EQ(found, 1);
  // Nor does it matter what somebody who asked elsewhere has left there.
  EXPECT_EQ(epochs(), 1);
  EXPECT_EQ(in_mount_namespace(odd.string(), epochs), 1);
  // Somebody who may write does, and what is still in the log is seen: it is not passed over.
  const auto store = open_sqlite_store(options);
  ASSERT_TRUE((*store)->put(epoch(kStart + 10 * kSecond)).ok());
  ASSERT_GT(std::filesystem::file_size(options.path + "-wal"), 0u);
  EXPECT_EQ(in_mount_namespace(odd.string(), epochs), 2);
  // A log without its index cannot be read there.
  std::filesystem::copy_file(options.path, odd / "y.db");
  std::filesystem::copy_file(options.path + "-wal", odd / "y.db-wal");
  EXPECT_EQ(
      in_mount_namespace(odd.string(),
                         [&] { return open_sqlite_source({.path = (odd / "y.db").string()}).ok() ? 1 : 0; }),
      0);
}

TEST_F(SqliteLedgerTest, AFrozenSourceSeesWhatAWriterElsewhereAdds) {
  ASSERT_TRUE(opened()->put(epoch()).ok());
  int to_child[2], to_parent[2];
  ASSERT_EQ(::pipe(to_child) | ::pipe(to_parent), 0);
  std::thread writer([&] {  // the disk is read-only for the child alone
    char c = 0;
    if (::read(to_parent[0], &c, 1) != 1) return;
    const auto store = opened();
    EXPECT_TRUE(store->put(epoch(kStart + 10 * kSecond)).ok());
    EXPECT_EQ(::write(to_child[1], "x", 1), 1);
    EXPECT_EQ(::read(to_parent[0], &c, 1), 1);  // with the log in place
  });
  const int found = in_mount_namespace(dir(), [&] {
    const auto source = open_sqlite_source({.path = path()});
    if (!source.ok() || (*source)->ledger({}, "")->epochs != 1) return 98;
    char c = 0;
    if (::write(to_parent[1], "x", 1) != 1 || ::read(to_child[0], &c, 1) != 1) return 97;
    const int epochs = static_cast<int>((*source)->ledger({}, "")->epochs);
    return ::write(to_parent[1], "x", 1) == 1 ? epochs : 96;
  });
  ::close(to_parent[1]);
  writer.join();
  for (const int fd : {to_child[0], to_child[1], to_parent[0]}) ::close(fd);
  if (found == -1) GTEST_SKIP() << "no mount namespaces here";
  EXPECT_EQ(found, 2);
}

}  // namespace
}  // namespace netspectra
