#include "query/sql.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace netspectra {
namespace {

const char* column_name(ConditionField field) {
  constexpr auto kTcpFlags = static_cast<size_t>(ConditionField::kTcpFlags);
  static_assert(kTcpFlags == kKeyFieldCount, "the key fields come first, in KeyField's order");
  const auto index = static_cast<size_t>(field);
  return index == kTcpFlags ? "tcp_flags" : kKeyFieldNames[index];
}

// Single numbers share one IN list: a long chain of ORs is a deep tree to a database, and SQLite refuses one of 1000.
void append_numbers(const std::string& column, const std::vector<NumberRange>& ranges,
                    std::vector<std::string>& terms) {
  std::vector<uint32_t> singles;
  for (const NumberRange& range : ranges) {
    if (range.first == range.last) {
      singles.push_back(range.first);
    } else {
      terms.push_back(absl::StrCat(column, " BETWEEN ", range.first, " AND ", range.last));
    }
  }
  if (!singles.empty()) terms.push_back(absl::StrCat(column, " IN (", absl::StrJoin(singles, ","), ")"));
}

std::string address_term(const std::string& column, const std::string& version, const AddressRange& range,
                         const AddressLiteral& literal) {
  const std::string first = literal(range.first);
  const std::string place = range.first == range.last
                                ? absl::StrCat(" = ", first)
                                : absl::StrCat(" BETWEEN ", first, " AND ", literal(range.last));
  return absl::StrCat("(", version, " = ", int{range.ip_version}, " AND ", column, place, ")");
}

}  // namespace

std::string conditions_sql(const std::vector<Condition>& where, const std::string& prefix,
                           const AddressLiteral& literal) {
  const std::string version = prefix + "ip_version";
  std::string sql;
  for (const Condition& condition : where) {
    const std::string column = prefix + column_name(condition.field);
    std::vector<std::string> terms;
    append_numbers(column, condition.numbers, terms);
    for (const AddressRange& range : condition.addresses) {
      terms.push_back(address_term(column, version, range, literal));
    }
    if (terms.empty()) terms.emplace_back("1 = 0");  // in none
    absl::StrAppend(&sql, condition.negated ? " AND NOT (" : " AND (", absl::StrJoin(terms, " OR "), ")");
  }
  return sql;
}

std::vector<std::string> key_columns(KeyFields fields) {
  std::vector<std::string> columns;
  if (fields.has(KeyField::kSrcIp) || fields.has(KeyField::kDstIp)) columns.emplace_back("ip_version");
  for (size_t i = 0; i < kKeyFieldCount; ++i) {
    if (fields.has(static_cast<KeyField>(i))) columns.emplace_back(kKeyFieldNames[i]);
  }
  return columns;
}

}  // namespace netspectra
