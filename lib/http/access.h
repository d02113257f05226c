// Who may ask: the token of a request, and the host that it was meant for.
//
// Source: RFC 6750 (bearer tokens). DNS rebinding: a page of a hostile site may point its own name at 127.0.0.1 and let
//   the browser ask there; the Host that the browser sends is still the hostile name.
#pragma once

#include <string_view>

namespace netspectra {

// The value of an Authorization field against the token, in a time that tells nothing about either.
bool has_bearer_token(std::string_view authorization, std::string_view token);

// The value of a Host field: localhost, 127.x.x.x or [::1], with or without a port.
bool is_loopback_host(std::string_view host);

}  // namespace netspectra
