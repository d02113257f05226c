#include "http/tls.h"

#include <openssl/ssl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"

namespace netspectra {
namespace {

namespace ssl = boost::asio::ssl;
using boost::system::error_code;

absl::Status cannot_read(const char* what, const std::string& file, const error_code& error) {
  // OpenSSL says "system lib" of a file that is not there.
  const std::string cause = access(file.c_str(), R_OK) == 0 ? error.message() : std::string(strerror(errno));
  return absl::FailedPreconditionError(absl::StrCat("TLS ", what, " ", file, ": ", cause));
}

}  // namespace

absl::StatusOr<std::unique_ptr<ssl::context>> load_tls(const std::string& certificate_file,
                                                       const std::string& key_file) {
  auto context = std::make_unique<ssl::context>(ssl::context::tls_server);
  SSL_CTX_set_min_proto_version(context->native_handle(), TLS1_2_VERSION);
  SSL_CTX_set_options(context->native_handle(), SSL_OP_NO_RENEGOTIATION);
  error_code error;
  context->set_password_callback([](size_t, ssl::context::password_purpose) { return std::string(); }, error);
  if (!error) context->use_certificate_chain_file(certificate_file, error);
  if (error) return cannot_read("certificate", certificate_file, error);
  context->use_private_key_file(key_file, ssl::context::pem,
                                error);  // also checks that the two belong together
  if (error) return cannot_read("key", key_file, error);
  return context;
}

}  // namespace netspectra
