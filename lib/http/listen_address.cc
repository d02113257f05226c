#include "http/listen_address.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"

namespace netspectra {

std::optional<ListenAddress> parse_listen_address(const std::string& text) {
  const size_t colon = text.rfind(':');
  if (colon == std::string::npos) return std::nullopt;
  ListenAddress address;
  address.ip = text.substr(0, colon);
  const std::string port = text.substr(colon + 1);
  uint32_t number = 0;
  if (!std::all_of(port.begin(), port.end(), absl::ascii_isdigit) || !absl::SimpleAtoi(port, &number) ||
      number > UINT16_MAX)
    return std::nullopt;
  address.port = static_cast<uint16_t>(number);

  if (address.ip == "localhost") address.ip = "127.0.0.1";
  in_addr v4{};
  in6_addr v6{};
  if (inet_pton(AF_INET, address.ip.c_str(), &v4) == 1) {
    address.loopback = ntohl(v4.s_addr) >> 24 == IN_LOOPBACKNET;
    return address;
  }
  if (address.ip.size() < 2 || address.ip.front() != '[' || address.ip.back() != ']') return std::nullopt;
  address.ip = address.ip.substr(1, address.ip.size() - 2);
  if (inet_pton(AF_INET6, address.ip.c_str(), &v6) != 1) return std::nullopt;
  address.loopback = IN6_IS_ADDR_LOOPBACK(&v6);
  return address;
}

}  // namespace netspectra
