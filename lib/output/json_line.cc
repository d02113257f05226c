#include "output/json_line.h"

#include <cctype>
#include <cstddef>

#include "output/json_text.h"

namespace netspectra {
namespace {

constexpr int kDeepest = 64;

// Each function takes what it is named after from the front; false: it is not there.
class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}

  bool object(int depth) {
    return list('{', '}', depth, [&] {
      spaces();
      return string() && (spaces(), take(':')) && value(depth);
    });
  }
  bool at_end() const { return rest_.empty(); }

 private:
  void spaces() {
    while (take(' ')) {
    }
  }

  bool take(char c) {
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }

  bool take(std::string_view word) {
    if (rest_.substr(0, word.size()) != word) return false;
    rest_.remove_prefix(word.size());
    return true;
  }

  template <class Element>
  bool list(char opens, char closes, int depth, Element element) {
    if (depth > kDeepest || !take(opens)) return false;
    spaces();
    if (take(closes)) return true;
    do {
      if (!element()) return false;
    } while (take(','));
    return take(closes);
  }

  bool value(int depth) {
    spaces();
    const bool taken = take("true") || take("false") || take("null") || number() || string() ||
                       object(depth + 1) || list('[', ']', depth + 1, [&] { return value(depth + 1); });
    spaces();
    return taken;
  }

  bool digits() {
    size_t count = 0;
    while (count < rest_.size() && std::isdigit(static_cast<unsigned char>(rest_[count]))) ++count;
    rest_.remove_prefix(count);
    return count != 0;
  }

  bool number() {
    take('-');
    if (!take('0') && !digits()) return false;
    if (take('.') && !digits()) return false;
    if (!take('e') && !take('E')) return true;
    if (!take('+')) take('-');
    return digits();
  }

  bool escape() {
    if (!take('u')) {
      if (rest_.empty() || std::string_view("\"\\/bfnrt").find(rest_.front()) == std::string_view::npos)
        return false;
      rest_.remove_prefix(1);
      return true;
    }
    for (int i = 0; i < 4; ++i) {
      if (rest_.empty() || !std::isxdigit(static_cast<unsigned char>(rest_.front()))) return false;
      rest_.remove_prefix(1);
    }
    return true;
  }

  bool string() {
    if (!take('"')) return false;
    while (!take('"')) {
      if (rest_.empty()) return false;
      if (take('\\')) {
        if (!escape()) return false;
        continue;
      }
      const size_t length = utf8_length(rest_);
      const auto c = static_cast<unsigned char>(rest_.front());
      if (length == 0 || c < ' ' || c == 0x7f) return false;
      rest_.remove_prefix(length);
    }
    return true;
  }

  std::string_view rest_;
};

}  // namespace

bool is_json_line(std::string_view text) {
  Reader reader(text);
  return reader.object(1) && reader.at_end();
}

}  // namespace netspectra
