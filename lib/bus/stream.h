// The JetStream stream that keeps the messages: found, or made.
//
// A stream that is there is left as it is, whatever its limits. One that is made: subjects kSubjects, file
// storage, one replica, the oldest messages discarded at its limits (NatsConfig), and a window for duplicates
// of kDuplicateWindowNs: a message that is repeated within it is stored once.
#pragma once

#include <cstdint>
#include <string>

#include "bus/nats_config.h"
#include "bus/nats_link.h"

namespace netspectra {

inline constexpr char kSubjects[] = "netspectra.v1.>";
inline constexpr uint64_t kDuplicateWindowNs = 20ull * 60 * 1'000'000'000;

enum class StreamState : uint8_t {
  kReady,
  kNoJetStream,  // the server, or the account, has none
  kNotReady,     // for now; `note` says why
};

struct StreamCheck {
  StreamState state;
  std::string note;  // "" = nothing to tell
};

StreamCheck find_or_make_stream(const NatsLink& link, const NatsConfig& config);

}  // namespace netspectra
