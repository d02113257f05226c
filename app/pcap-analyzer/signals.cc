#include "signals.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdint>
#include <initializer_list>

namespace netspectra {
namespace {

// All that a signal handler may touch.
volatile std::sig_atomic_t interrupted = 0;

extern "C" void note_interrupt(int) { interrupted = 1; }

extern "C" void map_zeros(int, siginfo_t* info, void*) {
  constexpr uintptr_t kPage = 4096;
  void* const page = reinterpret_cast<void*>(reinterpret_cast<uintptr_t>(info->si_addr) & ~(kPage - 1));
  if (info->si_code != BUS_ADRERR ||
      mmap(page, kPage, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED) {
    std::signal(SIGBUS, SIG_DFL);  // the access is repeated, and ends the process
  }
}

}  // namespace

BlockedSignals::BlockedSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, &before_);
}

BlockedSignals::~BlockedSignals() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

InterruptFlag::InterruptFlag() {
  struct sigaction action = {};
  action.sa_handler = note_interrupt;
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  for (int signal : {SIGINT, SIGTERM}) sigaction(signal, &action, nullptr);
}

InterruptFlag::~InterruptFlag() {
  for (int signal : {SIGINT, SIGTERM}) std::signal(signal, SIG_DFL);
}

bool InterruptFlag::raised() const { return interrupted != 0; }

void survive_cut_captures() {
  struct sigaction action = {};
  action.sa_sigaction = map_zeros;
  action.sa_flags = SA_SIGINFO;
  sigaction(SIGBUS, &action, nullptr);
}

void occupy_standard_descriptors() {
  for (int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    // open() gives the lowest free number, which is this one. For reading only, so that results are not lost silently.
    if (fcntl(fd, F_GETFD) < 0 && errno == EBADF)
      (void)!open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
  }
}

}  // namespace netspectra
