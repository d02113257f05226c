// How to reach NATS, and what to do while it cannot be reached.
//
// Threads: plain data.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace netspectra {

struct NatsTls {
  bool enabled = false;  // also by a tls:// URL
  std::string ca_file;   // "" = the system's
  std::string cert_file;
  std::string key_file;
};

struct NatsSpool {
  std::string dir;  // "" = no spool
  uint64_t limit_bytes = 1 << 30;
};

struct NatsConfig {
  std::vector<std::string> urls = {"nats://127.0.0.1:4222"};  // servers of one cluster
  // At most one way to log in.
  std::string user, password;
  std::string token;
  std::string credentials_file;  // JWT and seed, as `nsc` writes it
  std::string nkey_seed_file;
  NatsTls tls;
  bool jetstream = true;
  std::string stream = "NETSPECTRA";
  uint64_t stream_max_bytes = 1 << 30;  // of a stream that is created
  uint64_t stream_max_age_ns = 24ull * 3600 * 1'000'000'000;
  uint64_t queue_limit_bytes = 256 << 20;  // in memory, not yet acknowledged
  NatsSpool spool;
};

}  // namespace netspectra
