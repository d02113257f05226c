#include "progress_bar.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <string>

#include "base/units.h"

namespace netspectra {
namespace {

constexpr auto kOnTerminal = std::chrono::milliseconds(100);
constexpr auto kInLog = std::chrono::seconds(1);
constexpr int kBarWidth = 24;

}  // namespace

ProgressBar::ProgressBar(ProgressMode mode)
    : terminal_(isatty(STDERR_FILENO) == 1),
      on_(mode == ProgressMode::kAlways || (mode == ProgressMode::kAuto && terminal_)),
      next_(start_ + (terminal_ ? Clock::duration(kOnTerminal) : Clock::duration(kInLog))) {}

void ProgressBar::update(const Progress& progress) {
  if (!on_ || Clock::now() < next_) return;
  draw(progress);
  next_ = Clock::now() + (terminal_ ? Clock::duration(kOnTerminal) : Clock::duration(kInLog));
}

void ProgressBar::draw(const Progress& progress) {
  const double elapsed_s = std::chrono::duration<double>(Clock::now() - start_).count();
  const double share = progress.bytes_total == 0 ? 1
                                                 : static_cast<double>(progress.bytes_read) /
                                                       static_cast<double>(progress.bytes_total);
  const double left_s = share > 0 ? elapsed_s / share - elapsed_s : 0;
  std::string bar(kBarWidth, '.');
  std::fill_n(bar.begin(), static_cast<int>(share * kBarWidth), '#');
  std::fprintf(stderr, "%s[%s] %3.0f %%  %s packets  %.2f M packets/s  %s left%s", terminal_ ? "\r" : "",
               bar.c_str(), 100 * share, format_count(progress.packets).c_str(),
               elapsed_s > 0 ? static_cast<double>(progress.packets) / elapsed_s / 1e6 : 0,
               format_duration_ns(static_cast<uint64_t>(left_s * 1e9)).c_str(), terminal_ ? "\033[K" : "\n");
  std::fflush(stderr);
  drawn_ = true;
}

void ProgressBar::finish(const Progress& progress) {
  if (!on_) return;
  if (!terminal_) draw(progress);
  if (terminal_ && drawn_) std::fputs("\r\033[K", stderr);
}

}  // namespace netspectra
