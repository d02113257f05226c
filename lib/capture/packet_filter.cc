#include "capture/packet_filter.h"

#include <pcap/pcap.h>

#include <algorithm>
#include <array>

#include "absl/strings/str_format.h"
#include "capture/capture_file.h"

namespace netspectra {
namespace {

struct LinkProgram {
  LinkType link;
  int dlt;  // libpcap's number in memory, which differs from the file's for raw IP
};
// The commonest first: matches() looks from the front.
constexpr std::array kLinks = {
    LinkProgram{LinkType::kEthernet, DLT_EN10MB},
    LinkProgram{LinkType::kRaw, DLT_RAW},
    LinkProgram{LinkType::kLinuxCooked, DLT_LINUX_SLL},
    LinkProgram{LinkType::kLinuxCooked2, DLT_LINUX_SLL2},
    LinkProgram{LinkType::kNull, DLT_NULL},
    LinkProgram{LinkType::kLoop, DLT_LOOP},
    LinkProgram{LinkType::kPpp, DLT_PPP},
    LinkProgram{LinkType::kRawBsd, DLT_RAW},
    LinkProgram{LinkType::kRawOpenBsd, DLT_RAW},
    LinkProgram{LinkType::kIpv4, DLT_IPV4},
    LinkProgram{LinkType::kIpv6, DLT_IPV6},
};

size_t index_of(LinkType link) {
  size_t index = 0;
  while (index < kLinks.size() && kLinks[index].link != link) ++index;
  return index;
}

enum class Outcome : uint8_t { kCompiled, kRejectsAll, kInvalid };

Outcome compile_for(int dlt, const std::string& expression, bpf_program& program, std::string& message) {
  pcap_t* handle = pcap_open_dead(dlt, kMaxCapturedBytes);
  Outcome outcome = Outcome::kCompiled;
  if (pcap_compile(handle, &program, expression.c_str(), /*optimize=*/1, PCAP_NETMASK_UNKNOWN) != 0) {
    message = pcap_geterr(handle);
    // The optimizer also fails a valid expression that no frame of this link type can match.
    bpf_program unoptimized{};
    const bool valid = pcap_compile(handle, &unoptimized, expression.c_str(), 0, PCAP_NETMASK_UNKNOWN) == 0;
    if (valid) pcap_freecode(&unoptimized);
    outcome = valid ? Outcome::kRejectsAll : Outcome::kInvalid;
    program = {};
  }
  pcap_close(handle);
  return outcome;
}

bool is_ip(uint8_t ppp_protocol) { return ppp_protocol == 0x21 || ppp_protocol == 0x57; }

// libpcap's programs know one form of the PPP and loopback headers: PPP as in HDLC, and this system's byte
// order and number for IPv6. Where the header before an IP packet is of another form: its length, else 0.
size_t foreign_header_bytes(const Frame& frame) {
  const uint8_t* d = frame.data;
  if (frame.captured < 4) return 0;
  if (frame.link == LinkType::kPpp) {
    const bool cisco_hdlc = (d[0] == 0x0f || d[0] == 0x8f) && d[1] == 0;
    if (cisco_hdlc) return (d[2] == 0x08 && d[3] == 0x00) || (d[2] == 0x86 && d[3] == 0xdd) ? 4 : 0;
    const size_t address = d[0] == 0xff && d[1] == 0x03 ? 2 : 0;
    if (is_ip(d[address])) return address + 1;  // compressed protocol field
    return address == 0 && d[0] == 0 && is_ip(d[1]) ? 2 : 0;
  }
  if (frame.link == LinkType::kNull || frame.link == LinkType::kLoop) {
    const bool big_endian = d[0] == 0 && d[1] == 0 && d[2] == 0;
    const bool little_endian = d[1] == 0 && d[2] == 0 && d[3] == 0 && frame.link == LinkType::kNull;
    if (!big_endian && !little_endian) return 0;
    const bool known_order = big_endian == (frame.link == LinkType::kLoop);
    const uint8_t family = big_endian ? d[3] : d[0];
    if (family == 2 || family == 10) return known_order ? 0 : 4;                  // IPv4; IPv6 on Linux
    return family == 23 || family == 24 || family == 28 || family == 30 ? 4 : 0;  // IPv6 elsewhere
  }
  return 0;
}

}  // namespace

struct PacketFilter::Programs {
  std::array<bpf_program, kLinks.size()> by_link{};  // no instructions: matches nothing
  ~Programs() {
    for (bpf_program& program : by_link) pcap_freecode(&program);
  }
};

absl::StatusOr<std::unique_ptr<PacketFilter>> PacketFilter::compile(const std::string& expression,
                                                                    const std::vector<LinkType>& links) {
  const auto refuse = [&expression](const std::string& message) {
    return absl::InvalidArgumentError(absl::StrFormat("--filter '%s': %s", expression, message));
  };
  auto programs = std::make_unique<Programs>();
  const bool any_link = std::ranges::none_of(links, is_supported);
  bool can_match = false;
  std::string why_not;
  for (size_t i = 0; i < kLinks.size(); ++i) {
    std::string message;
    const Outcome outcome = compile_for(kLinks[i].dlt, expression, programs->by_link[i], message);
    const bool wanted = std::ranges::find(links, kLinks[i].link) != links.end();
    if (wanted && outcome == Outcome::kInvalid) return refuse(message);
    if (!wanted && !any_link) continue;
    if (outcome == Outcome::kCompiled) can_match = true;
    if (why_not.empty()) why_not = message;
  }
  if (!can_match) return refuse(why_not);
  return std::unique_ptr<PacketFilter>(new PacketFilter(std::move(programs)));
}

PacketFilter::PacketFilter(std::unique_ptr<Programs> programs) : programs_(std::move(programs)) {}
PacketFilter::~PacketFilter() = default;

bool PacketFilter::matches(const Frame& frame) const {
  const size_t header = foreign_header_bytes(frame);
  const size_t index = index_of(header == 0 ? frame.link : LinkType::kRaw);
  if (index == kLinks.size()) return false;
  const bpf_program& program = programs_->by_link[index];
  if (program.bf_insns == nullptr) return false;
  return bpf_filter(program.bf_insns, frame.data + header, frame.wire_len,
                    frame.captured - static_cast<uint32_t>(header)) != 0;
}

}  // namespace netspectra
