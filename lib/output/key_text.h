// Key fields in words, for people: the columns of a key, its cells, and what sets of fields are called.
//
// Shapes: ASCII. Address and port stand side by side; elsewhere the order is that of KeyField.
// Threads: no state. Errors: none.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "output/text_table.h"
#include "packet/flow_key.h"

namespace netspectra {

void add_key_columns(TextTable& table, KeyFields fields);
std::vector<std::string> key_cells(const FlowKey& key, KeyFields fields);

// "destinations"; of several fields "(destination, destination port)".
std::string distinct_name(KeyFields fields);
// "1 distinct source", "1,234 distinct sources", "1,234 distinct (source, destination)".
std::string counted_distinct(uint64_t count, KeyFields fields);

}  // namespace netspectra
