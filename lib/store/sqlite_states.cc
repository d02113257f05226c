#include "store/sqlite_states.h"

#include <zlib.h>

#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"

namespace netspectra {
namespace {

// A full sketch hardly gets smaller at any level.
constexpr int kLevel = Z_BEST_SPEED;

// What cannot fail with a buffer of compressBound() and memory for it.
std::vector<uint8_t> deflated(std::span<const std::byte> block) {
  uLongf size = ::compressBound(block.size());
  std::vector<uint8_t> out(size);
  ::compress2(out.data(), &size, reinterpret_cast<const Bytef*>(block.data()), block.size(), kLevel);
  out.resize(size);
  return out;
}

// Appends what is in a block to the state. False: it is not as it was written.
bool inflate_into(Bytes block, uint64_t size, std::vector<std::byte>& state) {
  if (size > SqliteStates::kBlockBytes) return false;
  const size_t begin = state.size();
  state.resize(begin + size);
  uLongf got = size;
  return ::uncompress(reinterpret_cast<Bytef*>(state.data() + begin), &got, block.data(), block.size()) ==
             Z_OK &&
         got == size;
}

}  // namespace

absl::StatusOr<SqliteStates> SqliteStates::open(SqliteDb& db, int64_t partition) {
  SqliteStates states;
  absl::Status status = db.prepare(absl::StrCat("SELECT max(id) FROM states_", partition), states.last_row_);
  if (!status.ok()) return status;
  status = db.prepare(absl::StrCat("INSERT INTO states_", partition, " VALUES(?1, ?2, ?3)"), states.insert_);
  if (!status.ok()) return status;
  return states;
}

absl::StatusOr<SqliteStateRange> SqliteStates::write(std::span<const std::byte> state) {
  const absl::StatusOr<int64_t> last_row = last_row_.number(0);
  if (!last_row.ok()) return last_row.status();
  SqliteStateRange range{*last_row + 1, 0};
  while (!state.empty()) {
    const std::span<const std::byte> block = state.first(std::min(state.size(), kBlockBytes));
    const std::vector<uint8_t> bytes = deflated(block);
    absl::Status status = insert_.run(range.first_row + range.row_count, Count{block.size()}, Bytes(bytes));
    if (!status.ok()) return status;
    ++range.row_count;
    state = state.subspan(block.size());
  }
  return range;
}

absl::StatusOr<std::vector<std::byte>> read_sqlite_state(SqliteDb& db, int64_t partition,
                                                         SqliteStateRange range) {
  SqliteStatement blocks;
  const std::string table = absl::StrCat("states_", partition);
  absl::Status status = db.prepare(
      absl::StrCat("SELECT state, state_bytes FROM ", table, " WHERE id BETWEEN ?1 AND ?2 ORDER BY id"),
      blocks);
  if (!status.ok()) return status;
  std::vector<std::byte> state;
  int64_t whole = 0;
  status = blocks.each(
      [&](const SqliteRow& row) {
        const bool ok = inflate_into(row.blob(0), row.bits(1), state);
        whole += ok ? 1 : 0;
        return ok;
      },
      range.first_row, range.first_row + range.row_count - 1);
  if (!status.ok()) return status;
  if (whole == range.row_count) return state;
  return absl::DataLossError(
      absl::StrCat(db.path(), ": ", table, ": row ", range.first_row + whole, " is not as it was written"));
}

}  // namespace netspectra
