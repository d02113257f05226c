// The stream through the pipe is what the reader gives; the pipe can be torn down at any time.
#include "capture/pcap_pipe.h"

#include <dirent.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <pcap/pcap.h>
#include <sys/resource.h>

#include <chrono>

#include "capture_builder.h"

namespace netspectra::testing {
namespace {

cpu_set_t every_cpu() {
  cpu_set_t cpus;
  EXPECT_EQ(::sched_getaffinity(0, sizeof(cpus), &cpus), 0);
  return cpus;
}

std::unique_ptr<CaptureFile> capture(const Bytes& bytes) {
  auto file = CaptureFile::from_bytes("x", bytes);
  EXPECT_TRUE(file.ok()) << file.status().ToString();
  return *std::move(file);
}

std::unique_ptr<PcapPipe> start(const CaptureFile& file) {
  auto pipe = PcapPipe::start(file, every_cpu());
  EXPECT_TRUE(pipe.ok()) << pipe.status().ToString();
  return *std::move(pipe);
}

// libpcap, as the PMD uses it: over a descriptor of its own.
class Consumer {
 public:
  explicit Consumer(PcapPipe& pipe) {
    const std::string path = "/proc/self/fd/" + std::to_string(pipe.read_fd());
    char error[PCAP_ERRBUF_SIZE] = "";
    handle_ = pcap_open_offline_with_tstamp_precision(path.c_str(), PCAP_TSTAMP_PRECISION_NANO, error);
    EXPECT_NE(handle_, nullptr) << error;
    pipe.close_read_end();
  }
  ~Consumer() { pcap_close(handle_); }

  // pcap_next_ex()'s result: 1 a packet, PCAP_ERROR_BREAK the end.
  int next(Walked::Record& record) {
    pcap_pkthdr* header;
    const u_char* data;
    const int result = pcap_next_ex(handle_, &header, &data);
    if (result == 1) {
      const uint64_t ns =
          static_cast<uint64_t>(header->ts.tv_sec) * 1000000000 + static_cast<uint64_t>(header->ts.tv_usec);
      record = {ns, Bytes(data, data + header->caplen), header->len, LinkType::kEthernet};
    }
    return result;
  }

