// The words and phrases that people read in place of numbers and identifiers.
//
// Threads: no state. Errors: none.
// Source: IANA protocol-numbers; IEEE 802 numbers (ethertypes).
#pragma once

#include <cstdint>
#include <string>

#include "base/drop_reason.h"

namespace netspectra {

std::string protocol_name(uint8_t protocol);     // "TCP"; without a well-known name the number
std::string ethertype_name(uint16_t ethertype);  // "ARP"; without a well-known name "ethertype 0x1234"
// What was wrong with the frames, or what they were: "IPv4 header cut short", "LLC (STP, IS-IS, ...)".
const char* drop_reason_words(DropReason reason);

std::string counted(uint64_t count, const char* noun);  // "1 packet", "1,234 packets"
std::string percent(uint64_t part, uint64_t whole);     // "12.3 %", "<0.1 %"; "-" of nothing
std::string share_text(uint32_t share_ppm);             // as it was configured: "0.1 %", "12.5 %"
std::string percent_of_error(double relative);          // two digits: "1.6 %", "9 %"
std::string short_time(uint64_t time_ns);               // UTC, no zeros at the end: "2026-01-02 03:04:05.5"

}  // namespace netspectra
