#include "output/key_text.h"

#include <arpa/inet.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/units.h"
#include "output/text.h"
#include "output/wording.h"

namespace netspectra {
namespace {

struct Column {
  KeyField field;
  const char* name;
  TextTable::Align align;
};
constexpr Column kColumns[] = {
    {KeyField::kSrcIp, "source", TextTable::Align::kLeft},
    {KeyField::kSrcPort, "source port", TextTable::Align::kRight},
    {KeyField::kDstIp, "destination", TextTable::Align::kLeft},
    {KeyField::kDstPort, "destination port", TextTable::Align::kRight},
    {KeyField::kProtocol, "protocol", TextTable::Align::kLeft},
    {KeyField::kVlan, "VLAN", TextTable::Align::kRight},
};

// A port behind its address needs no further name.
const char* column_title(const Column& column, KeyFields fields) {
  const bool behind_address = (column.field == KeyField::kSrcPort && fields.has(KeyField::kSrcIp)) ||
                              (column.field == KeyField::kDstPort && fields.has(KeyField::kDstIp));
  return behind_address ? "port" : column.name;
}

std::string address_text(const std::array<uint8_t, 16>& ip, uint8_t ip_version) {
  char text[kMaxAddressText];
  return {text, put_address(text, ip, ip_version)};
}

std::string cell(const FlowKey& key, KeyField field) {
  switch (field) {
    case KeyField::kSrcIp:
      return address_text(key.src_ip, key.ip_version);
    case KeyField::kDstIp:
      return address_text(key.dst_ip, key.ip_version);
    case KeyField::kSrcPort:
      return std::to_string(ntohs(key.be_src_port));
    case KeyField::kDstPort:
      return std::to_string(ntohs(key.be_dst_port));
    case KeyField::kProtocol:
      return protocol_name(key.protocol);
    case KeyField::kVlan:
      return key.vlan == 0 ? "none" : std::to_string(key.vlan);
  }
  return "";  // not reached: every KeyField is above
}

std::vector<const char*> names(KeyFields fields) {
  std::vector<const char*> names;
  for (const Column& column : kColumns) {
    if (fields.has(column.field)) names.push_back(column.name);
  }
  return names;
}

std::string tuple(const std::vector<const char*>& names) {
  return absl::StrCat("(", absl::StrJoin(names, ", "), ")");
}

}  // namespace

void add_key_columns(TextTable& table, KeyFields fields) {
  for (const Column& column : kColumns) {
    if (fields.has(column.field)) table.add_column(column_title(column, fields), column.align);
  }
}

std::vector<std::string> key_cells(const FlowKey& key, KeyFields fields) {
  std::vector<std::string> cells;
  for (const Column& column : kColumns) {
    if (fields.has(column.field)) cells.push_back(cell(key, column.field));
  }
  return cells;
}

std::string distinct_name(KeyFields fields) {
  const std::vector<const char*> parts = names(fields);
  return parts.size() == 1 ? absl::StrCat(parts[0], "s") : tuple(parts);
}

std::string counted_distinct(uint64_t count, KeyFields fields) {
  const std::vector<const char*> parts = names(fields);
  const std::string name = count == 1 && parts.size() == 1 ? parts[0] : distinct_name(fields);
  return absl::StrCat(format_count(count), " distinct ", name);
}

}  // namespace netspectra
