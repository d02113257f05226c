#include "bus/nkey.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <fstream>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace netspectra {
namespace {

constexpr std::string_view kBase32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
constexpr size_t kKeyBytes = 32;
constexpr size_t kSeedBytes = 2 + kKeyBytes + 2;  // prefix and kind, seed, CRC
constexpr uint8_t kSeedPrefix = 18 << 3;          // 'S'
constexpr uint8_t kUserPrefix = 20 << 3;          // 'U'

std::vector<uint8_t> base32_decode(std::string_view text) {
  std::vector<uint8_t> bytes;
  uint32_t bits = 0;
  unsigned count = 0;
  for (const char c : text) {
    const size_t value = kBase32.find(c);
    if (value == std::string_view::npos) return {};
    bits = bits << 5 | static_cast<uint32_t>(value);
    count += 5;
    if (count < 8) continue;
    count -= 8;
    bytes.push_back(static_cast<uint8_t>(bits >> count));
  }
  return bytes;
}

std::string base32_encode(std::span<const uint8_t> bytes) {
  std::string text;
  uint32_t bits = 0;
  unsigned count = 0;
  for (const uint8_t byte : bytes) {
    bits = bits << 8 | byte;
    for (count += 8; count >= 5; count -= 5) text += kBase32[bits >> (count - 5) & 31];
  }
  if (count != 0) text += kBase32[bits << (5 - count) & 31];
  return text;
}

uint16_t crc16(std::span<const uint8_t> bytes) {
  uint16_t crc = 0;
  for (const uint8_t byte : bytes) {
    crc ^= static_cast<uint16_t>(byte << 8);
    for (int i = 0; i < 8; ++i) crc = static_cast<uint16_t>(crc & 0x8000 ? crc << 1 ^ 0x1021 : crc << 1);
  }
  return crc;
}

bool is_user_seed(std::span<const uint8_t> seed) {
  if (seed.size() != kSeedBytes) return false;
  const uint16_t crc = crc16(seed.first(kSeedBytes - 2));
  const unsigned kind = (seed[0] & 7u) << 5 | seed[1] >> 3;
  return (seed[0] & 0xf8) == kSeedPrefix && kind == kUserPrefix && seed[kSeedBytes - 2] == (crc & 0xff) &&
         seed[kSeedBytes - 1] == crc >> 8;
}

}  // namespace

absl::StatusOr<std::string> nkey_public_key(const std::string& seed_file) {
  std::ifstream in(seed_file);
  std::string text;
  if (!(in >> text)) {
    return absl::ErrnoToStatus(in.is_open() ? EINVAL : errno,
                               absl::StrCat("NATS: nkey seed file ", seed_file));
  }
  std::vector<uint8_t> seed = base32_decode(text);
  OPENSSL_cleanse(text.data(), text.size());
  std::array<uint8_t, 1 + kKeyBytes + 2> key = {kUserPrefix};
  size_t key_bytes = kKeyBytes;
  bool ok = is_user_seed(seed);
  if (ok) {
    const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> pair(
        EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, seed.data() + 2, kKeyBytes), EVP_PKEY_free);
    ok = pair && EVP_PKEY_get_raw_public_key(pair.get(), key.data() + 1, &key_bytes) == 1;
  }
  OPENSSL_cleanse(seed.data(), seed.size());
  if (!ok)
    return absl::InvalidArgumentError(
        absl::StrCat("NATS: nkey seed file ", seed_file, ": holds no user seed (SU...)"));
  const uint16_t crc = crc16(std::span(key).first(1 + kKeyBytes));
  key[1 + kKeyBytes] = static_cast<uint8_t>(crc);
  key[2 + kKeyBytes] = static_cast<uint8_t>(crc >> 8);
  return base32_encode(key);
}

}  // namespace netspectra
