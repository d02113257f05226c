#include "merge/epoch_intake.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "task/task.h"

namespace netspectra {
namespace {

constexpr uint64_t kChunkCost = 256;      // beside its content
constexpr uint64_t kEpochCost = 8 << 10;  // with a worker's ledger and some pieces
constexpr size_t kMaxMissingLines = 100;

struct Range {
  uint32_t first, last;
};

std::vector<Range> ranges_of(const std::set<uint32_t>& numbers) {
  std::vector<Range> ranges;
  for (uint32_t number : numbers) {
    if (!ranges.empty() && ranges.back().last + 1 == number) {
      ranges.back().last = number;
    } else {
      ranges.push_back({number, number});
    }
  }
  return ranges;
}

std::string range_text(const Range& range, const char* between) {
  return range.first == range.last ? absl::StrCat(range.first)
                                   : absl::StrCat(range.first, between, range.last);
}

std::vector<std::string> split(const std::string& text, char at) {
  return absl::StrSplit(text, at, absl::SkipEmpty());
}

bool read_number(const std::string& text, uint32_t& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size();
}

// "0-3+5" into `numbers`.
void read_ranges(const std::string& text, uint32_t below, std::set<uint32_t>& numbers) {
  for (const std::string& range : split(text, '+')) {
    const std::vector<std::string> ends = split(range, '-');
    if (ends.empty()) continue;
    uint32_t first = 0, last = 0;
    if (!read_number(ends.front(), first) || !read_number(ends.back(), last)) continue;
    for (uint32_t i = first; i <= last && i < below; ++i) numbers.insert(i);
  }
}

bool same_task(const TaskConfig& a, const TaskConfig& b) {
  return a.name == b.name && a.kind == b.kind && a.fields == b.fields && a.elements == b.elements &&
         a.capacity == b.capacity && a.threshold.count == b.threshold.count &&
         a.threshold.share_ppm == b.threshold.share_ppm && a.by == b.by && a.memory_bytes == b.memory_bytes &&
         a.seed == b.seed;
}

}  // namespace

bool same_tasks(const std::vector<TaskConfig>& a, const std::vector<TaskConfig>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), same_task);
}

EpochIntake::EpochIntake(const Snapshot& first, std::shared_ptr<const TaskPlan> plan,
                         const std::vector<EpochOrigin>& stored)
    : first_(first.header), plan_(std::move(plan)), held_bytes_(kEpochCost) {
  for (size_t task : plan_->measured) expected_tasks_.push_back(static_cast<uint32_t>(task));
  for (size_t task : plan_->fallback) expected_tasks_.push_back(static_cast<uint32_t>(task));
  for (const EpochOrigin& origin : stored) {
    next_amendment_ = std::max(next_amendment_, origin.amendment + 1);
    read_stored(origin.holds);
  }
  for (const auto& [index, worker] : workers_) {
    for (const auto& [task, piece] : worker.pieces) whole_pieces_ += piece.whole();
  }
}

// What holds() gave: "WORKER=TASK:CHUNKS/OF,...;...".
void EpochIntake::read_stored(const std::string& holds) {
  for (const std::string& part : split(holds, ';')) {
    const size_t equals = part.find('=');
    uint32_t index = 0;
    if (equals == std::string::npos || !read_number(part.substr(0, equals), index)) continue;
    Worker& worker = workers_[index];
    worker.stored = true;
    for (const std::string& text : split(part.substr(equals + 1), ',')) {
      const size_t colon = text.find(':'), slash = text.find('/');
      uint32_t chunks = 0;
      if (colon == std::string::npos || slash == std::string::npos || slash < colon ||
          !read_number(text.substr(slash + 1), chunks))
        continue;
      for (uint32_t task : expected_tasks_) {
        if (plan_->tasks[task].name != text.substr(0, colon)) continue;
        Piece& piece = worker.pieces[task];
        piece.chunks = chunks;
        read_ranges(text.substr(colon + 1, slash - colon - 1), chunks, piece.stored);
      }
    }
  }
}

absl::Status EpochIntake::check(const Snapshot& snapshot) const {
  const SnapshotHeader& header = snapshot.header;
  if (header.workers != first_.workers) {
    return absl::InvalidArgumentError(
        absl::StrCat("a snapshot of ", header.workers, " workers, where there were ", first_.workers));
  }
  if (header.period_ns != first_.period_ns) {
    return absl::InvalidArgumentError("a snapshot of another period than others of its epoch");
  }
  if (!same_tasks(snapshot.tasks, plan_->tasks)) {
    return absl::InvalidArgumentError("a snapshot with other tasks than others of its epoch");
  }
  return absl::OkStatus();
}

