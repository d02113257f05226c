// One attempt to deliver one message: an HTTP POST, or a mail over SMTP.
//
// Shapes: docs/alerts.md, "What is delivered". Certificates are checked; redirections are not followed.
// Threads: one at a time; stop() from any. Ownership: owns its connection, which is kept for the next message.
// Errors: why it was not delivered, without secrets (no URL, no token), and whether it is worth another attempt.
// Cost: waits at most the receiver's timeout, of which stop() leaves a second.
// Source: libcurl; RFC 2104 (HMAC), RFC 5321, RFC 5322.
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "alert/alert_config.h"
#include "alert/alert_message.h"

namespace netspectra {

struct PostResult {
  bool delivered = false;
  bool hopeless = false;  // refused for what it is: it would be refused again
  std::string error;
};

class Post {
 public:
  explicit Post(const AlertReceiver& receiver);  // webhook or email; outlives it
  ~Post();
  PostResult deliver(const AlertMessage& message);
  // What is under way ends.
  void stop() { stopped_ = true; }

 private:
  struct Curl;
  PostResult deliver_webhook(const AlertMessage& message);
  PostResult deliver_mail(const AlertMessage& message);

  const AlertReceiver& receiver_;
  std::unique_ptr<Curl> curl_;
  std::atomic<bool> stopped_ = false;
};

// "sha256=<64 hex digits>".
std::string signature(const std::string& secret, const std::string& body);
// RFC 5322, lines ended by CRLF, ASCII headers.
std::string mail_text(const AlertReceiver& receiver, const AlertMessage& message);

}  // namespace netspectra
