#include "output/summary_text.h"

#include <algorithm>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/units.h"
#include "output/wording.h"

namespace netspectra {
namespace {

constexpr size_t kIndent = 2;
constexpr size_t kLabelWidth = 14;
constexpr size_t kLineWidth = 100;
constexpr size_t kFilesShown = 8;

// A file name may hold anything; a terminal acts on control characters.
std::string printable(const std::string& text) {
  std::string out = text;
  for (char& c : out) {
    if ((c >= 0 && c < ' ') || c == 0x7f) c = '?';
  }
  return out;
}

void append_line(std::string& out, std::string_view label, const std::string& text) {
  out.append(kIndent, ' ').append(label).append(kLabelWidth - label.size(), ' ').append(text) += '\n';
}

// Joined by commas, broken where a line would become too long.
void append_list(std::string& out, std::string_view label, const std::string& start,
                 const std::vector<std::string>& items) {
  std::string line = start;
  for (size_t i = 0; i < items.size(); ++i) {
    const std::string item = absl::StrCat(items[i], i + 1 < items.size() ? "," : "");
    if (!line.empty() && kIndent + kLabelWidth + line.size() + 1 + item.size() > kLineWidth) {
      append_line(out, label, line);
      label = "";
      line.clear();
    }
    if (!line.empty()) line += ' ';
    line += item;
  }
  append_line(out, label, line);
}

struct Part {
  std::string name;
  uint64_t packets;
};

// Largest first, "500 ARP"; of equal ones the order they came in.
std::vector<std::string> part_texts(std::vector<Part> parts) {
  std::erase_if(parts, [](const Part& part) { return part.packets == 0; });
  std::stable_sort(parts.begin(), parts.end(),
                   [](const Part& a, const Part& b) { return a.packets > b.packets; });
  std::vector<std::string> texts;
  for (const Part& part : parts) texts.push_back(absl::StrCat(format_count(part.packets), " ", part.name));
  return texts;
}

void append_refused(std::string& out, std::string_view label, const Ledger& ledger, uint64_t packets,
                    bool (*kind)(DropReason)) {
  std::vector<Part> parts;
  for (size_t i = 0; i < kDropReasonCount; ++i) {
    const auto reason = static_cast<DropReason>(i);
    if (!kind(reason)) continue;
    if (reason != DropReason::kEthertype) {
      parts.push_back({drop_reason_words(reason), ledger.dropped[i]});
      continue;
    }
    for (const EthertypeCounts::Slot& slot : ledger.ethertypes.slots()) {
      parts.push_back({ethertype_name(slot.ethertype), slot.packets});
    }
    parts.push_back({drop_reason_words(reason), ledger.ethertypes.other()});
  }
  append_list(out, label, absl::StrCat(counted(packets, "packet"), ":"), part_texts(std::move(parts)));
}

void append_files(std::string& out, const std::vector<std::string>& files) {
  std::vector<std::string> names;
  for (size_t i = 0; i < std::min(files.size(), kFilesShown); ++i) names.push_back(printable(files[i]));
  if (files.size() > kFilesShown) names.push_back(format_count(files.size() - kFilesShown) + " more");
  append_list(out, files.size() == 1 ? "file" : "files", "", names);
}

void append_time(std::string& out, const Ledger& ledger) {
  if (ledger.last_seen_ns == 0) return append_line(out, "time", "the packets have no timestamps");
  if (ledger.first_seen_ns == 0) {
    return append_line(
        out, "time",
        absl::StrCat("until ", short_time(ledger.last_seen_ns), " UTC; some packets have no timestamp"));
  }
  const uint64_t span_ns = ledger.last_seen_ns - ledger.first_seen_ns;
  append_line(out, "time",
              absl::StrCat(short_time(ledger.first_seen_ns), " to ", short_time(ledger.last_seen_ns),
                           " UTC (", format_duration_ns(span_ns), ")"));
  if (span_ns == 0) return;
  const double span_s = static_cast<double>(span_ns) / 1e9;
  const double packets_per_second = static_cast<double>(ledger.rx_packets) / span_s;
  append_line(
      out, "average",
      absl::StrCat(packets_per_second < 10 ? absl::StrFormat("%.1f", packets_per_second)
                                           : human_count(static_cast<uint64_t>(packets_per_second)),
                   " packets/s, ", human_bits_per_second(static_cast<double>(ledger.rx_bytes) * 8 / span_s)));
}

}  // namespace

std::string summary_text(const RunSummary& summary) {
  const Ledger& ledger = summary.ledger;
  std::string out = "Summary\n";
  append_files(out, summary.files);
  append_line(
      out, "packets",
      absl::StrCat(format_count(ledger.rx_packets), " (", human_bytes(ledger.rx_bytes), " on the wire)"));
  if (ledger.late_packets != 0) {
    append_line(out, "late",
                absl::StrCat(counted(ledger.late_packets, "packet"),
                             " older than the epoch that was running, counted in that epoch"));
  }
  if (ledger.filtered_out != 0) {
    append_line(out, "filtered out",
                absl::StrCat(counted(ledger.filtered_out, "packet"), ", not measured (--filter)"));
  }
  if (ledger.rx_packets != 0) {
    append_time(out, ledger);
    append_line(out, "IP",
                absl::StrCat(counted(ledger.ip_packets, "packet"), " (",
                             percent(ledger.ip_packets, ledger.rx_packets), ")"));
  }
  if (ledger.not_ip() != 0) append_refused(out, "not IP", ledger, ledger.not_ip(), is_not_ip);
  if (ledger.malformed() != 0) append_refused(out, "malformed", ledger, ledger.malformed(), is_malformed);
  if (summary.overflow_packets != 0) {
    append_line(out, "unattributed",
                absl::StrCat(counted(summary.overflow_packets, "packet"),
                             " found no room in a task's table, see above"));
  }
  if (summary.source) {
    std::string kinds;
    summary.source->each_loss([&](const char* name, uint64_t packets) {
      if (packets != 0)
        absl::StrAppend(&kinds, kinds.empty() ? " (" : ", ", name, " ", format_count(packets));
    });
    append_line(out, "lost before",
                absl::StrCat(counted(summary.source->lost(), "packet"), kinds,
                             kinds.empty() ? "" : "): received by nobody here"));
  }
  const std::string elapsed = format_duration_ns(static_cast<uint64_t>(summary.elapsed_s * 1e9));
  append_line(out, "measured in",
              summary.elapsed_s > 0 && ledger.rx_packets != 0
                  ? absl::StrCat(elapsed, ", ",
                                 human_count(static_cast<uint64_t>(static_cast<double>(ledger.rx_packets) /
                                                                   summary.elapsed_s)),
                                 " packets/s")
                  : elapsed);
  for (size_t i = 0; i < summary.read_errors.size(); ++i) {
    append_line(out, i == 0 ? "read errors" : "", printable(summary.read_errors[i]));
  }
  return out;
}

}  // namespace netspectra