absl::StatusOr<EpochIntake::Added> EpochIntake::add(Snapshot&& snapshot, uint64_t ticket) {
  if (absl::Status fits = check(snapshot); !fits.ok()) return fits;
  const uint32_t index = snapshot.header.worker;
  Worker& worker = workers_[index];
  Piece& piece = worker.pieces[snapshot.task];
  if (piece.chunks != 0 && piece.chunks != snapshot.chunks) {
    return absl::InvalidArgumentError(absl::StrCat("chunk ", snapshot.chunk, " of ", snapshot.chunks,
                                                   ", where others said of ", piece.chunks));
  }
  if (!worker.known) {
    worker.known = true;
    worker.ledger = snapshot.header.ledger;
    worker.source = snapshot.header.source;
    worker.other_drops = std::move(snapshot.header.other_drops);
    worker.end_ns = snapshot.header.epoch_end_ns;
  }
  if (piece.stored.contains(snapshot.chunk)) return Added::kRepeatOfStored;
  const auto [at, is_new] = piece.held.try_emplace(snapshot.chunk);
  at->second.tickets.push_back(ticket);
  if (!is_new) {
    at->second.bytes += sizeof(ticket);
    held_bytes_ += sizeof(ticket);
    return Added::kRepeatOfHeld;
  }
  excused_.erase(index);
  piece.chunks = snapshot.chunks;
  piece.overflow = snapshot.overflow;
  piece.fault = std::move(snapshot.fault);
  Chunk& chunk = at->second;
  chunk.records = std::move(snapshot.records);
  chunk.state = std::move(snapshot.state);
  chunk.bytes = kChunkCost + chunk.records.capacity() * sizeof(FlowRecord) + chunk.state.capacity();
  held_bytes_ += chunk.bytes;
  whole_pieces_ += piece.whole();
  return Added::kNew;
}

void EpochIntake::excuse(uint32_t worker) {
  const auto at = workers_.find(worker);
  if (at == workers_.end() && worker < first_.workers) excused_.insert(worker);
}

bool EpochIntake::complete() const {
  return whole_pieces_ == (first_.workers - excused_.size()) * expected_tasks_.size();
}

bool EpochIntake::has_news(uint32_t task, const Piece& piece) const {
  return !piece.held.empty() && (is_exact(task) || piece.whole());
}

bool EpochIntake::has_news() const {
  for (const auto& [index, worker] : workers_) {
    if (worker.known && !worker.stored) return true;
    for (const auto& [task, piece] : worker.pieces) {
      if (has_news(task, piece)) return true;
    }
  }
  return false;
}

// Marks what it takes as stored.
TaskPart EpochIntake::take(uint32_t task, Piece& piece, CollectedEpoch& collected) {
  TaskPart part;
  if (!has_news(task, piece)) return part;
  if (piece.stored.empty()) {
    part.overflow = piece.overflow;
    if (!piece.fault.empty()) part.status = absl::DataLossError(piece.fault);
  }
  std::vector<std::byte> state;
  for (auto& [number, chunk] : piece.held) {
    if (part.records.empty()) {
      part.records = std::move(chunk.records);
    } else {
      part.records.insert(part.records.end(), chunk.records.begin(), chunk.records.end());
    }
    state.insert(state.end(), chunk.state.begin(), chunk.state.end());
    collected.tickets.insert(collected.tickets.end(), chunk.tickets.begin(), chunk.tickets.end());
    held_bytes_ -= chunk.bytes;
    piece.stored.insert(number);
  }
  piece.held.clear();
  if (state.empty()) return part;
  absl::StatusOr<std::unique_ptr<Estimate>> estimate = restore_estimate(plan_->tasks[task], state);
  if (estimate.ok()) {
    part.estimate = *std::move(estimate);
  } else {
    part.status.Update(estimate.status());
  }
  return part;
}

void EpochIntake::take_worker(uint32_t index, Worker& worker, CollectedEpoch& collected) {
  EpochPart part;
  part.start_ns = first_.epoch_start_ns;
  part.end_ns = worker.end_ns;
  part.worker = index;
  part.plan = plan_;
  bool news = false;
  if (worker.known && !worker.stored) {
    part.ledger = worker.ledger;
    part.source = worker.source;
    for (const auto& [reason, packets] : worker.other_drops) collected.other_drops[reason] += packets;
    worker.stored = news = true;
  }
  const auto take_all = [&](const std::vector<size_t>& tasks, std::vector<TaskPart>& parts) {
    for (size_t at : tasks) {
      const auto task = static_cast<uint32_t>(at);
      const auto piece = worker.pieces.find(task);
      news |= piece != worker.pieces.end() && has_news(task, piece->second);
      parts.push_back(piece == worker.pieces.end() ? TaskPart() : take(task, piece->second, collected));
    }
  };
  take_all(plan_->measured, part.measured);
  take_all(plan_->fallback, part.fallback);
  if (news) collected.parts.push_back(std::move(part));
}

