// The engine's answers, read with suspicion: any bytes may come from whatever listens there.
//
// Shapes: docs/query-api.md. Objects keep the order that the answer has; whole numbers up to 2^64 - 1 are exact.
// Threads: pure. Errors: Internal: no answer of an engine.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

#include "absl/status/statusor.h"

namespace netspectra {

using Json = nlohmann::ordered_json;

// An object, whatever is in it.
absl::StatusOr<Json> parse_object(const std::string& text);
// One with rows, each of which is an object.
absl::StatusOr<Json> parse_answer(const std::string& text);

// What {"error":"..."} says; "" where the text is something else.
std::string error_text(const std::string& body);

// The same JSON without anything that a terminal acts on: valid JSON has such characters only in strings.
std::string harmless_json(const std::string& text);

// 0 where there is none, or something else than a whole number.
uint64_t number_in(const Json& object, const char* name);
std::string text_in(const Json& object, const char* name);

}  // namespace netspectra
