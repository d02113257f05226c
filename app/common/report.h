// Exit statuses and the lines on standard error.
#pragma once

#include <string>

namespace netspectra {

inline constexpr int kExitDone = 0;
inline constexpr int kExitFailed = 1;  // while running: unreadable input, unwritable output, interrupted
inline constexpr int kExitUsage = 2;   // wrong usage or configuration

// Prints each line of `text` with the program's name in front.
void report_error(const std::string& text);

}  // namespace netspectra
