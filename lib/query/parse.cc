#include "query/parse.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "output/text.h"

namespace netspectra {
namespace {

constexpr size_t kMaxValues =
    256;  // of all conditions together: what a database's expression may hold with ease

struct Field {
  const char* name;
  uint32_t most;  // of a number; 0: an address
};
constexpr Field kFields[] = {{"src_ip", 0},     {"dst_ip", 0},  {"src_port", 65535}, {"dst_port", 65535},
                             {"protocol", 255}, {"vlan", 4095}, {"tcp_flags", 255}};  // by ConditionField

struct Protocol {
  const char* name;
  uint32_t number;
};
constexpr Protocol kProtocols[] = {{"icmp", 1},    {"igmp", 2},  {"ipip", 4},   {"tcp", 6},      {"udp", 17},
                                   {"dccp", 33},   {"ipv6", 41}, {"gre", 47},   {"esp", 50},     {"ah", 51},
                                   {"icmpv6", 58}, {"ospf", 89}, {"sctp", 132}, {"udplite", 136}};

constexpr std::string_view kFlagLetters = "FSRPAUEC";  // from the lowest bit up

absl::Status wrong(const std::string& part, const std::string& why) {
  return absl::InvalidArgumentError(absl::StrCat("\"", part, "\" ", why));
}

template <class Named>
std::string names_of(const Named& list) {
  return absl::StrJoin(list, ", ", [](std::string* out, const auto& item) { out->append(item.name); });
}

std::optional<uint32_t> number_in(std::string_view text) {
  uint32_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

// Words, commas and operators, one after the other. `in`, `not` and `and` are words.
class Tokens {
 public:
  explicit Tokens(const std::string& text) : text_(text) { advance(); }

  bool at_end() const { return token_.empty(); }
  const std::string& next() const { return token_; }
  bool is_word() const { return !at_end() && !is_mark(token_[0]); }
  bool is(const char* keyword) const { return absl::AsciiStrToLower(token_) == keyword; }

  std::string take() {
    std::string taken = token_;
    advance();
    return taken;
  }
  bool take_if(const char* keyword) {
    const bool taken = is(keyword);
    if (taken) advance();
    return taken;
  }

 private:
  static bool is_comparison(char c) { return c == '=' || c == '!' || c == '<' || c == '>'; }
  static bool is_mark(char c) { return is_comparison(c) || c == ','; }
  static bool is_space(char c) { return absl::ascii_isspace(static_cast<unsigned char>(c)); }

  void advance() {
    while (at_ < text_.size() && is_space(text_[at_])) ++at_;
    const size_t begin = at_;
    if (at_ < text_.size() && text_[at_] == ',') {
      ++at_;
    } else if (at_ < text_.size() && is_comparison(text_[at_])) {
      while (at_ < text_.size() && is_comparison(text_[at_])) ++at_;
    } else {
      while (at_ < text_.size() && !is_space(text_[at_]) && !is_mark(text_[at_])) ++at_;
    }
    token_ = text_.substr(begin, at_ - begin);
  }

  const std::string& text_;
  size_t at_ = 0;
  std::string token_;  // "" at the end
};

// ---- values ----

std::string address_text(const std::array<uint8_t, 16>& ip, uint8_t ip_version) {
  char text[kMaxAddressText];
  return {text, put_address(text, ip, ip_version)};
}

absl::StatusOr<AddressRange> parse_addresses(const std::string& text) {
  const size_t slash = text.find('/');
  const std::string address = text.substr(0, slash);
  AddressRange range;
  if (address.find(':') != std::string::npos) {
    range.ip_version = 6;
  } else {
    range.first[10] = range.first[11] = 0xff;
  }
  const bool v4 = range.ip_version == 4;
  if (inet_pton(v4 ? AF_INET : AF_INET6, address.c_str(), range.first.data() + (v4 ? 12 : 0)) != 1 ||
      address.find('\0') != std::string::npos) {
    return wrong(text, "is neither an address nor a network (192.0.2.1, 10.0.0.0/8, 2001:db8::/32)");
  }
  range.last = range.first;
  if (slash == std::string::npos) return range;
  const unsigned bits = v4 ? 32 : 128;
  const std::optional<uint32_t> prefix = number_in(std::string_view(text).substr(slash + 1));
  if (!prefix || *prefix > bits) {
    return wrong(text, absl::StrCat("must have a prefix length from 0 to ", bits));
  }
  bool host_bits = false;
  for (unsigned bit = 128 - bits + *prefix; bit < 128; ++bit) {
    const auto mask = static_cast<uint8_t>(0x80 >> bit % 8);
    host_bits |= (range.first[bit / 8] & mask) != 0;
    range.first[bit / 8] &= static_cast<uint8_t>(~mask);
    range.last[bit / 8] |= mask;
  }
  if (!host_bits) return range;
  return wrong(text, absl::StrCat("has bits beyond its prefix; the network is ",
                                  address_text(range.first, range.ip_version), "/", *prefix));
}

// 0 where it is no such word: no flags have no letters.
uint32_t flags_in(const std::string& text) {
  uint32_t flags = 0;
  for (const char letter : text) {
    const size_t bit = kFlagLetters.find(letter);
    if (bit == std::string_view::npos || (flags & 1u << bit) != 0) return 0;
    flags |= 1u << bit;
  }
  return flags;
}

std::string numbers_wanted(ConditionField field) {
  const Field& of = kFields[static_cast<size_t>(field)];
  std::string also;
  if (field == ConditionField::kProtocol) also = absl::StrCat(", or one of ", names_of(kProtocols));
  if (field == ConditionField::kTcpFlags) {
    also = absl::StrCat(", or letters out of ", std::string(kFlagLetters), ", each once");
  }
  return absl::StrCat("is no value of ", of.name, ": a number from 0 to ", of.most, " or a range (1-5)",
                      also);
}

absl::StatusOr<NumberRange> parse_numbers(ConditionField field, const std::string& text) {
  if (field == ConditionField::kProtocol) {
    const std::string name = absl::AsciiStrToLower(text);
    for (const Protocol& protocol : kProtocols) {
      if (name == protocol.name) return NumberRange{protocol.number, protocol.number};
    }
  }
  if (field == ConditionField::kTcpFlags) {
    if (const uint32_t flags = flags_in(text); flags != 0) return NumberRange{flags, flags};
  }
  const std::string_view all = text;
  const size_t dash = all.find('-');
  const std::optional<uint32_t> first = number_in(all.substr(0, dash));
  const std::optional<uint32_t> last =
      dash == std::string_view::npos ? first : number_in(all.substr(dash + 1));
  if (!first || !last || std::max(*first, *last) > kFields[static_cast<size_t>(field)].most) {
    return wrong(text, numbers_wanted(field));
  }
  if (*first > *last) return wrong(text, "is a range that ends before it begins");
  return NumberRange{*first, *last};
}

// ---- conditions ----

absl::StatusOr<ConditionField> take_field(Tokens& tokens) {
  const std::string name = tokens.take();
  for (size_t i = 0; i < std::size(kFields); ++i) {
    if (name == kFields[i].name) return static_cast<ConditionField>(i);
  }
  const std::string known = absl::StrCat("(known: ", names_of(kFields), ")");
  if (name.empty()) return absl::InvalidArgumentError(absl::StrCat("a condition is missing ", known));
  return wrong(name, absl::StrCat("is no field ", known));
}

absl::Status take_values(Tokens& tokens, Condition& condition) {
  do {
    if (!tokens.is_word()) {
      return absl::InvalidArgumentError(absl::StrCat(
          "a value of ", kFields[static_cast<size_t>(condition.field)].name, " is missing",
          tokens.at_end() ? std::string(" at the end") : absl::StrCat(" before \"", tokens.next(), "\"")));
    }
    const std::string value = tokens.take();
    if (kFields[static_cast<size_t>(condition.field)].most == 0) {
      const absl::StatusOr<AddressRange> range = parse_addresses(value);
      if (!range.ok()) return range.status();
      condition.addresses.push_back(*range);
    } else {
      const absl::StatusOr<NumberRange> range = parse_numbers(condition.field, value);
      if (!range.ok()) return range.status();
      condition.numbers.push_back(*range);
    }
  } while (tokens.take_if(","));
  return absl::OkStatus();
}

absl::Status take_bound(Tokens& tokens, const std::string& comparison, Condition& condition) {
  const Field& field = kFields[static_cast<size_t>(condition.field)];
  if (field.most == 0) {
    return absl::InvalidArgumentError(absl::StrCat(field.name, " ", comparison,
                                                   ": addresses are not compared by size; use =, !=, in or "
                                                   "not in, with a network such as 10.0.0.0/8"));
  }
  const std::string text = tokens.take();
  const std::optional<uint32_t> number = number_in(text);
  if (!number || *number > field.most) {
    return wrong(text, absl::StrCat("is no number from 0 to ", field.most, ", as ", field.name, " ",
                                    comparison, " needs"));
  }
  NumberRange range = {0, field.most};
  const bool without = comparison.size() == 1;  // the number itself
  if (comparison[0] == '<') {
    if (without && *number == 0)
      return wrong(text, absl::StrCat("has nothing below it: ", field.name, " < 0"));
    range.last = *number - (without ? 1 : 0);
  } else {
    if (without && *number == field.most) {
      return wrong(text, absl::StrCat("has nothing above it: ", field.name, " > ", field.most));
    }
    range.first = *number + (without ? 1 : 0);
  }
  condition.numbers.push_back(range);
  return absl::OkStatus();
}

absl::StatusOr<Condition> take_condition(Tokens& tokens) {
  const absl::StatusOr<ConditionField> field = take_field(tokens);
  if (!field.ok()) return field.status();
  Condition condition;
  condition.field = *field;
  const std::string operation = absl::AsciiStrToLower(tokens.take());
  absl::Status status;
  if (operation == "<" || operation == "<=" || operation == ">" || operation == ">=") {
    status = take_bound(tokens, operation, condition);
  } else if (operation == "=" || operation == "!=" || operation == "in" ||
             (operation == "not" && tokens.take_if("in"))) {
    condition.negated = operation == "!=" || operation == "not";
    status = take_values(tokens, condition);
  } else {
    status = wrong(operation, absl::StrCat("is no comparison of ", kFields[static_cast<size_t>(*field)].name,
                                           " (known: =, !=, in, not in, <, <=, >, >=)"));
  }
  if (!status.ok()) return status;
  return condition;
}

uint32_t number_of(ConditionField field, const FlowKey& key, uint8_t tcp_flags) {
  switch (field) {
    case ConditionField::kSrcPort:
      return ntohs(key.be_src_port);
    case ConditionField::kDstPort:
      return ntohs(key.be_dst_port);
    case ConditionField::kProtocol:
      return key.protocol;
    case ConditionField::kVlan:
      return key.vlan;
    case ConditionField::kTcpFlags:
      return tcp_flags;
    case ConditionField::kSrcIp:
    case ConditionField::kDstIp:
      break;  // not numbers
  }
  return 0;
}

bool satisfies(const Condition& condition, const FlowKey& key, uint8_t tcp_flags) {
  bool in_any = false;
  if (kFields[static_cast<size_t>(condition.field)].most == 0) {
    const auto& address = condition.field == ConditionField::kSrcIp ? key.src_ip : key.dst_ip;
    in_any =
        std::any_of(condition.addresses.begin(), condition.addresses.end(), [&](const AddressRange& range) {
          return range.ip_version == key.ip_version && range.first <= address && address <= range.last;
        });
  } else {
    const uint32_t number = number_of(condition.field, key, tcp_flags);
    in_any = std::any_of(condition.numbers.begin(), condition.numbers.end(), [&](const NumberRange& range) {
      return range.first <= number && number <= range.last;
    });
  }
  return in_any != condition.negated;
}

}  // namespace

absl::StatusOr<std::vector<Condition>> parse_where(const std::string& text) {
  Tokens tokens(text);
  std::vector<Condition> where;
  size_t values = 0;
  do {
    absl::StatusOr<Condition> condition = take_condition(tokens);
    if (!condition.ok()) return condition.status();
    values += condition->numbers.size() + condition->addresses.size();
    if (values > kMaxValues) {
      return absl::InvalidArgumentError(absl::StrCat("more than ", kMaxValues, " values"));
    }
    where.push_back(*std::move(condition));
  } while (tokens.take_if("and"));
  if (!tokens.at_end()) return wrong(tokens.next(), "stands where \"and\" or the end should be");
  return where;
}

absl::StatusOr<KeyFields> parse_fields(const std::string& text) {
  KeyFields fields;
  for (const auto& part : absl::StrSplit(text, ',')) {
    const std::string name(part);
    const auto known = std::find_if(kKeyFieldNames.begin(), kKeyFieldNames.end(),
                                    [&](const char* field) { return name == field; });
    if (known == kKeyFieldNames.end()) {
      return wrong(name, absl::StrCat("is no key field (known: ", absl::StrJoin(kKeyFieldNames, ", "), ")"));
    }
    const auto field = static_cast<KeyField>(known - kKeyFieldNames.begin());
    if (fields.has(field)) return wrong(name, "is there twice");
    fields.add(field);
  }
  return fields;
}

bool satisfies(const std::vector<Condition>& where, const FlowKey& key, uint8_t tcp_flags) {
  return std::all_of(where.begin(), where.end(),
                     [&](const Condition& condition) { return satisfies(condition, key, tcp_flags); });
}

}  // namespace netspectra
