// A network of one veth pair in a namespace of the test's own, and a sender on its far end that counts.
//
// Gone when the process ends. Needs root; without, enter() says why.
#pragma once

#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

namespace netspectra::test {

inline constexpr const char* kNear = "near0";
inline constexpr const char* kFar = "far0";

inline bool run(const std::string& command) {
  return std::system(("{ " + command + "; } >/dev/null 2>&1").c_str()) == 0;
}

// Waits for a state: the kernel tells a carrier later than the command that gave or took it.
inline bool wait_for_state(const std::string& interface, const std::string& state) {
  return run("timeout 30 sh -c 'until ip link show " + interface + " | grep -q \"state " + state +
             "\"; do sleep 0.02; done'");
}

// "" or why there is no veth pair.
inline std::string make_pair(unsigned queues) {
  const std::string near = kNear, far = kFar;
  const std::string ring =
      " numrxqueues " + std::to_string(queues) + " numtxqueues " + std::to_string(queues);
  if (!run("ip link add " + near + ring + " type veth peer name " + far + ring)) {
    return "no veth pair: is iproute2 installed, and does this kernel have veth?";
  }
  const bool up =
      run("ip link set " + near + " up && ip link set " + far + " up") && wait_for_state(near, "UP");
  return up ? "" : "the veth pair does not come up";
}

// "" or why there is no network. Before any thread is made.
inline std::string enter_network(unsigned queues) {
  if (geteuid() != 0) return "needs root, for a network namespace of its own";
  if (unshare(CLONE_NEWNET) != 0) return std::string("no network namespace: ") + strerror(errno);
  run("echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6");  // no router solicitations
  return make_pair(queues);
}

struct FlowEnds {
  uint32_t src, dst;  // host order
  uint16_t src_port, dst_port;
};

// Ethernet, an optional 802.1Q tag, IPv4, UDP.
inline std::vector<uint8_t> udp_frame(const FlowEnds& flow, unsigned payload = 18, int vlan = -1,
                                      uint16_t fragment = 0) {
  std::vector<uint8_t> frame = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2};
  const auto put16 = [&frame](unsigned value) {
    frame.push_back(static_cast<uint8_t>(value >> 8));
    frame.push_back(static_cast<uint8_t>(value));
  };
  const auto put32 = [&put16](uint32_t value) {
    put16(value >> 16);
    put16(value & 0xffff);
  };
  if (vlan >= 0) {
    put16(0x8100);
    put16(static_cast<unsigned>(vlan));
  }
  put16(0x0800);
  put16(0x4500);
  put16(28 + payload);
  put16(1);
  put16(fragment);
  put16(0x4011);
  put16(0);  // checksums are not looked at
  put32(flow.src);
  put32(flow.dst);
  put16(flow.src_port);
  put16(flow.dst_port);
  put16(8 + payload);
  put16(0);
  frame.resize(frame.size() + payload);
  return frame;
}

class Sender {
 public:
  explicit Sender(const char* interface = kFar) : fd_(socket(AF_PACKET, SOCK_RAW, 0)) {
    address_.sll_family = AF_PACKET;
    address_.sll_ifindex = static_cast<int>(if_nametoindex(interface));
  }
  ~Sender() { close(fd_); }
  Sender(const Sender&) = delete;
  Sender& operator=(const Sender&) = delete;

  // Counts what the kernel took.
  void send(const std::vector<uint8_t>& frame) {
    const ssize_t taken = sendto(fd_, frame.data(), frame.size(), 0,
                                 reinterpret_cast<const sockaddr*>(&address_), sizeof(address_));
    if (taken != static_cast<ssize_t>(frame.size())) return;
    ++sent_;
    sent_bytes_ += frame.size();
  }
  uint64_t sent() const { return sent_; }
  uint64_t sent_bytes() const { return sent_bytes_; }

 private:
  int fd_;
  sockaddr_ll address_ = {};
  uint64_t sent_ = 0, sent_bytes_ = 0;
};

}  // namespace netspectra::test
