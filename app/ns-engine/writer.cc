#include "writer.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/report.h"

namespace netspectra {
namespace {

constexpr unsigned kLongestPauseS = 30;

}  // namespace

absl::StatusOr<std::unique_ptr<Writer>> Writer::open(const std::string& url, Pause pause) {
  std::unique_ptr<Writer> writer(new Writer(url, std::move(pause)));
  if (absl::Status opened = writer->reopen(); !opened.ok()) return opened;
  return writer;
}

absl::Status Writer::reopen() {
  if (store_ != nullptr) return absl::OkStatus();
  absl::StatusOr<std::unique_ptr<Store>> store = open_store(url_);
  if (store.ok()) store_ = *std::move(store);
  return store.status();
}

void Writer::tell_trouble(const absl::Status& status) {
  const std::string text(status.message());
  if (text == trouble_) return;
  trouble_ = text;
  report_error(absl::StrCat("store: ", text, "; nothing is taken or acknowledged until it is back"));
}

absl::Status Writer::try_put(const EpochResult& result) {
  if (absl::Status opened = reopen(); !opened.ok()) return opened;
  if (in_doubt_) {
    const absl::StatusOr<std::vector<EpochOrigin>> stored = store_->find(result.origin, result.start_ns);
    if (!stored.ok()) return stored.status();
    if (std::any_of(stored->begin(), stored->end(),
                    [&](const EpochOrigin& origin) { return origin.amendment == result.origin.amendment; }))
      return absl::OkStatus();
  }
  in_doubt_ = true;
  absl::Status put = store_->put(result);
  if (!put.ok()) store_.reset();
  return put;
}

bool Writer::put(const EpochResult& result) {
  in_doubt_ = false;
  for (unsigned wait = 1;; wait = std::min(2 * wait, kLongestPauseS)) {
    const absl::Status put = try_put(result);
    if (put.ok()) break;
    tell_trouble(put);
    if (!pause_(wait)) return false;
  }
  tell_it_works();
  for (const std::string& line : store_->take_complaints()) report_error(absl::StrCat("store: ", line));
  return true;
}

void Writer::tell_it_works() {
  if (!trouble_.empty()) report_error("store: it is back");
  trouble_.clear();
}

absl::StatusOr<std::vector<EpochOrigin>> Writer::find(const EpochOrigin& epoch, uint64_t start_ns) {
  if (absl::Status opened = reopen(); !opened.ok()) {
    tell_trouble(opened);
    return opened;
  }
  absl::StatusOr<std::vector<EpochOrigin>> found = store_->find(epoch, start_ns);
  if (found.ok()) {
    tell_it_works();
  } else {
    tell_trouble(found.status());
    store_.reset();
  }
  return found;
}

absl::Status Writer::close() { return store_ == nullptr ? absl::OkStatus() : store_->close(); }

}  // namespace netspectra
