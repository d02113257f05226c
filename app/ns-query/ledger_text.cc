#include "ledger_text.h"

#include <algorithm>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/drop_reason.h"
#include "base/units.h"
#include "output/wording.h"
#include "value_text.h"

namespace netspectra {
namespace {

constexpr size_t kLabelWidth = 14;

// `promised`: an engine always says it, also where it is 0.
struct Loss {
  const char* name;
  const char* noun;
  const char* words;
  bool promised;
};
constexpr Loss kLosses[] = {
    {"nic_missed", "packet", "missed by the NIC, whose queue was full", true},
    {"no_mbuf", "packet", "dropped by the driver, which had no buffer left", true},
    {"nic_errors", "packet", "refused by the NIC as damaged", false},
    {"kernel_dropped", "packet", "dropped by the kernel", true},
    {"overflow_packets", "packet", "unattributed: the task's table was full", false},
    {"missing_snapshots", "snapshot", "that never came", true},
    {"incomplete_epochs", "epoch", "unfinished", true},
    {"faults", "fault", "of parts that could not be handed over or merged", false},
    {"expired_epochs", "epoch", "no longer kept", false},
};

std::string line(const char* label, const std::string& text) {
  std::string padded = label;
  padded.resize(std::max(padded.size() + 1, kLabelWidth), ' ');
  return absl::StrCat("  ", padded, text, "\n");
}

const char* reason_words(const std::string& name) {
  const auto* found = std::find(kDropReasonNames.begin(), kDropReasonNames.end(), name);
  return found == kDropReasonNames.end()
             ? nullptr
             : drop_reason_words(static_cast<DropReason>(found - kDropReasonNames.begin()));
}

// A count, or an object of counts by reason.
uint64_t sum_of(const Json& ledger, const char* name) {
  const auto found = ledger.find(name);
  if (found == ledger.end() || !found->is_object()) return number_in(ledger, name);
  uint64_t sum = 0;
  for (const auto& [reason, packets] : found->items()) {
    if (packets.is_number_unsigned()) sum += packets.get<uint64_t>();
  }
  return sum;
}

std::string by_reason(const Json& ledger, const char* name) {
  std::string text = counted(sum_of(ledger, name), "packet");
  const auto found = ledger.find(name);
  if (found == ledger.end() || !found->is_object()) return text;
  std::vector<std::string> parts;
  for (const auto& [reason, packets] : found->items()) {
    const char* words = reason_words(reason);
    parts.push_back(absl::StrCat(value_text(nullptr, packets), " ",
                                 words == nullptr ? printable(reason) : std::string(words)));
  }
  return absl::StrCat(text, parts.empty() ? "" : ": ", absl::StrJoin(parts, ", "));
}

std::string epochs_text(const Json& ledger) {
  std::string text = counted(number_in(ledger, "epochs"), "epoch");
  const uint64_t first_ns = number_in(ledger, "first_start_ns");
  const uint64_t end_ns = number_in(ledger, "last_end_ns");
  if (first_ns != 0 && end_ns >= first_ns) {
    absl::StrAppend(&text, ", ", short_time(first_ns), " to ", short_time(end_ns), " UTC (",
                    format_duration_ns(end_ns - first_ns), ")");
  }
  return text;
}

// What the books do not explain, where they say enough to tell.
std::string imbalance(const Json& ledger) {
  if (!ledger.contains("counted_packets") || !ledger.contains("rx_packets")) return "";
  uint64_t known = 0;
  for (const char* name : {"counted_packets", "not_ip", "malformed", "other_drops", "overflow_packets"}) {
    known += sum_of(ledger, name);
  }
  const uint64_t received = number_in(ledger, "rx_packets");
  if (known == received) return "";
  return known < received
             ? absl::StrCat(counted(received - known, "packet"), " received, but in no record")
             : absl::StrCat(counted(known - received, "packet"), " more in the books than received");
}

}  // namespace

std::vector<std::string> losses(const Json& ledger) {
  std::vector<std::string> found;
  for (const Loss& loss : kLosses) {
    const uint64_t count = number_in(ledger, loss.name);
    if (count != 0) found.push_back(absl::StrCat(counted(count, loss.noun), " ", loss.words));
  }
  return found;
}

Gaps gaps_of(const Json& probes) {
  Gaps gaps;
  for (const Json& probe : probes) {
    gaps.count += number_in(probe, "gaps");
    gaps.ns += number_in(probe, "gap_ns");
  }
  return gaps;
}

std::string ledger_text(const Json& ledger, const Gaps& gaps) {
  if (!ledger.is_object()) return "The answer has no ledger: what was lost is not known.\n";
  std::string out = "Ledger\n";
  if (ledger.contains("epochs")) out += line("measured", epochs_text(ledger));
  if (ledger.contains("rx_packets")) {
    std::string received = counted(number_in(ledger, "rx_packets"), "packet");
    if (ledger.contains("rx_bytes"))
      absl::StrAppend(&received, " (", human_bytes(number_in(ledger, "rx_bytes")), ")");
    out += line("received", received);
  }
  if (ledger.contains("counted_packets")) {
    out += line("counted", counted(number_in(ledger, "counted_packets"), "packet"));
  }
  for (const auto& [name, label] :
       {std::pair{"not_ip", "not IP"}, {"malformed", "malformed"}, {"other_drops", "refused"}}) {
    if (sum_of(ledger, name) != 0) out += line(label, by_reason(ledger, name));
  }
  if (const uint64_t filtered = number_in(ledger, "filtered_out"); filtered != 0) {
    out += line("filtered out", absl::StrCat(counted(filtered, "packet"), ", not to be measured"));
  }

  std::vector<std::string> lost = losses(ledger);
  if (const std::string text = imbalance(ledger); !text.empty()) lost.push_back(text);
  std::vector<const char*> unsaid;
  for (const Loss& loss : kLosses) {
    if (loss.promised && (!ledger.contains(loss.name) || !ledger[loss.name].is_number_unsigned())) {
      unsaid.push_back(loss.name);
    }
  }
  if (gaps.count != 0) {
    out += line("gaps", absl::StrCat(format_duration_ns(gaps.ns), " in ", counted(gaps.count, "gap"),
                                     ": not measured then, or never come"));
  }
  for (size_t i = 0; i < lost.size(); ++i) out += line(i == 0 ? "LOST" : "", lost[i]);
  if (!unsaid.empty()) {
    out += line("not known", absl::StrCat("the ledger does not say ", absl::StrJoin(unsaid, ", ")));
  } else if (lost.empty()) {
    const bool nothing = ledger.contains("epochs") && number_in(ledger, "epochs") == 0;
    out += line("lost", nothing           ? "nothing was measured, so nothing could be lost"
                        : gaps.count != 0 ? "nothing of what is stored"
                                          : "nothing was lost");
  }
  return out;
}

}  // namespace netspectra
