// What ports need before they are opened.
#include <gtest/gtest.h>

#include "ethdev/mbuf_pool.h"
#include "ethdev/port.h"

namespace netspectra {
namespace {

constexpr uint64_t kMiB = 1 << 20;

// An interface that is not there: frames of 2 KiB, whatever this machine's own have for an MTU.
PortConfig interface(unsigned queues, const char* descriptors) {
  return {"none0", queues, "af_packet", {{"rx_descriptors", descriptors}}};
}

TEST(KernelLockedBytes, AreTheRingsOfTheLargestQueue) {
  EXPECT_EQ(Port::kernel_locked_bytes({interface(1, "1024")}), 4 * kMiB);
  EXPECT_EQ(Port::kernel_locked_bytes({interface(8, "1024")}), 4 * kMiB);
  EXPECT_EQ(Port::kernel_locked_bytes({interface(1, "1024"), interface(2, "8192"), interface(1, "32")}),
            32 * kMiB);
}

TEST(KernelLockedBytes, AreThePoolForEachQueueOfAfXdp) {
  const PortConfig xdp = {"none0", 3, "af_xdp", {}};
  const uint64_t pool = uint64_t{Port::mbufs(xdp)} * kMbufBytes;
  EXPECT_EQ(Port::kernel_locked_bytes({xdp}), 3 * pool);
  EXPECT_EQ(Port::kernel_locked_bytes({xdp, interface(1, "1024"), xdp}), 6 * pool);
}

TEST(KernelLockedBytes, AreNoneOfOtherPorts) {
  EXPECT_EQ(Port::kernel_locked_bytes(
                {{"0000:3b:00.0", 4, "af_packet", {}}, {"vdev:net_null0", 1, "af_packet", {}}}),
            0u);
}

}  // namespace
}  // namespace netspectra
