#include "ethdev/mbuf_pool.h"

#include <rte_errno.h>
#include <rte_lcore.h>

#include "absl/strings/str_cat.h"

namespace netspectra {

absl::StatusOr<MbufPool> make_mbuf_pool(const std::string& name, unsigned mbufs) {
  // A whole line, so that the data behind it begins one: a small frame then lies in one line, not in two.
  constexpr unsigned kPrivate = RTE_ALIGN_CEIL(sizeof(Frame), RTE_CACHE_LINE_SIZE);
  MbufPool pool(rte_pktmbuf_pool_create(name.c_str(), mbufs, kMbufCache, kPrivate, RTE_MBUF_DEFAULT_BUF_SIZE,
                                        SOCKET_ID_ANY));
  if (pool == nullptr) {
    return absl::ResourceExhaustedError(absl::StrCat("no room for ", mbufs, " packet buffers (",
                                                     (uint64_t{mbufs} * kMbufBytes) >> 20,
                                                     " MiB of EAL memory): ", rte_strerror(rte_errno)));
  }
  return pool;
}

}  // namespace netspectra
