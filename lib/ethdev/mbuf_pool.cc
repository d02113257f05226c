#include "ethdev/mbuf_pool.h"

#include <rte_errno.h>
#include <rte_lcore.h>

#include "absl/strings/str_cat.h"

namespace netspectra {

absl::StatusOr<MbufPool> make_mbuf_pool(const std::string& name, unsigned mbufs, unsigned data_bytes,
                                        int numa_node) {
  // A whole line, so that the data behind it begins one: a small frame then lies in one line, not in two.
  constexpr unsigned kPrivate = RTE_ALIGN_CEIL(sizeof(Frame), RTE_CACHE_LINE_SIZE);
  const unsigned buffer = RTE_PKTMBUF_HEADROOM + (data_bytes == 0 ? RTE_MBUF_DEFAULT_DATAROOM : data_bytes);
  for (int node : {numa_node, SOCKET_ID_ANY}) {
    MbufPool pool(rte_pktmbuf_pool_create(name.c_str(), mbufs, kMbufCache, kPrivate,
                                          static_cast<uint16_t>(buffer), node));
    if (pool != nullptr) return pool;
  }
  return absl::ResourceExhaustedError(
      absl::StrCat("no room for ", mbufs, " packet buffers (",
                   (uint64_t{mbufs} * (kMbufBytes - RTE_MBUF_DEFAULT_BUF_SIZE + buffer)) >> 20,
                   " MiB of EAL memory): ", rte_strerror(rte_errno)));
}

}  // namespace netspectra
