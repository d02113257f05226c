#include "output/sink.h"

#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <string>

#include "gtest/gtest.h"
#include "samples.h"

namespace netspectra {
namespace {

using testing::read_file;
using testing::TempPath;

TEST(Sink, KeepsWhatIsAppendedInOrderAcrossItsBuffer) {
  TempPath path;
  auto sink = Sink::open(path.str());
  ASSERT_TRUE(sink.ok()) << sink.status();
  std::string expected;
  const auto append = [&](const std::string& text) {
    (*sink)->append(text);
    expected += text;
  };
  for (int i = 0; i < 100'000; ++i) append("line " + std::to_string(i) + "\n");
  append(std::string(1'000'000, 'x'));  // larger than the buffer
  append("end\n");
  EXPECT_TRUE((*sink)->close().ok());
  EXPECT_EQ(read_file(path.str()), expected);
}

TEST(Sink, ReplacesWhatTheFileHeld) {
  TempPath path;
  for (const char* text : {"a longer first text", "second"}) {
    auto sink = Sink::open(path.str());
    ASSERT_TRUE(sink.ok()) << sink.status();
    (*sink)->append(text);
    EXPECT_TRUE((*sink)->close().ok());
  }
  EXPECT_EQ(read_file(path.str()), "second");
}

TEST(Sink, ASmallOutputToAFullDiskFailsAtClose) {
  auto sink = Sink::open("/dev/full");
  ASSERT_TRUE(sink.ok()) << sink.status();
  (*sink)->append("x");
  EXPECT_EQ((*sink)->close().message(), "/dev/full: No space left on device");
}

TEST(Sink, AnEarlyErrorIsStillThereAtTheEnd) {
  auto sink = Sink::open("/dev/full");
  ASSERT_TRUE(sink.ok()) << sink.status();
  for (int i = 0; i < 3; ++i) (*sink)->append(std::string(1'000'000, 'x'));
  EXPECT_EQ((*sink)->close().message(), "/dev/full: No space left on device");
  EXPECT_EQ((*sink)->close().message(), "/dev/full: No space left on device");
}

TEST(Sink, AFileThatCannotBeOpenedIsNamedWithTheCause) {
  EXPECT_EQ(Sink::open("/no/such/folder/out.json").status().message(),
            "/no/such/folder/out.json: No such file or directory");
  EXPECT_EQ(Sink::open("/").status().message(), "/: Is a directory");
}

// Runs with standard output replaced by `fd`.
template <typename Body>
void with_standard_output(int fd, Body body) {
  const int saved = ::dup(STDOUT_FILENO);
  ASSERT_GE(saved, 0);
  ASSERT_GE(::dup2(fd, STDOUT_FILENO), 0);
  body();
  ::dup2(saved, STDOUT_FILENO);
  ::close(saved);
}

TEST(Sink, AMinusIsStandardOutputAndLeavesItOpen) {
  int pipe_fds[2];
  ASSERT_EQ(::pipe(pipe_fds), 0);
  bool opened = false, closed = false, still_open = false;
  with_standard_output(pipe_fds[1], [&] {
    auto sink = Sink::open("-");
    opened = sink.ok();
    if (opened) (*sink)->append("to the pipe");
    closed = opened && (*sink)->close().ok();
    still_open = ::write(STDOUT_FILENO, "!", 1) == 1;
  });
  ::close(pipe_fds[1]);
  char text[64];
  const ssize_t size = ::read(pipe_fds[0], text, sizeof(text));
  ::close(pipe_fds[0]);
  EXPECT_TRUE(opened && closed && still_open);
  ASSERT_GT(size, 0);
  EXPECT_EQ(std::string(text, size_t(size)), "to the pipe!");
}

TEST(Sink, AReaderThatWentAwayIsAnError) {
  int pipe_fds[2];
  ASSERT_EQ(::pipe(pipe_fds), 0);
  ::close(pipe_fds[0]);
  const auto old = std::signal(SIGPIPE, SIG_IGN);
  absl::Status status;
  with_standard_output(pipe_fds[1], [&] {
    auto sink = Sink::open("-");
    if (!sink.ok()) return;
    (*sink)->append("unread");
    status = (*sink)->close();
  });
  std::signal(SIGPIPE, old);
  ::close(pipe_fds[1]);
  EXPECT_EQ(status.message(), "standard output: Broken pipe");
}

}  // namespace
}  // namespace netspectra
