#include "bus/nats_check.h"

#include <memory>

#include "absl/strings/str_cat.h"
#include "base/units.h"
#include "bus/nats_link.h"

namespace netspectra {
namespace {

using StreamInfo = std::unique_ptr<jsStreamInfo, NatsDelete<jsStreamInfo_Destroy>>;

NatsCheck look_at_stream(const NatsLink& link, const std::string& name) {
  jsStreamInfo* found = nullptr;
  jsErrCode error = static_cast<jsErrCode>(0);
  const natsStatus status = js_GetStreamInfo(&found, link.jetstream(), name.c_str(), nullptr, &error);
  const StreamInfo info(found);
  if (status == NATS_OK) {
    const int64_t limit = info->Config->MaxBytes;
    return {absl::StrCat("stream ", name, " holds ", format_count(info->State.Msgs), " messages, ",
                         human_bytes(info->State.Bytes), " of ",
                         limit > 0 ? human_bytes(static_cast<uint64_t>(limit)) : "no limit"),
            true};
  }
  if (status == NATS_NOT_FOUND) return {absl::StrCat("stream ", name, " will be made"), true};
  if (status == NATS_NO_RESPONDERS || error == JSNotEnabledErr || error == JSNotEnabledForAccountErr) {
    return {"it has no JetStream: nothing is kept for those who listen later", false};
  }
  return {absl::StrCat("stream ", name, " cannot be looked up: ", nats_error(status)), true};
}

}  // namespace

absl::StatusOr<NatsCheck> check_nats(const NatsConfig& config) {
  if (absl::Status status = check_nats_config(config); !status.ok()) return status;
  const absl::StatusOr<std::unique_ptr<NatsLink>> link = NatsLink::connect(config);
  if (!link.ok()) return link.status();
  NatsCheck check{absl::StrCat("connected to ", (*link)->server()), true};
  if (!config.jetstream) return check;
  const NatsCheck stream = look_at_stream(**link, config.stream);
  return NatsCheck{absl::StrCat(check.said, "; ", stream.said), stream.has_jetstream};
}

}  // namespace netspectra
