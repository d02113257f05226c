// NKeys and JWTs as `nsc` makes them, for a server to check.
//
// Source: github.com/nats-io/nkeys (base32 of prefix, key, CRC-16), docs.nats.io "JWT" (signed with
//   ed25519-nkey).
#pragma once

#include <openssl/evp.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace netspectra {

class NKey {
 public:
  enum Kind : uint8_t { kUser = 20 << 3, kAccount = 0, kOperator = 14 << 3 };

  explicit NKey(Kind kind)
      : kind_(kind), pair_(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"), EVP_PKEY_free) {}

  std::string public_key() const {
    std::vector<uint8_t> raw(33);
    raw[0] = kind_;
    size_t length = 32;
    EVP_PKEY_get_raw_public_key(pair_.get(), raw.data() + 1, &length);
    return encode(raw);
  }

  std::string seed() const {
    std::vector<uint8_t> raw(34);
    raw[0] = static_cast<uint8_t>(18 << 3 | kind_ >> 5);
    raw[1] = static_cast<uint8_t>((kind_ & 31) << 3);
    size_t length = 32;
    EVP_PKEY_get_raw_private_key(pair_.get(), raw.data() + 2, &length);
    return encode(raw);
  }

  // `nats`: the "nats" object of the claims.
  std::string jwt(const std::string& subject, const std::string& nats) const {
    const std::string claims = R"({"jti":"TEST","iat":1700000000,"iss":")" + public_key() +
                               R"(","name":"test","sub":")" + subject + R"(","nats":)" + nats + "}";
    const std::string text = base64url(R"({"typ":"JWT","alg":"ed25519-nkey"})") + "." + base64url(claims);
    std::string signature(64, '\0');
    size_t length = signature.size();
    const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
    EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, pair_.get());
    EVP_DigestSign(context.get(), reinterpret_cast<uint8_t*>(signature.data()), &length,
                   reinterpret_cast<const uint8_t*>(text.data()), text.size());
    return text + "." + base64url(signature);
  }

 private:
  static std::string encode(std::vector<uint8_t> raw) {
    uint16_t crc = 0;
    for (const uint8_t byte : raw) {
      crc = static_cast<uint16_t>(crc ^ byte << 8);
      for (int i = 0; i < 8; ++i) crc = static_cast<uint16_t>(crc << 1 ^ (crc & 0x8000 ? 0x1021 : 0));
    }
    raw.push_back(static_cast<uint8_t>(crc));
    raw.push_back(static_cast<uint8_t>(crc >> 8));
    std::string text;
    for (size_t bit = 0; bit < raw.size() * 8; bit += 5) {
      unsigned value = 0;
      for (size_t i = bit; i < bit + 5; ++i) {
        value = value << 1 | (i / 8 < raw.size() ? raw[i / 8] >> (7 - i % 8) & 1u : 0u);
      }
      text += "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"[value];
    }
    return text;
  }

  static std::string base64url(const std::string& bytes) {
    std::string text(bytes.size() * 2 + 4, '\0');
    const int length =
        EVP_EncodeBlock(reinterpret_cast<uint8_t*>(text.data()),
                        reinterpret_cast<const uint8_t*>(bytes.data()), static_cast<int>(bytes.size()));
    text.resize(static_cast<size_t>(length));
    while (text.back() == '=') text.pop_back();
    for (char& c : text) c = c == '+' ? '-' : c == '/' ? '_' : c;
    return text;
  }

  Kind kind_;
  std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> pair_;
};

}  // namespace netspectra
