// How net_pcap opens capture files in this program: mapped into memory.
//
// libpcap reads through stdio, 4 KiB at a time: the read() calls are a third of what net_pcap costs for a 64-byte
// packet, and more for larger ones. DPDK passes a path and nothing else, so what it calls is defined here in libpcap's
// place: the dynamic linker finds a program's own definition first. glibc's mode "m" has stdio take the file's mapped
// pages as its buffer; a pipe is read as ever. docs/decisions.md has the figures.
#include "ethdev/mapped_captures.h"

#include <pcap/pcap.h>
#include <sys/mman.h>

#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstring>

namespace netspectra {
namespace {

thread_local volatile std::sig_atomic_t cut = 0;

extern "C" void map_zeros(int, siginfo_t* info, void*) {
  constexpr uintptr_t kPage = 4096;
  void* const page = reinterpret_cast<void*>(reinterpret_cast<uintptr_t>(info->si_addr) & ~(kPage - 1));
  cut = 1;
  if (info->si_code != BUS_ADRERR ||
      mmap(page, kPage, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED) {
    std::signal(SIGBUS, SIG_DFL);  // the access is repeated, and ends the process
  }
}

}  // namespace

void survive_cut_captures() {
  struct sigaction action = {};
  action.sa_sigaction = map_zeros;
  action.sa_flags = SA_SIGINFO;
  sigaction(SIGBUS, &action, nullptr);
}

bool take_capture_cut() {
  const bool was_cut = cut != 0;
  cut = 0;
  return was_cut;
}

}  // namespace netspectra

extern "C" pcap_t* pcap_open_offline(const char* path, char* error) {
  std::FILE* const file = std::fopen(path, "rm");
  if (file == nullptr) {
    std::snprintf(error, PCAP_ERRBUF_SIZE, "%s: %s", path, std::strerror(errno));
    return nullptr;
  }
  pcap_t* const capture = pcap_fopen_offline(file, error);
  if (capture == nullptr) std::fclose(file);
  return capture;
}
