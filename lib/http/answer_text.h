// A response as the bytes that are sent.
//
// Purpose: header and body in one piece, so that one write sends them. Adds what every answer has: Date, Connection, and
//   unless the handler has set them: Cache-Control: no-store, and for a page a policy that it loads nothing from elsewhere.
// Source: RFC 9110, RFC 9112; W3C Content Security Policy.
#pragma once

#include <string>
#include <string_view>

#include "http/server.h"

namespace netspectra {

struct AnswerForm {
  bool head = false;        // of HEAD: the body is left out, its length is told
  bool keep_alive = false;  // else the connection ends with this answer
  std::string_view date;
};

std::string answer_text(const HttpResponse& response, const AnswerForm& form);

// {"error":"..."}; `why` needs no escapes in JSON.
HttpResponse error_answer(int status, const std::string& why);

}  // namespace netspectra
