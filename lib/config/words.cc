#include "config/words.h"

#include <algorithm>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace netspectra {
namespace {

// Insertions, deletions, substitutions and swaps of neighbours that turn `a` into `b` (optimal string
// alignment distance), by the usual table of prefixes, of which three rows are kept.
size_t edit_distance(const std::string& a, const std::string& b) {
  std::vector<size_t> before(b.size() + 1), above(b.size() + 1), row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    before = above;
    above = row;
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, above[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) row[j] = std::min(row[j], before[j - 2] + 1);
    }
  }
  return row[b.size()];
}

}  // namespace

absl::StatusOr<size_t> find_word(const std::string& word, Words known) {
  const auto found = std::find(known.begin(), known.end(), word);
  if (found != known.end()) return static_cast<size_t>(found - known.begin());
  return absl::InvalidArgumentError(absl::StrCat("is unknown (", hint(word, known), ")"));
}

std::string closest_word(const std::string& word, Words known) {
  std::string best;
  size_t best_distance = SIZE_MAX;
  for (const std::string candidate : known) {
    const size_t distance = edit_distance(word, candidate);
    // A third of the letters may be wrong; more makes any two short words alike.
    if (distance < best_distance && distance <= std::max<size_t>(1, candidate.size() / 3)) {
      best = candidate;
      best_distance = distance;
    }
  }
  return best;
}

std::string hint(const std::string& word, Words known) {
  const std::string closest = closest_word(word, known);
  return absl::StrCat(closest.empty() ? "" : absl::StrCat("did you mean \"", closest, "\"? "),
                      "known: ", absl::StrJoin(known, ", "));
}

}  // namespace netspectra
