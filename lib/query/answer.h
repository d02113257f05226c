// The JSON of answers: rows, ledger.
//
// Shapes: docs/query-api.md; names and order are those of the JSON Lines (output/json_rows.h). Whole numbers stand with
//   all their digits, also above 2^53.
// Threads: no state. Errors: none. Cost: about 0.3 us a row.
#pragma once

#include <cstdint>
#include <string>

#include "query/source.h"
#include "task/task_result.h"

namespace netspectra {

// {"name":value,...}: appended to `out`, member by member, and closed by the destructor.
class JsonObject {
 public:
  explicit JsonObject(std::string& out) : out_(out) { out_ += '{'; }
  ~JsonObject() { out_ += '}'; }
  JsonObject(const JsonObject&) = delete;
  JsonObject& operator=(const JsonObject&) = delete;

  std::string& name(const std::string& name);  // the value is to follow
  void number(const std::string& name, uint64_t value);
  void time(const std::string& name, uint64_t time_ns);
  void ratio(const std::string& name, double value);
  void text(const std::string& name, const std::string& value);
  void key(KeyFields fields, const FlowKey& key);

 private:
  std::string& out_;
  bool first_ = true;
};

void append_row(std::string& out, KeyFields by, bool bucketed, const AggregateRow& row);
// Of an exact, heavy_hitters or super_spreader task.
void append_row(std::string& out, const TaskConfig& task, const StoredRow& row);
void append_row(std::string& out, const StoredTask& task);
void append_row(std::string& out, const ProbeBooks& probe);

// Of merged estimates: `start_ns` is that of the bucket, null without one.
void append_row(std::string& out, KeyFields fields, const uint64_t* start_ns, const HeavyHitterRecord& row);
void append_row(std::string& out, KeyFields fields, const uint64_t* start_ns, const SpreadRecord& row,
                double standard_error);
void append_cardinality_row(std::string& out, const uint64_t* start_ns, const TaskResult& result);

// `of_task`: with what holds for one task only.
void append_ledger(JsonObject& object, const LedgerSums& ledger, bool of_task);

}  // namespace netspectra