 private:
  pcap_t* handle_;
};

void expect_same_stream(const CaptureFile& file) {
  Walked walked = walk(file);
  const auto pipe = start(file);
  Consumer consumer(*pipe);
  Walked::Record got;
  for (size_t i = 0; i < walked.records.size(); ++i) {
    Walked::Record& want = walked.records[i];
    want.link = LinkType::kEthernet;  // the stream does not tell
    ASSERT_EQ(consumer.next(got), 1) << i;
    ASSERT_EQ(got, want) << i;
  }
  EXPECT_EQ(consumer.next(got), PCAP_ERROR_BREAK) << "a clean end";
}

// Several MiB, more than any pipe holds.
Bytes large_pcap() {
  Builder b(Order::kLittle);
  b.pcap_header(0xa1b2c3d4, 1);
  for (uint32_t i = 0; i < 4000; ++i) b.pcap_record(i, 1, payload(1500, static_cast<uint8_t>(i)), 1500);
  return b.bytes();
}

int open_descriptors() {
  DIR* dir = ::opendir("/proc/self/fd");
  int count = 0;
  while (::readdir(dir) != nullptr) ++count;
  ::closedir(dir);
  return count;
}

TEST(PcapPipe, GivesEveryPacketOfAPcapngOfMixedLinkTypesSnaplensAndUnits) {
  Builder b(Order::kBig);
  b.section().interface(LinkType::kEthernet, 96).interface(LinkType::kRaw, 65535, b.time_options(9));
  b.enhanced(0, 1700000000000001, payload(60), 1514).enhanced(1, 1700000000123456789, payload(0), 20);
  b.simple(payload(14), 14);
  b.set_order(Order::kLittle);
  b.section().interface(LinkType{105}).obsolete(0, 5, payload(kMaxCapturedBytes), kMaxCapturedBytes + 1);
  b.interface(LinkType::kLinuxCooked2).enhanced(1, 6, payload(77), 70);
  expect_same_stream(*capture(b.bytes()));
}

TEST(PcapPipe, GivesMorePacketsThanItHolds) {
  const Bytes bytes = large_pcap();
  expect_same_stream(*capture(bytes));
}

TEST(PcapPipe, EndsCleanlyWhereTheFileBreaksOff) {
  Bytes bytes = large_pcap();
  bytes.erase(bytes.end() - 700, bytes.end());
  expect_same_stream(*capture(bytes));
}

TEST(PcapPipe, AFileOfNoPacketsIsAStreamOfNone) {
  const Bytes bytes = Builder(Order::kBig).section().bytes();
  expect_same_stream(*capture(bytes));
}

TEST(PcapPipe, CanBeTornDownWhileFullAndUnread) {
  const int before = open_descriptors();
  const Bytes bytes = large_pcap();
  const auto file = capture(bytes);
  for (int i = 0; i < 20; ++i) {
    const auto pipe = start(*file);
    if (i % 2 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(5));  // the feeder comes to a stop
  }
  EXPECT_EQ(open_descriptors(), before) << "every descriptor is closed";
}

TEST(PcapPipe, CanBeTornDownHalfWayWhileTheReaderKeepsItsEndOpen) {
  const Bytes bytes = large_pcap();
  const auto file = capture(bytes);
  auto pipe = start(*file);
  Consumer consumer(*pipe);
  Walked::Record record;
  for (int i = 0; i < 100; ++i) ASSERT_EQ(consumer.next(record), 1);
  pipe.reset();
  int given = 100;
  while (consumer.next(record) == 1) ++given;
  EXPECT_LT(given, 4000) << "what was in the pipe, and then an end";
}

// Whether the feeder has closed the write end: then a read gives 0 instead of EAGAIN.
bool ends_within_seconds(int read_fd, int seconds) {
  char byte;
  for (int i = 0; i < seconds * 1000; ++i) {
    ssize_t got;
    while ((got = ::read(read_fd, &byte, 1)) == 1) {
    }
    if (got == 0) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return false;
}

TEST(PcapPipe, TheEndComesWithoutTeardownOnceAllIsWritten) {
  const Bytes bytes =
      Builder(Order::kLittle).pcap_header(0xa1b2c3d4, 1).pcap_record(1, 1, payload(9), 9).bytes();
  const auto file = capture(bytes);
  const auto pipe = start(*file);
  ASSERT_EQ(::fcntl(pipe->read_fd(), F_SETFL, O_NONBLOCK), 0);
  EXPECT_TRUE(ends_within_seconds(pipe->read_fd(), 10));
}

TEST(PcapPipe, TheReadersCloseEndsTheFeederAndRaisesNoSignal) {
  const Bytes bytes = large_pcap();
  const auto file = capture(bytes);
  const int before = open_descriptors();
  const auto pipe = start(*file);
  {
    Consumer consumer(*pipe);
    Walked::Record record;
    ASSERT_EQ(consumer.next(record), 1);
  }
  // What is left is the eventfd: the feeder, unasked, has closed its end.
  for (int i = 0; i < 10000 && open_descriptors() != before + 1; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  EXPECT_EQ(open_descriptors(), before + 1);
}

TEST(PcapPipe, FailsWhereThereAreNoDescriptorsLeft) {
  const Bytes bytes = large_pcap();
  const auto file = capture(bytes);
  rlimit before;
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit few = {64, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &few), 0);
  std::vector<int> taken;
  for (int fd; (fd = ::open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0;) taken.push_back(fd);
  const auto none = PcapPipe::start(*file, every_cpu());
  ::close(taken.back());
  ::close(taken[taken.size() - 2]);
  const auto no_eventfd = PcapPipe::start(*file, every_cpu());
  taken.resize(taken.size() - 2);
  for (const int fd : taken) ::close(fd);
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_EQ(none.status().message(), "pipe: Too many open files");
  EXPECT_EQ(no_eventfd.status().message(), "eventfd: Too many open files");
}

}  // namespace
}  // namespace netspectra::testing
