// What a TLS server needs: certificate chain and key out of PEM files, TLS 1.2 and up.
//
// Errors: name the file, and OpenSSL's cause. A key with a passphrase is refused: nobody is there to type it.
// Source: RFC 9325.
#pragma once

#include <boost/asio/ssl/context.hpp>
#include <memory>
#include <string>

#include "absl/status/statusor.h"

namespace netspectra {

absl::StatusOr<std::unique_ptr<boost::asio::ssl::context>> load_tls(const std::string& certificate_file,
                                                                    const std::string& key_file);

}  // namespace netspectra
