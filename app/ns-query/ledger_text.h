// The ledger of an answer, in words: what was received, what became of it, what was lost and where.
//
// Shapes: the ledger's names are those of docs/query-api.md. It says that nothing was lost only where every kind of loss
//   that it knows is there, and 0.
// Threads: pure. Errors: none.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "answer.h"

namespace netspectra {

// "1,234 packets missed by the NIC"; empty where nothing was lost, as far as the ledger says.
std::vector<std::string> losses(const Json& ledger);

// Times of which no epoch is stored, so that no books speak of them.
struct Gaps {
  uint64_t count = 0;
  uint64_t ns = 0;
};
// Of the rows of `probes`.
Gaps gaps_of(const Json& probes);

// Indented lines, each with its end.
std::string ledger_text(const Json& ledger, const Gaps& gaps);

}  // namespace netspectra
