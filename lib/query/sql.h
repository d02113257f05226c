// The parts of SQL that the databases agree on.
//
// Purpose: conditions over a row's columns. Only numbers and hexadecimal literals made here ever stand in it.
// Shapes: columns are named as the key fields, and ip_version, tcp_flags; addresses are 16 bytes (docs/store.md).
// Threads: pure. Errors: none.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "packet/flow_key.h"
#include "query/query.h"

namespace netspectra {

// 16 bytes as the database spells them: x'...' or unhex('...').
using AddressLiteral = std::function<std::string(const std::array<uint8_t, 16>&)>;

// " AND (...) AND (...)"; "" where there is no condition. `prefix` stands before each column ("r.").
std::string conditions_sql(const std::vector<Condition>& where, const std::string& prefix,
                           const AddressLiteral& literal);

// The key's columns for these fields, in the order of FlowKey's order: ip_version (where there is an address), src_ip,
// dst_ip, src_port, dst_port, protocol, vlan.
std::vector<std::string> key_columns(KeyFields fields);

}  // namespace netspectra
