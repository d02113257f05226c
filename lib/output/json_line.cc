#include "output/json_line.h"

#include <algorithm>
#include <cstddef>
#include <nlohmann/json.hpp>
#include <string>

namespace netspectra {
namespace {

constexpr size_t kDeepest = 64;

// Keeps nothing, and has the parser stop where it goes too deep.
class Depth final : public nlohmann::json::json_sax_t {
 public:
  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t) override { return true; }
  bool number_float(number_float_t, const string_t&) override { return true; }
  bool string(string_t&) override { return true; }
  bool binary(binary_t&) override { return true; }
  bool start_object(size_t) override { return ++depth_ <= kDeepest; }
  bool key(string_t&) override { return true; }
  bool end_object() override { return leave(); }
  bool start_array(size_t) override { return ++depth_ <= kDeepest; }
  bool end_array() override { return leave(); }
  bool parse_error(size_t, const std::string&, const nlohmann::json::exception&) override { return false; }

 private:
  bool leave() {
    --depth_;
    return true;
  }
  size_t depth_ = 0;
};

bool is_control(char c) { return static_cast<unsigned char>(c) < ' ' || c == 0x7f; }

}  // namespace

bool is_json_line(std::string_view text) {
  if (text.empty() || text.front() != '{' || text.back() != '}') return false;
  if (std::any_of(text.begin(), text.end(), is_control)) return false;
  Depth depth;
  return nlohmann::json::sax_parse(text.begin(), text.end(), &depth);
}

}  // namespace netspectra
