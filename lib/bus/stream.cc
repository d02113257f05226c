#include "bus/stream.h"

#include <algorithm>
#include <memory>

#include "absl/strings/str_cat.h"
#include "base/units.h"

namespace netspectra {
namespace {

using StreamInfo = std::unique_ptr<jsStreamInfo, NatsDelete<jsStreamInfo_Destroy>>;

bool has_subjects(const jsStreamConfig& stream) {
  return std::any_of(stream.Subjects, stream.Subjects + stream.SubjectsLen, [](const char* subject) {
    return std::string(subject) == kSubjects || std::string(subject) == "netspectra.>" ||
           std::string(subject) == ">";
  });
}

std::string doubts(const jsStreamConfig& stream, const std::string& name) {
  if (!has_subjects(stream)) {
    return absl::StrCat(name, " does not hold ", kSubjects,
                        ": what is published outside its subjects is not kept");
  }
  constexpr int64_t kShortWindowNs = 10ll * 60 * 1'000'000'000;
  if (stream.Duplicates < kShortWindowNs) {
    return absl::StrCat(name, " is used as it is; its duplicate window is ",
                        format_duration_ns(static_cast<uint64_t>(std::max<int64_t>(stream.Duplicates, 0))),
                        ": a message that is repeated later than that is stored twice");
  }
  return "";
}

StreamCheck make_stream(const NatsLink& link, const NatsConfig& config, const std::string& name) {
  const char* subjects[] = {kSubjects};
  jsStreamConfig stream;
  jsStreamConfig_Init(&stream);
  stream.Name = config.stream.c_str();
  stream.Subjects = subjects;
  stream.SubjectsLen = 1;
  stream.MaxBytes = static_cast<int64_t>(config.stream_max_bytes);
  stream.MaxAge = static_cast<int64_t>(config.stream_max_age_ns);
  stream.Duplicates = static_cast<int64_t>(config.stream_max_age_ns == 0
                                               ? kDuplicateWindowNs
                                               : std::min(kDuplicateWindowNs, config.stream_max_age_ns));
  jsStreamInfo* made = nullptr;
  jsErrCode error = static_cast<jsErrCode>(0);
  const natsStatus status = js_AddStream(&made, link.jetstream(), &stream, nullptr, &error);
  const StreamInfo info(made);
  if (status == NATS_OK) {
    return {StreamState::kReady, absl::StrCat(name, " created over ", kSubjects, ", at most ",
                                              human_bytes(config.stream_max_bytes), " and ",
                                              format_duration_ns(config.stream_max_age_ns))};
  }
  if (error == JSStreamNameExistErr) return {StreamState::kReady, ""};  // another probe was faster
  const std::string note = absl::StrCat(name, " cannot be created: ", nats_error(status));
  // Another stream holds the subjects, or we may only publish: the acknowledgements will tell.
  const bool others_keep = error == JSStreamSubjectOverlapErr || status == NATS_TIMEOUT;
  return {others_keep ? StreamState::kReady : StreamState::kNotReady, note};
}

}  // namespace

StreamCheck find_or_make_stream(const NatsLink& link, const NatsConfig& config) {
  const std::string name = absl::StrCat("NATS: stream ", config.stream);
  jsStreamInfo* found = nullptr;
  jsErrCode error = static_cast<jsErrCode>(0);
  const natsStatus status =
      js_GetStreamInfo(&found, link.jetstream(), config.stream.c_str(), nullptr, &error);
  const StreamInfo info(found);
  if (status == NATS_OK) return {StreamState::kReady, doubts(*info->Config, name)};
  if (status == NATS_NO_RESPONDERS || error == JSNotEnabledErr || error == JSNotEnabledForAccountErr) {
    return {StreamState::kNoJetStream, ""};
  }
  if (status == NATS_NOT_FOUND) return make_stream(link, config, name);
  if (status == NATS_TIMEOUT && !link.is_closed()) {
    return {StreamState::kReady,
            absl::StrCat(name, " cannot be looked up (no answer; may this login use $JS.API?)")};
  }
  return {StreamState::kNotReady, absl::StrCat(name, ": ", nats_error(status))};
}

}  // namespace netspectra
