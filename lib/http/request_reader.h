// Reads requests from a connection, one after the other. Its source file is the one that includes Boost.Beast.
//
// Threads: one. Ownership: the stream outlives the reader, and both outlive what was begun: `done` keeps them.
// Errors: to `done`; refusal() says what the client is told of one.
#pragma once

#include <boost/system/error_code.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "http/admission.h"
#include "http/server.h"
#include "http/stream.h"

namespace netspectra {

class RequestReader {
 public:
  using Done = std::function<void(boost::system::error_code)>;

  explicit RequestReader(Stream& stream);
  ~RequestReader();

  // In this order for each request. wait(): for its first byte, which may be here already.
  void wait(Done done);
  void read_header(Done done);
  void read_body(Done done);
  // Of an error of read_header() or read_body(). Nothing: the client has left.
  std::optional<HttpResponse> refusal(boost::system::error_code error) const;

  // Once the header is read.
  RequestHead head() const;
  bool has_body() const;
  bool expects_continue() const;  // the client waits to be told that it may send the body
  bool keep_alive() const;
  // Once the body is read.
  std::string take_body();

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace netspectra
