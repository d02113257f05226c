// A command, carried out: asked, and shown on standard output.
//
// Threads: one thread. Errors: a line on standard error, and the exit status.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "client.h"
#include "options.h"

namespace netspectra {

int run_query(const QueryOptions& options);

// A line for each event, until a signal or the end of the duration. A connection that breaks is made anew.
absl::Status run_live(const QueryOptions& options, Client& client);

// All of it, at once: what is read as it comes must not wait in a buffer.
absl::Status write_out(const std::string& text);

}  // namespace netspectra
