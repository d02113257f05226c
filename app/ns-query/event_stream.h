// Bytes of a text/event-stream -> events.
//
// Shapes: any cutting into pieces; lines end in LF, CR LF or CR. Comments, ids and retry times are passed over.
// Threads: one thread. Errors: none; an event beyond kMaxEventBytes is dropped and counted.
// Source: WHATWG HTML, 9.2.6.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

namespace netspectra {

struct Event {
  std::string name = {};  // "message" where the server named none
  std::string data = {};
};

class EventStream {
 public:
  static constexpr size_t kMaxEventBytes = 16 << 20;

  explicit EventStream(std::function<void(const Event&)> on_event) : on_event_(std::move(on_event)) {}
  void feed(std::string_view bytes);
  uint64_t dropped() const { return dropped_; }

 private:
  void end_line();
  void end_event();

  std::function<void(const Event&)> on_event_;
  std::string line_;
  Event event_;
  bool any_data_ = false;
  bool too_large_ = false;
  bool after_cr_ = false;
  uint64_t dropped_ = 0;
};

}  // namespace netspectra
