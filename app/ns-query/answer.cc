#include "answer.h"

#include <algorithm>

#include "absl/status/status.h"

namespace netspectra {
namespace {

constexpr int kMaxDepth = 32;  // what is deeper is left out: nothing here has a use for it

}  // namespace

absl::StatusOr<Json> parse_object(const std::string& text) {
  const auto shallow = [](int depth, Json::parse_event_t, const Json&) { return depth <= kMaxDepth; };
  Json object = Json::parse(text, shallow, false);
  if (object.is_discarded() || !object.is_object()) {
    return absl::InternalError("what came is no answer of an ns-engine: no JSON object");
  }
  return object;
}

absl::StatusOr<Json> parse_answer(const std::string& text) {
  absl::StatusOr<Json> answer = parse_object(text);
  if (!answer.ok()) return answer;
  const auto rows = answer->find("rows");
  const bool good = rows != answer->end() && rows->is_array() &&
                    std::all_of(rows->begin(), rows->end(), [](const Json& row) { return row.is_object(); });
  if (!good) return absl::InternalError("what came is no answer of an ns-engine: no rows");
  return answer;
}

std::string error_text(const std::string& body) {
  const absl::StatusOr<Json> object = parse_object(body);
  return object.ok() ? text_in(*object, "error") : "";
}

std::string harmless_json(const std::string& text) {
  std::string out;
  out.reserve(text.size());
  constexpr char kHex[] = "0123456789abcdef";
  const auto escape = [&](uint8_t code) {
    out += "\\u00";
    out += kHex[code >> 4];
    out += kHex[code & 0xf];
  };
  for (size_t i = 0; i < text.size(); ++i) {
    const auto byte = uint8_t(text[i]);
    const auto next = uint8_t(i + 1 < text.size() ? text[i + 1] : 0);
    if (byte == 0x7f) {
      escape(byte);
    } else if (byte == 0xc2 && next >= 0x80 && next < 0xa0) {  // U+0080 to U+009f in UTF-8
      escape(next);
      ++i;
    } else {
      out += text[i];
    }
  }
  return out;
}

uint64_t number_in(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_number_unsigned() ? found->get<uint64_t>() : 0;
}

std::string text_in(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

}  // namespace netspectra
