// The public key of an NKey seed: nats.c signs with the seed, but wants to be told whose seed it is.
//
// Errors: the file cannot be read, or holds no user seed. The seed itself is never part of a message.
// Source: github.com/nats-io/nkeys: base32 (RFC 4648, unpadded) of prefix, Ed25519 key (RFC 8032),
//   CRC-16/XMODEM in little-endian order.
#pragma once

#include <string>

#include "absl/status/statusor.h"

namespace netspectra {

absl::StatusOr<std::string> nkey_public_key(const std::string& seed_file);

}  // namespace netspectra
