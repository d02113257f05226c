// The ledger of an answer, in words: what was received, what became of it, what was lost and where.
//
// Shapes: the ledger's names are those of docs/query-api.md. It says that nothing was lost only where every kind of loss
//   that it knows is there, and 0.
// Threads: pure. Errors: none.
#pragma once

#include <string>
#include <vector>

#include "answer.h"

namespace netspectra {

// "1,234 packets missed by the NIC"; empty where nothing was lost, as far as the ledger says.
std::vector<std::string> losses(const Json& ledger);

// Indented lines, each with its end.
std::string ledger_text(const Json& ledger);

}  // namespace netspectra
