#include "http/access.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/crypto.h>
#include <openssl/sha.h>

#include <algorithm>
#include <array>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"

namespace netspectra {
namespace {

using Digest = std::array<unsigned char, SHA256_DIGEST_LENGTH>;

Digest digest(std::string_view text) {
  Digest sum;
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), sum.data());
  return sum;
}

}  // namespace

bool has_bearer_token(std::string_view authorization, std::string_view token) {
  constexpr std::string_view kScheme = "bearer ";
  const std::string scheme(authorization.substr(0, kScheme.size()));
  if (absl::AsciiStrToLower(scheme) != kScheme) return false;
  authorization.remove_prefix(kScheme.size());
  while (!authorization.empty() && authorization.front() == ' ') authorization.remove_prefix(1);
  // Digests: of equal length whatever was sent.
  return CRYPTO_memcmp(digest(authorization).data(), digest(token).data(), sizeof(Digest)) == 0;
}

bool is_loopback_host(std::string_view host) {
  const size_t colon = host.rfind(':');
  if (colon != host.npos && host.back() != ']') {
    const std::string_view port = host.substr(colon + 1);
    if (!std::all_of(port.begin(), port.end(), absl::ascii_isdigit)) return false;
    host = host.substr(0, colon);
  }
  const std::string name = absl::AsciiStrToLower(std::string(host));
  in_addr address{};
  return name == "localhost" || name == "[::1]" ||
         (inet_pton(AF_INET, name.c_str(), &address) == 1 && ntohl(address.s_addr) >> 24 == IN_LOOPBACKNET);
}

}  // namespace netspectra
