// What CaptureFile::open() refuses, and what it knows of a file that it takes.
#include "capture/capture_file.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <sys/stat.h>
#include <algorithm>

#include "capture_builder.h"

namespace netspectra::testing {
namespace {

constexpr uint32_t kMicro = 0xa1b2c3d4;

std::string open_error(const std::string& path) {
  const auto file = CaptureFile::open(path);
  return file.ok() ? "" : std::string(file.status().message());
}

// The path stands before each cause; what is left is the cause.
std::string cause_of(const Bytes& bytes) {
  const TempFile file(bytes);
  const std::string error = open_error(file.path());
  EXPECT_TRUE(error.empty() || error.starts_with(file.path() + ": ")) << error;
  EXPECT_EQ(error.find('\n'), std::string::npos);
  return error.empty() ? "" : error.substr(file.path().size() + 2);
}

Bytes pcap_of_link(uint32_t link) { return Builder(Order::kLittle).pcap_header(kMicro, link).bytes(); }

TEST(CaptureFile, RefusesWhatIsNoReadableFile) {
  EXPECT_EQ(open_error("/nonexistent/a.pcap"), "/nonexistent/a.pcap: No such file or directory");
  EXPECT_EQ(open_error("/"), "/: is a directory");
  EXPECT_EQ(open_error("/dev/null"), "/dev/null: not a regular file");
  EXPECT_EQ(cause_of({}), "empty file");
}

TEST(CaptureFile, RefusesAFileThatItMayNotRead) {
  const TempFile file(pcap_of_link(1));
  ASSERT_EQ(::chmod(file.path().c_str(), 0), 0);
  if (::access(file.path().c_str(), R_OK) == 0) GTEST_SKIP() << "this user may read everything";
  EXPECT_EQ(open_error(file.path()), file.path() + ": Permission denied");
}

TEST(CaptureFile, RefusesAPipeAtOnceAlsoWhenNobodyWritesIt) {
  const std::string path = ::testing::TempDir() + "capture_test_fifo_" + std::to_string(::getpid());
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  EXPECT_EQ(open_error(path), path + ": is a pipe, not a regular file: save it to a file first");
  ::unlink(path.c_str());
}

TEST(CaptureFile, RefusesWhatIsNoCaptureAndSaysWhatToDo) {
  const std::string no_capture = "not a capture file (neither pcap nor pcapng)";
  EXPECT_EQ(cause_of({'h', 'e', 'l', 'l', 'o', '\n'}), no_capture);
  EXPECT_EQ(cause_of({0xd4, 0xc3, 0xb2}), no_capture);
  EXPECT_EQ(cause_of(Bytes(100, 0)), no_capture);
  EXPECT_EQ(cause_of({0x1f, 0x8b, 8, 0, 0, 0}), "gzip-compressed: unpack it first");
  EXPECT_EQ(cause_of({0xfd, '7', 'z', 'X', 'Z', 0, 0, 4}), "xz-compressed: unpack it first");
  EXPECT_EQ(cause_of({0x28, 0xb5, 0x2f, 0xfd, 4}), "zstd-compressed: unpack it first");
  EXPECT_EQ(cause_of({'B', 'Z', 'h', '9', '1', 'A'}), "bzip2-compressed: unpack it first");
}

TEST(CaptureFile, RefusesVersionsThatItDoesNotKnow) {
  EXPECT_EQ(cause_of(Builder(Order::kLittle).pcap_header(kMicro, 1, 5).bytes()),
            "unsupported pcap version 2.5");
  EXPECT_EQ(cause_of(Builder(Order::kBig).pcap_header(kMicro, 1, 4, 3).bytes()),
            "unsupported pcap version 3.4");
  EXPECT_EQ(cause_of(Builder(Order::kBig).section(2, 0).bytes()), "unsupported pcapng version");
  EXPECT_EQ(cause_of(Builder(Order::kLittle).section(1, 1).bytes()), "unsupported pcapng version");
}

TEST(CaptureFile, TakesEverySupportedLinkTypeAndNamesTheOthers) {
  for (const uint32_t link : {0, 1, 9, 12, 14, 101, 108, 113, 228, 229, 276}) {
    const TempFile path(pcap_of_link(link));
    const auto file = CaptureFile::open(path.path());
    ASSERT_TRUE(file.ok()) << file.status().ToString();
    EXPECT_EQ((*file)->leading_links(), (std::vector<LinkType>{LinkType{static_cast<uint16_t>(link)}}));
  }
  EXPECT_EQ(cause_of(pcap_of_link(105)), "unsupported link type 105 (802.11)");
  EXPECT_EQ(cause_of(pcap_of_link(64000)), "unsupported link type 64000");
  EXPECT_EQ(cause_of(pcap_of_link(0x10001)), "unsupported link type 65537") << "not to be taken for Ethernet";
}

TEST(CaptureFile, APcapngIsRefusedOnlyWhereAllItsLeadingInterfacesAreUnsupported) {
  Builder b(Order::kBig);
  b.section().interface(LinkType{105}).interface(LinkType{64000}).interface(LinkType{105});
  EXPECT_EQ(cause_of(b.bytes()), "unsupported link types 105 (802.11), 64000");
  b.interface(LinkType::kRaw).enhanced(0, 1, payload(8), 8).interface(LinkType::kEthernet);
  const TempFile path(b.bytes());
  const auto file = CaptureFile::open(path.path());
  ASSERT_TRUE(file.ok());
  EXPECT_EQ((*file)->leading_links(), (std::vector<LinkType>{LinkType{105}, LinkType{64000}, LinkType::kRaw}))
      << "each once, in order, and none that comes after a packet";
  EXPECT_EQ(cause_of(Builder(Order::kBig).section().interface(LinkType{127}).bytes()).substr(0, 25),
            "unsupported link type 127");
}

TEST(CaptureFile, APcapngWithoutInterfacesIsTaken) {
  EXPECT_EQ(cause_of(Builder(Order::kLittle).section().bytes()), "");
}

TEST(CaptureFile, KnowsPathFormatAndBytes) {
  const Bytes bytes = pcap_of_link(1);
  const TempFile pcap_path(bytes);
  const TempFile pcapng_path(Builder(Order::kBig).section().bytes());
  const auto pcap = CaptureFile::open(pcap_path.path());
  const auto pcapng = CaptureFile::open(pcapng_path.path());
  ASSERT_TRUE(pcap.ok() && pcapng.ok());
  EXPECT_EQ((*pcap)->path(), pcap_path.path());
  EXPECT_EQ((*pcap)->format(), CaptureFormat::kPcap);
  EXPECT_EQ((*pcapng)->format(), CaptureFormat::kPcapng);
  EXPECT_EQ(Bytes((*pcap)->begin(), (*pcap)->begin() + (*pcap)->size()), bytes);
  EXPECT_GE((*pcap)->fd(), 0);
  EXPECT_EQ((*pcap)->first_ts_ns(), 0u);
}

TEST(CaptureFile, TheFirstTimeIsThatOfTheFirstPacketWithOne) {
  const auto first_ts = [](int without_time) {
    Builder b(Order::kLittle);
    b.section().interface(LinkType::kEthernet);
    for (int i = 0; i < without_time; ++i) b.simple(payload(14), 14);
    b.enhanced(0, 9000, payload(14), 14).enhanced(0, 8000, payload(14), 14);
    const auto file = CaptureFile::from_bytes("x", b.bytes());
    return file.ok() ? (*file)->first_ts_ns() : 1;
  };
  EXPECT_EQ(first_ts(0), 9000000u);
  EXPECT_EQ(first_ts(63), 9000000u);
  EXPECT_EQ(first_ts(64), 0u) << "no further than 64 records";
}

TEST(CaptureFile, FollowingAReaderChangesNothingOfWhatItReads) {
  Builder b(Order::kLittle);
  b.pcap_header(kMicro, 1);
  while (b.size() < size_t{14} << 20) b.pcap_record(3, 4, payload(60000, uint8_t(b.size() >> 16)), 60000);
  const TempFile path(b.bytes());
  const auto file = CaptureFile::open(path.path());
  ASSERT_TRUE(file.ok());
  const size_t size = (*file)->size();
  for (size_t offset = 0; offset <= size; offset += 100'000) {
    (*file)->follow(offset, offset + (4 << 20));
    const size_t n = std::min<size_t>(100'000, size - offset);
    ASSERT_TRUE(std::equal(b.bytes().begin() + ptrdiff_t(offset), b.bytes().begin() + ptrdiff_t(offset + n),
                           (*file)->begin() + offset));
  }
  EXPECT_TRUE(std::equal(b.bytes().begin(), b.bytes().end(), (*file)->begin())) << "also what was forgotten";
}

TEST(CaptureFile, AMappedFileGivesItsRecords) {
  const TempFile path(
      Builder(Order::kLittle).pcap_header(kMicro, 1).pcap_record(3, 4, payload(60), 60).bytes());
  const auto file = CaptureFile::open(path.path());
  ASSERT_TRUE(file.ok());
  const Walked walked = walk(**file);
  EXPECT_EQ(walked.records,
            (std::vector<Walked::Record>{{3000004000, payload(60), 60, LinkType::kEthernet}}));
  EXPECT_EQ(walked.error, "");
}

}  // namespace
}  // namespace netspectra::testing
