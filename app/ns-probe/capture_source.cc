#include "capture_source.h"

#include <utility>

#include "ethdev/mapped_captures.h"

namespace netspectra {

absl::StatusOr<std::unique_ptr<CaptureSource>> CaptureSource::open(const std::vector<std::string>& paths,
                                                                   unsigned workers, uint64_t period_ns,
                                                                   std::shared_ptr<const TaskPlan> plan) {
  survive_cut_captures();
  std::unique_ptr<CaptureSource> source(new CaptureSource);
  for (const std::string& path : paths) {
    absl::StatusOr<std::unique_ptr<CaptureFile>> file = CaptureFile::open(path);
    // As for pcap-analyzer: the usage is right, the file is not.
    if (!file.ok()) return absl::FailedPreconditionError(file.status().message());
    source->config_.files.push_back(file->get());
    source->files_.push_back(*std::move(file));
  }
  source->config_.plan = std::move(plan);
  source->config_.workers = workers;
  source->config_.period_ns = period_ns;
  return source;
}

unsigned CaptureSource::lcores() const {
  return CaptureManager::eal_needs(config_.workers, config_.files.size()).polling_lcores;
}

absl::Status CaptureSource::make_manager(const EalInfo& eal) {
  absl::StatusOr<std::unique_ptr<CaptureManager>> manager = CaptureManager::create(config_, eal);
  if (!manager.ok()) return manager.status();
  manager_ = *std::move(manager);
  return absl::OkStatus();
}

std::vector<std::string> CaptureSource::errors() const {
  std::vector<std::string> errors = manager_->errors();
  std::erase(errors, "");
  return errors;
}

}  // namespace netspectra
