#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "store/store.h"

namespace netspectra {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kStart = 1398798000000000000;

KeyFields only(KeyField field) {
  KeyFields fields;
  fields.add(field);
  return fields;
}

TaskConfig task(const char* name, TaskKind kind, KeyField field) {
  TaskConfig config;
  config.name = name;
  config.kind = kind;
  config.fields = only(field);
  return config;
}

FlowKey vlan(uint16_t id) {
  FlowKey key;
  key.vlan = id;
  return key;
}

FlowRecord on_vlan(uint16_t id, FlowCounters counters) { return {vlan(id), counters}; }

std::string read_file(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

class FilesStoreTest : public ::testing::Test {
 protected:
  FilesStoreTest()
      : dir_(fs::path(::testing::TempDir()) /
             (std::string("netspectra-store-") +
              ::testing::UnitTest::GetInstance()->current_test_info()->name() + std::to_string(::getpid()))) {
    fs::remove_all(dir_);
  }
  ~FilesStoreTest() override { fs::remove_all(dir_); }

  std::unique_ptr<Store> opened() {
    auto store = open_store("files:" + dir_.string());
    EXPECT_TRUE(store.ok()) << store.status();
    return store.ok() ? std::move(*store) : nullptr;
  }

  EpochResult epoch(uint64_t start_ns) const {
    EpochResult result;
    result.start_ns = start_ns;
    result.period_ns = 10'000'000'000;
    result.ledger.rx_packets = 20;
    result.ledger.ip_packets = 14;
    result.ledger.dropped[size_t(DropReason::kEthertype)] = 3;
    result.ledger.dropped[size_t(DropReason::kLlc)] = 1;
    result.ledger.dropped[size_t(DropReason::kIpv4BadIhl)] = 2;
    result.ledger.ip_bytes = 1360;
    result.tasks.resize(2);
    result.tasks[0].task = &vlans_;
    result.tasks[0].records = {on_vlan(7, {9, 900, 1, 2, 0}), on_vlan(0, {1, 60, 3, 3, 2})};
    result.tasks[0].overflow = {4, 400, 5, 6, 18};
    result.tasks[1].task = &all_;
    result.tasks[1].records = {on_vlan(0, {14, 1360, 1, 6, 18})};
    return result;
  }

  // Every file and folder below the store's, sorted.
  std::vector<std::string> names() const {
    std::vector<std::string> out;
    for (const auto& entry : fs::recursive_directory_iterator(dir_)) {
      out.push_back(fs::relative(entry.path(), dir_).string());
    }
    std::sort(out.begin(), out.end());
    return out;
  }

  const TaskConfig vlans_ = task("vlans", TaskKind::kExact, KeyField::kVlan);
  const TaskConfig all_ = task("protocols", TaskKind::kExact, KeyField::kProtocol);
  const fs::path dir_;
};

using Names = std::vector<std::string>;

TEST_F(FilesStoreTest, FindsWhatItHoldsOfAProbesEpochAlsoAfterItWasOpenedAgain) {
  EpochResult result = epoch(kStart);
  result.origin.site = "ams";
  result.origin.probe = "edge-1";
  result.origin.run = 7;
  result.origin.expected_snapshots = 4;
  result.origin.missing_snapshots = 1;
  result.origin.missing = {"worker 1 of 2: all"};
  result.origin.holds = "0=vlans:0-2/4";
  const EpochOrigin asked = result.origin;
  auto store = opened();
  EXPECT_TRUE(store->find(asked, kStart)->empty());
  ASSERT_TRUE(store->put(result).ok());
  result.origin.amendment = 1;
  result.origin.missing_snapshots = 0;
  result.origin.holds = "";
  ASSERT_TRUE(store->put(result).ok());
  EpochResult other = result;
  other.origin.probe = "edge-2";
  other.origin.amendment = 0;
  ASSERT_TRUE(store->put(other).ok());
  store = opened();
  const auto found = store->find(asked, kStart);
  ASSERT_TRUE(found.ok()) << found.status();
  ASSERT_EQ(found->size(), 2u);
  EXPECT_EQ((*found)[0].amendment, 0u);
  EXPECT_EQ((*found)[0].missing_snapshots, 1u);
  EXPECT_EQ((*found)[0].holds, "0=vlans:0-2/4");
  EXPECT_EQ((*found)[1].amendment, 1u);
  EXPECT_TRUE((*found)[1].complete());
  EXPECT_TRUE(store->find(asked, kStart + 1)->empty());
  EXPECT_EQ(store->put(result).code(), absl::StatusCode::kAlreadyExists);
  const std::string text = read_file(dir_ / "01398798000000000000.ams.edge-1.7.0" / "vlans.jsonl");
  EXPECT_NE(
      text.find("\"site\":\"ams\",\"probe\":\"edge-1\",\"run\":7,\"amendment\":0,\"expected_snapshots\":4,"
                "\"missing_snapshots\":1,\"missing\":[\"worker 1 of 2: all\"]"),
      std::string::npos)
      << text;
}

TEST_F(FilesStoreTest, AnEpochIsAFolderWithOneFilePerTask) {
  const auto store = opened();
  EXPECT_TRUE(store->put(epoch(kStart)).ok());
  EXPECT_TRUE(store->put(epoch(0)).ok());
  EXPECT_EQ(names(), (Names{"00000000000000000000", "00000000000000000000/protocols.jsonl",
                            "00000000000000000000/vlans.jsonl", "01398798000000000000",
                            "01398798000000000000/protocols.jsonl", "01398798000000000000/vlans.jsonl"}));
  EXPECT_TRUE(store->close().ok());
}

TEST_F(FilesStoreTest, AFileHoldsTheRecordsTheOverflowAndTheLedger) {
  const auto store = opened();
  ASSERT_TRUE(store->put(epoch(kStart)).ok());
  EXPECT_EQ(
      read_file(dir_ / "01398798000000000000" / "vlans.jsonl"),
      R"({"type":"record","task":"vlans","epoch_start_ns":1398798000000000000,"vlan":7,"packets":9,)"
      R"("bytes":900,"first_seen_ns":1,"last_seen_ns":2,"tcp_flags":0})"
      "\n"
      R"({"type":"record","task":"vlans","epoch_start_ns":1398798000000000000,"vlan":0,"packets":1,)"
      R"("bytes":60,"first_seen_ns":3,"last_seen_ns":3,"tcp_flags":2})"
      "\n"
      R"({"type":"overflow","task":"vlans","epoch_start_ns":1398798000000000000,"packets":4,"bytes":400,)"
      R"("first_seen_ns":5,"last_seen_ns":6,"tcp_flags":18})"
      "\n"
      R"({"type":"ledger","task":"vlans","epoch_start_ns":1398798000000000000,"period_ns":10000000000,)"
      R"("rx_packets":20,"counted_packets":10,"not_ip":4,"malformed":{"ipv4_bad_ihl":2},)"
      R"("overflow_packets":4,"read_errors":[]})"
      "\n");
  EXPECT_EQ(read_file(dir_ / "01398798000000000000" / "protocols.jsonl"),
            R"({"type":"record","task":"protocols","epoch_start_ns":1398798000000000000,"protocol":0,)"
            R"("packets":14,"bytes":1360,"first_seen_ns":1,"last_seen_ns":6,"tcp_flags":18})"
            "\n"
            R"({"type":"ledger","task":"protocols","epoch_start_ns":1398798000000000000,)"
            R"("period_ns":10000000000,"rx_packets":20,"counted_packets":14,"not_ip":4,)"
            R"("malformed":{"ipv4_bad_ihl":2},"overflow_packets":0,"read_errors":[]})"
            "\n");
}

// Rows as --format json has them; a ledger with what is needed to read them.
TEST_F(FilesStoreTest, AnEstimatorsLedgerSaysHowItsRowsAreToBeRead) {
  const TaskConfig top = task("top", TaskKind::kHeavyHitters, KeyField::kVlan);
  const TaskConfig scan = task("scan", TaskKind::kSuperSpreader, KeyField::kVlan);
  const TaskConfig many = task("many", TaskKind::kCardinality, KeyField::kVlan);
  EpochResult result = epoch(kStart);
  result.tasks.assign(3, TaskResult());
  result.tasks[0].task = &top;
  result.tasks[0].heavy_hitters = {{vlan(7), 9, 900, 1, 100}, {vlan(8), 8, 480, 0, 0}};
  result.tasks[0].threshold = 8;
  result.tasks[1].task = &scan;
  result.tasks[1].spreads = {{vlan(7), 812}};
  result.tasks[1].threshold = 100;
  result.tasks[1].standard_error = 0.0919;
  result.tasks[2].task = &many;
  result.tasks[2].cardinality = 12345;
  ASSERT_TRUE(opened()->put(result).ok());
  const fs::path folder = dir_ / "01398798000000000000";
  EXPECT_EQ(
      read_file(folder / "top.jsonl"),
      R"({"type":"heavy_hitter","task":"top","epoch_start_ns":1398798000000000000,"vlan":7,"packets":9,)"
      R"("bytes":900,"error_packets":1,"error_bytes":100})"
      "\n"
      R"({"type":"heavy_hitter","task":"top","epoch_start_ns":1398798000000000000,"vlan":8,"packets":8,)"
      R"("bytes":480,"error_packets":0,"error_bytes":0})"
      "\n"
      R"({"type":"ledger","task":"top","epoch_start_ns":1398798000000000000,"period_ns":10000000000,)"
      R"("rx_packets":20,"ip_packets":14,"ip_bytes":1360,"not_ip":4,"malformed":{"ipv4_bad_ihl":2},)"
      R"("threshold":8,"read_errors":[]})"
      "\n");
  EXPECT_EQ(read_file(folder / "scan.jsonl"),
            R"({"type":"spread","task":"scan","epoch_start_ns":1398798000000000000,"vlan":7,"spread":812})"
            "\n"
            R"({"type":"ledger","task":"scan","epoch_start_ns":1398798000000000000,"period_ns":10000000000,)"
            R"("rx_packets":20,"ip_packets":14,"ip_bytes":1360,"not_ip":4,"malformed":{"ipv4_bad_ihl":2},)"
            R"("threshold":100,"standard_error":0.0919,"read_errors":[]})"
            "\n");
  EXPECT_EQ(read_file(folder / "many.jsonl"),
            R"({"type":"cardinality","task":"many","epoch_start_ns":1398798000000000000,"cardinality":12345})"
            "\n"
            R"({"type":"ledger","task":"many","epoch_start_ns":1398798000000000000,"period_ns":10000000000,)"
            R"("rx_packets":20,"ip_packets":14,"ip_bytes":1360,"not_ip":4,"malformed":{"ipv4_bad_ihl":2},)"
            R"("standard_error":0,"read_errors":[]})"
            "\n");
}

TEST_F(FilesStoreTest, TheLedgerSaysWhatTheFilterRefused) {
  EpochResult result = epoch(kStart);
  result.ledger.filtered_out = 5;
  ASSERT_TRUE(opened()->put(result).ok());
  EXPECT_NE(
      read_file(dir_ / "01398798000000000000" / "vlans.jsonl")
          .find(R"("malformed":{"ipv4_bad_ihl":2},"filtered_out":5,"overflow_packets":4,"read_errors":[]})"),
      std::string::npos);
}

TEST_F(FilesStoreTest, TheLedgerNamesWhatCouldNotBeRead) {
  EpochResult result = epoch(kStart);
  result.read_errors = {"a.pcap: broke off", "b.pcap: too"};
  ASSERT_TRUE(opened()->put(result).ok());
  EXPECT_NE(read_file(dir_ / "01398798000000000000" / "vlans.jsonl")
                .find(R"("read_errors":["a.pcap: broke off","b.pcap: too"]})"),
            std::string::npos);
}

TEST_F(FilesStoreTest, AnEpochThatIsThereIsNeverReplaced) {
  ASSERT_TRUE(opened()->put(epoch(kStart)).ok());
  const std::string before = read_file(dir_ / "01398798000000000000" / "vlans.jsonl");
  const Names names_before = names();

  const auto second_run = opened();
  EpochResult other = epoch(kStart);
  other.tasks[0].records.clear();
  const absl::Status status = second_run->put(other);
  EXPECT_EQ(status.code(), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(status.message(),
            (dir_ / "01398798000000000000").string() +
                ": this epoch is already stored; nothing was overwritten, choose another directory");
  EXPECT_EQ(read_file(dir_ / "01398798000000000000" / "vlans.jsonl"), before);
  EXPECT_EQ(names(), names_before);
}

TEST_F(FilesStoreTest, ALaterRunAddsItsEpochs) {
  ASSERT_TRUE(opened()->put(epoch(kStart)).ok());
  ASSERT_TRUE(opened()->put(epoch(kStart + 10'000'000'000)).ok());
  EXPECT_EQ(names().size(), 6u);
}

TEST_F(FilesStoreTest, AfterAFailureTheStoreStaysClosedWithTheSameError) {
  const auto store = opened();
  ASSERT_TRUE(store->put(epoch(kStart)).ok());
  const absl::Status status = store->put(epoch(kStart));
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(store->put(epoch(kStart + 10'000'000'000)), status);
  EXPECT_TRUE(store->close().ok());
  EXPECT_EQ(names().size(), 3u);
}

// A limit on the size of files stands for a full disk: the write fails half-way.
TEST_F(FilesStoreTest, AnEpochThatCannotBeWrittenWholeIsNotThereAtAll) {
  const auto store = opened();
  ASSERT_TRUE(store->put(epoch(kStart)).ok());
  EpochResult large = epoch(kStart + 10'000'000'000);
  large.tasks[1].records.assign(5000, on_vlan(0, {1, 60, 1, 1, 0}));
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto old = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit small{100'000, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  const absl::Status status = store->put(large);
  ::setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, old);
  const std::string message(status.message());
  EXPECT_EQ(message.substr(0, dir_.string().size() + 10), dir_.string() + "/.partial-");
  EXPECT_NE(message.find("/protocols.jsonl: File too large"), std::string::npos) << message;
  EXPECT_EQ(names(), (Names{"01398798000000000000", "01398798000000000000/protocols.jsonl",
                            "01398798000000000000/vlans.jsonl"}));
}

TEST_F(FilesStoreTest, WhatAKilledRunLeftIsNeitherTakenNorTouched) {
  fs::create_directories(dir_ / (".partial-" + std::to_string(::getpid()) + "-0"));
  std::ofstream(dir_ / (".partial-" + std::to_string(::getpid()) + "-0") / "old.jsonl") << "old";
  ASSERT_TRUE(opened()->put(epoch(kStart)).ok());
  EXPECT_FALSE(fs::exists(dir_ / "01398798000000000000" / "old.jsonl"));
  EXPECT_EQ(read_file(dir_ / (".partial-" + std::to_string(::getpid()) + "-0") / "old.jsonl"), "old");
}

TEST_F(FilesStoreTest, ATaskThatIsNoFileNameIsRefused) {
  for (const char* name : {"../escape", "a/b", ".hidden", ""}) {
    const TaskConfig config = task(name, TaskKind::kExact, KeyField::kVlan);
    EpochResult result = epoch(kStart);
    result.tasks.resize(1);
    result.tasks[0].task = &config;
    EXPECT_EQ(opened()->put(result).message(),
              "task '" + std::string(name) + "': not a file name, cannot be stored");
    EXPECT_EQ(names(), Names());
  }
}

TEST_F(FilesStoreTest, OnlyTheLastLevelOfTheDirectoryIsCreated) {
  const std::string deep = (dir_ / "a" / "b").string();
  EXPECT_EQ(open_store("files:" + deep).status().message(), deep + ": No such file or directory");
}

TEST_F(FilesStoreTest, AFileInPlaceOfTheDirectoryIsNamed) {
  std::ofstream(dir_) << "a file";
  EXPECT_EQ(open_store("files:" + dir_.string()).status().message(), dir_.string() + ": Not a directory");
}

TEST_F(FilesStoreTest, ADirectoryThatCannotBeWrittenIsRefusedAtTheStart) {
  // /proc takes no files, not even from root.
  EXPECT_EQ(open_store("files:/proc/netspectra").status().message(),
            "/proc/netspectra: No such file or directory");
  if (::geteuid() == 0) GTEST_SKIP() << "root may write anywhere";
  fs::create_directory(dir_);
  ::chmod(dir_.c_str(), 0555);
  EXPECT_EQ(open_store("files:" + dir_.string()).status().message(), dir_.string() + ": Permission denied");
}

TEST_F(FilesStoreTest, ADirectoryThatIsTakenAwayIsNamed) {
  const auto store = opened();
  fs::remove_all(dir_);
  const std::string message(store->put(epoch(kStart)).message());
  EXPECT_EQ(message.substr(0, dir_.string().size() + 10), dir_.string() + "/.partial-");
  EXPECT_NE(message.find(": No such file or directory"), std::string::npos) << message;
}

TEST(StoreName, HasNoLogin) {
  EXPECT_EQ(store_name("clickhouse://engine:secret@db:8123/flows?tls=1"), "clickhouse://db:8123/flows?tls=1");
  EXPECT_EQ(store_name("clickhouse://db:8123/a@b"), "clickhouse://db:8123/a@b");
  EXPECT_EQ(store_name("clickhouse://a@b@db"), "clickhouse://db");
  EXPECT_EQ(store_name("sqlite:/var/a@b.db"), "sqlite:/var/a@b.db");
}

TEST(OpenStore, AnUnknownSchemeIsNamedWithWhatThereIs) {
  EXPECT_EQ(open_store("redis:host").status().message(),
            "store: unknown scheme 'redis:'; known are: files:DIR, sqlite:PATH, "
            "clickhouse://USER@HOST:PORT/DATABASE");
  EXPECT_EQ(open_store("out").status().message(),
            "store 'out': not a store URL; known are: files:DIR, sqlite:PATH, "
            "clickhouse://USER@HOST:PORT/DATABASE");
  EXPECT_EQ(open_store("").status().message(),
            "store '': not a store URL; known are: files:DIR, sqlite:PATH, "
            "clickhouse://USER@HOST:PORT/DATABASE");
  EXPECT_EQ(open_store("files:").status().message(), "store 'files:': the directory is missing; files:DIR");
}

TEST(OpenStore, APasswordInARefusedUrlIsNotRepeated) {
  const auto status = open_store("ftp://user:secret@host/").status();
  EXPECT_FALSE(status.ok());
  EXPECT_EQ(std::string(status.message()).find("secret"), std::string::npos);
}

}  // namespace
}  // namespace netspectra
