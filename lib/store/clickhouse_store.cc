#include "store/clickhouse_store.h"

#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "store/clickhouse_client.h"
#include "store/clickhouse_rows.h"
#include "store/clickhouse_schema.h"

namespace netspectra {
namespace {

constexpr uint64_t kHourNs = 3'600'000'000'000;  // between looks for days that are over

class ClickHouseStore : public Store {
 public:
  ClickHouseStore(ClickHouseClient client, SystemClock clock) : client_(std::move(client)), clock_(clock) {}

  absl::Status open() {
    if (absl::Status status = open_clickhouse_schema(client_); !status.ok()) return status;
    if (retention_ns() == 0) return absl::OkStatus();
    const absl::StatusOr<bool> by_server = set_ttl(client_, retention_ns());
    if (!by_server.ok()) return by_server.status();
    drops_days_ = !*by_server;
    return absl::OkStatus();
  }

  absl::Status put(const EpochResult& result) override {
    if (status_.ok()) status_ = put_epoch(result);
    if (status_.ok()) drop_days();
    return status_;
  }

  absl::StatusOr<std::vector<EpochOrigin>> find(const EpochOrigin& epoch, uint64_t start_ns) override {
    const std::string where =
        absl::StrCat("start_ns = ", start_ns, " AND site = ", clickhouse_literal(epoch.site),
                     " AND probe = ", clickhouse_literal(epoch.probe), " AND run = ", epoch.run);
    std::vector<EpochOrigin> found;
    absl::Status status = client_.query(
        absl::StrCat("SELECT amendment, expected_snapshots, missing_snapshots, holds FROM epochs WHERE ",
                     committed_epochs(where)),
        [&](RowBinaryReader& row) {
          EpochOrigin origin;
          origin.site = epoch.site;
          origin.probe = epoch.probe;
          origin.run = epoch.run;
          origin.amendment = row.number<uint32_t>();
          origin.expected_snapshots = row.number<uint32_t>();
          origin.missing_snapshots = row.number<uint32_t>();
          origin.holds = std::string(row.text());
          if (row.whole()) found.push_back(std::move(origin));
          return absl::OkStatus();
        });
    if (!status.ok()) return status;
    return found;
  }

  std::vector<std::string> take_complaints() override { return std::exchange(complaints_, {}); }
  absl::Status close() override { return absl::OkStatus(); }  // nothing is held back

 private:
  uint64_t retention_ns() const { return client_.options().retention_ns; }

  absl::Status put_epoch(const EpochResult& result) {
    const absl::StatusOr<std::vector<EpochOrigin>> stored = find(result.origin, result.start_ns);
    if (!stored.ok()) return stored.status();
    for (const EpochOrigin& origin : *stored) {
      if (origin.amendment == result.origin.amendment) return already_there(result.origin);
    }
    const ClickHouseAttempt attempt{random_number(), clock_()};
    for (const ClickHouseRowTable* table : kClickHouseRowTables) {
      ClickHouseRowWalk walk(*table, result, attempt);
      if (walk.empty()) continue;
      absl::Status status =
          client_.insert(insert_into(*table), [&](RowBinaryWriter& to) { return walk.next(to); });
      if (!status.ok()) return status;
    }
    return client_.insert(insert_into_epochs(), [&](RowBinaryWriter& to) {
      put_epoch_row(result, attempt, to);
      return false;
    });
  }

  absl::Status already_there(const EpochOrigin& origin) const {
    if (origin.run != 0) return absl::OkStatus();
    return absl::AlreadyExistsError(absl::StrCat(
        client_.options().name(),
        ": an epoch of this time is already stored, and of a run without a name; nothing was overwritten"));
  }

  // Behind the epoch: what cannot be dropped, because the server guards large partitions or a right is missing, must not
  // keep what comes from being stored.
  void drop_days() {
    const uint64_t now_ns = clock_();
    if (!drops_days_ || (looked_ns_ <= now_ns && now_ns - looked_ns_ < kHourNs)) return;
    looked_ns_ = now_ns;
    const absl::Status dropped = drop_expired_days(client_, retention_ns(), now_ns);
    if (!dropped.ok()) {
      complaints_.push_back(
          absl::StrCat("what is older than the retention stays for now, and is tried again in an hour: ",
                       std::string(dropped.message())));
    }
  }

  uint64_t random_number() { return uint64_t{random_()} << 32 | random_(); }

  ClickHouseClient client_;
  const SystemClock clock_;
  std::random_device random_;
  bool drops_days_ = false;  // since the server does not
  uint64_t looked_ns_ = 0;
  std::vector<std::string> complaints_;
  absl::Status status_ = absl::OkStatus();
};

}  // namespace

absl::StatusOr<std::unique_ptr<Store>> open_clickhouse_store(const ClickHouseOptions& options,
                                                             SystemClock clock) {
  absl::StatusOr<ClickHouseClient> client = ClickHouseClient::open(options);
  if (!client.ok()) return client.status();
  auto store = std::make_unique<ClickHouseStore>(*std::move(client), clock);
  if (absl::Status opened = store->open(); !opened.ok()) return opened;
  return store;
}

}  // namespace netspectra
