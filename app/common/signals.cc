#include "common/signals.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <initializer_list>

namespace netspectra {
namespace {

// All that a signal handler may touch.
volatile std::sig_atomic_t interrupted = 0;
volatile std::sig_atomic_t hung_up = 0;

extern "C" void note_interrupt(int) {
  interrupted = 1;
  for (int signal : {SIGINT, SIGTERM}) std::signal(signal, SIG_DFL);
}
extern "C" void note_hang_up(int) { hung_up = 1; }

}  // namespace

BlockedSignals::BlockedSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGHUP);
  pthread_sigmask(SIG_BLOCK, &signals, &before_);
}

BlockedSignals::~BlockedSignals() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

InterruptFlag::InterruptFlag() {
  struct sigaction action = {};
  action.sa_handler = note_interrupt;
  for (int signal : {SIGINT, SIGTERM}) sigaction(signal, &action, nullptr);
}

InterruptFlag::~InterruptFlag() {
  for (int signal : {SIGINT, SIGTERM}) std::signal(signal, SIG_DFL);
}

bool InterruptFlag::raised() const { return interrupted != 0; }

ReloadFlag::ReloadFlag() { std::signal(SIGHUP, note_hang_up); }
ReloadFlag::~ReloadFlag() { std::signal(SIGHUP, SIG_DFL); }

bool ReloadFlag::take() {
  if (hung_up == 0) return false;
  hung_up = 0;
  return true;
}

void occupy_standard_descriptors() {
  for (int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    // open() gives the lowest free number, which is this one. For reading only, so that results are not lost silently.
    if (fcntl(fd, F_GETFD) < 0 && errno == EBADF)
      (void)!open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
  }
}

}  // namespace netspectra