CollectedEpoch EpochIntake::give_out() {
  CollectedEpoch collected;
  collected.start_ns = first_.epoch_start_ns;
  collected.period_ns = first_.period_ns;
  collected.plan = plan_;
  for (auto& [index, worker] : workers_) {
    collected.total.packets += worker.ledger.ip_packets;
    collected.total.bytes += worker.ledger.ip_bytes;
    take_worker(index, worker, collected);
  }
  EpochOrigin& origin = collected.origin;
  origin.site = first_.site;
  origin.probe = first_.probe;
  origin.run = first_.run;
  origin.amendment = next_amendment_++;
  fill_in_missing(origin);
  if (!origin.complete()) origin.holds = holds();
  return collected;
}

std::vector<uint64_t> EpochIntake::give_up() {
  std::vector<uint64_t> tickets;
  for (auto& [index, worker] : workers_) {
    for (auto& [task, piece] : worker.pieces) {
      for (auto& [number, chunk] : piece.held) {
        tickets.insert(tickets.end(), chunk.tickets.begin(), chunk.tickets.end());
        held_bytes_ -= chunk.bytes;
      }
      piece.held.clear();
    }
  }
  return tickets;
}

// REQUIRES: what can be given out has been.
void EpochIntake::fill_in_missing(EpochOrigin& origin) const {
  const auto tasks = static_cast<uint32_t>(expected_tasks_.size());
  origin.expected_snapshots = (first_.workers - static_cast<uint32_t>(excused_.size())) * tasks;
  uint32_t lines = 0;
  const auto tell = [&](uint32_t worker, const std::string& what) {
    if (++lines <= kMaxMissingLines) {
      origin.missing.push_back(absl::StrCat("worker ", worker, " of ", first_.workers, ": ", what));
    }
  };
  for (uint32_t index = 0; index < first_.workers; ++index) {
    if (excused_.contains(index)) continue;
    const auto worker = workers_.find(index);
    if (worker == workers_.end()) {
      origin.missing_snapshots += tasks;
      tell(index, "everything");
      continue;
    }
    for (uint32_t task : expected_tasks_) {
      const auto at = worker->second.pieces.find(task);
      if (at != worker->second.pieces.end() && at->second.chunks != 0 &&
          at->second.stored.size() == at->second.chunks)
        continue;
      ++origin.missing_snapshots;
      const std::string& name = plan_->tasks[task].name;
      if (at == worker->second.pieces.end() || at->second.chunks == 0) {
        tell(index, name);
        continue;
      }
      const Piece& piece = at->second;
      std::set<uint32_t> missing;
      for (uint32_t i = 0; i < piece.chunks; ++i) {
        if (!piece.stored.contains(i) && !piece.held.contains(i)) missing.insert(i);
      }
      std::vector<std::string> texts;
      for (const Range& range : ranges_of(missing)) texts.push_back(range_text(range, " to "));
      tell(index, absl::StrCat(name, ", chunk", missing.size() == 1 ? " " : "s ", absl::StrJoin(texts, ", "),
                               " of ", piece.chunks));
    }
  }
  if (lines > kMaxMissingLines)
    origin.missing.push_back(absl::StrCat("and ", lines - kMaxMissingLines, " more"));
}

// All that is stored, for read_stored(). A worker that is named has its ledger stored.
std::string EpochIntake::holds() const {
  std::vector<std::string> parts;
  for (const auto& [index, worker] : workers_) {
    if (!worker.stored) continue;
    std::vector<std::string> pieces;
    for (const auto& [task, piece] : worker.pieces) {
      if (piece.stored.empty()) continue;
      std::vector<std::string> texts;
      for (const Range& range : ranges_of(piece.stored)) texts.push_back(range_text(range, "-"));
      pieces.push_back(
          absl::StrCat(plan_->tasks[task].name, ":", absl::StrJoin(texts, "+"), "/", piece.chunks));
    }
    parts.push_back(absl::StrCat(index, "=", absl::StrJoin(pieces, ",")));
  }
  return absl::StrJoin(parts, ";");
}

}  // namespace netspectra
