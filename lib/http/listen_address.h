// "127.0.0.1:8080", "[::1]:8080", "localhost:8080" taken apart. No names are looked up: localhost is 127.0.0.1.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace netspectra {

struct ListenAddress {
  std::string ip;
  uint16_t port = 0;
  bool loopback = false;
};

std::optional<ListenAddress> parse_listen_address(const std::string& text);

}  // namespace netspectra
