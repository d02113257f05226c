#include "base/mapped_memory.h"

#include <sys/mman.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"

namespace netspectra {
namespace {

constexpr size_t kHugePage = size_t{2} << 20;
constexpr size_t kSmallPage = 4096;

constexpr size_t round_up(size_t n, size_t to) { return (n + to - 1) / to * to; }

}  // namespace

absl::StatusOr<MappedMemory> MappedMemory::reserve(size_t bytes) {
  MappedMemory memory;
  // One huge page more than asked for, so that a huge-page boundary lies inside; the slack is never touched.
  const size_t size = round_up(bytes, kHugePage) + kHugePage;
  void* raw = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (raw == MAP_FAILED) {
    return absl::ResourceExhaustedError(
        absl::StrCat("cannot reserve ", bytes >> 20, " MiB of memory: ", strerror(errno)));
  }
  const size_t start = round_up(reinterpret_cast<size_t>(raw), kHugePage);
  const size_t lead = start - reinterpret_cast<size_t>(raw);
  if (lead != 0) munmap(raw, lead);
  memory.data_ = reinterpret_cast<std::byte*>(start);
  memory.size_ = size - lead;
  madvise(memory.data_, memory.size_, MADV_HUGEPAGE);  // advice: a kernel without it works, slower
  return memory;
}

MappedMemory::~MappedMemory() {
  if (data_ != nullptr) munmap(data_, size_);
}

void MappedMemory::populate(size_t offset, size_t bytes) {
  const size_t begin = offset / kSmallPage * kSmallPage;
  madvise(data_ + begin, round_up(offset + bytes, kSmallPage) - begin, MADV_POPULATE_WRITE);
}

}  // namespace netspectra
