// The rows of an answer as an aligned table.
//
// Shapes: a column for each name that any row has: the known ones first, in the order that people look for them, then the
//   others as they come. A row's own ledger becomes what was received and what was lost. Where all rows have the same
//   task or type, these are left out.
// Threads: pure. Errors: none.
#pragma once

#include <string>

#include "answer.h"

namespace netspectra {

std::string rows_text(const Json& rows);  // "" without any

}  // namespace netspectra
