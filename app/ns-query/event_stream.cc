#include "event_stream.h"

#include <utility>

namespace netspectra {

void EventStream::feed(std::string_view bytes) {
  for (const char c : bytes) {
    const bool second_of_crlf = after_cr_ && c == '\n';
    after_cr_ = c == '\r';
    if (second_of_crlf) continue;
    if (c == '\n' || c == '\r') {
      end_line();
    } else if (line_.size() + event_.data.size() < kMaxEventBytes) {
      line_ += c;
    } else {
      too_large_ = true;
    }
  }
}

void EventStream::end_line() {
  const std::string line = std::exchange(line_, {});
  if (line.empty()) return end_event();
  const size_t colon = line.find(':');
  const std::string_view field = std::string_view(line).substr(0, colon);
  std::string_view value = colon == std::string::npos ? "" : std::string_view(line).substr(colon + 1);
  if (value.starts_with(' ')) value.remove_prefix(1);
  if (field == "event") {
    event_.name = value;
  } else if (field == "data") {
    if (any_data_) event_.data += '\n';
    event_.data += value;
    any_data_ = true;
  }
}

void EventStream::end_event() {
  Event event = std::exchange(event_, {});
  const bool any_data = std::exchange(any_data_, false);
  if (std::exchange(too_large_, false)) {
    ++dropped_;
    return;
  }
  if (!any_data) return;
  if (event.name.empty()) event.name = "message";
  on_event_(event);
}

}  // namespace netspectra
