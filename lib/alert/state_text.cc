#include "alert/state_text.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <string_view>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "base/mix64.h"

namespace netspectra {
namespace {

constexpr const char* kFormat = "netspectra-alerts\t1\n";
constexpr const char* kEnd = "end";
constexpr char kHex[] = "0123456789abcdef";

uint64_t checksum(std::string_view text) {
  uint64_t sum = text.size();
  for (size_t at = 0; at < text.size(); at += sizeof(uint64_t)) {
    uint64_t word = 0;
    std::memcpy(&word, text.data() + at, std::min(sizeof(word), text.size() - at));
    sum = mix64(sum ^ word) + 0x9e3779b97f4a7c15;
  }
  return sum;
}

std::string unescape(std::string_view text) {
  std::string plain;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || i + 1 == text.size()) {
      plain += text[i];
      continue;
    }
    const char c = text[++i];
    plain += c == 't' ? '\t' : c == 'n' ? '\n' : c;
  }
  return plain;
}

absl::Status broken(const std::string& why) { return absl::DataLossError(why); }

absl::Status errno_status(const std::string& path) { return absl::ErrnoToStatus(errno, path); }

bool write_all(int fd, std::string_view content) {
  while (!content.empty()) {
    const ssize_t n = ::write(fd, content.data(), content.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return false;
    content.remove_prefix(static_cast<size_t>(n));
  }
  return true;
}

absl::Status sync_folder_of(const std::string& path) {
  std::string folder = std::filesystem::path(path).parent_path().string();
  if (folder.empty()) folder = ".";
  const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return errno_status(folder);
  absl::Status status = ::fsync(fd) == 0 ? absl::OkStatus() : errno_status(folder);
  ::close(fd);
  return status;
}

}  // namespace

StateText::StateText() : text_(kFormat) {}

StateText& StateText::line(const char* word) {
  if (lines_++ != 0) text_ += '\n';
  text_ += word;
  return *this;
}

StateText& StateText::add(const std::string& text) {
  text_ += '\t';
  for (const char c : text) {
    if (c == '\t' || c == '\n' || c == '\\') text_ += '\\';
    text_ += c == '\t' ? 't' : c == '\n' ? 'n' : c;
  }
  return *this;
}

StateText& StateText::add(uint64_t number) {
  absl::StrAppend(&text_, "\t", number);
  return *this;
}

StateText& StateText::add(double number) {
  absl::StrAppendFormat(&text_, "\t%.17g", number);
  return *this;
}

StateText& StateText::add(const FlowKey& key) {
  unsigned char bytes[sizeof(FlowKey)];
  std::memcpy(bytes, &key, sizeof(key));
  text_ += '\t';
  for (const unsigned char byte : bytes) {
    text_ += kHex[byte >> 4];
    text_ += kHex[byte & 0xf];
  }
  return *this;
}

StateText& StateText::add(KeyFields fields) {
  text_ += '\t';
  for (size_t i = 0; i < kKeyFieldCount; ++i) text_ += fields.has(static_cast<KeyField>(i)) ? '1' : '0';
  return *this;
}

std::string StateText::finish() {
  if (lines_ != 0) text_ += '\n';
  absl::StrAppend(&text_, kEnd, "\t", lines_, "\t");
  absl::StrAppend(&text_, checksum(text_), "\n");
  return std::move(text_);
}

std::string StateLine::text() {
  if (at_ < values_.size()) return values_[at_++];
  ok_ = false;
  return "";
}

uint64_t StateLine::number(uint64_t most) {
  uint64_t value = 0;
  if (absl::SimpleAtoi(text(), &value) && value <= most) return value;
  ok_ = false;
  return 0;
}

double StateLine::real() {
  double value = 0;
  if (absl::SimpleAtod(text(), &value) && std::isfinite(value)) return value;
  ok_ = false;
  return 0;
}

FlowKey StateLine::key() {
  const std::string hex = text();
  unsigned char bytes[sizeof(FlowKey)] = {};
  FlowKey key;
  if (hex.size() != 2 * sizeof(bytes) || hex.find_first_not_of(kHex) != std::string::npos) {
    ok_ = false;
    return key;
  }
  const auto digit = [&](size_t i) { return static_cast<unsigned>(std::strchr(kHex, hex[i]) - kHex); };
  for (size_t i = 0; i < sizeof(bytes); ++i) {
    bytes[i] = static_cast<unsigned char>(digit(2 * i) << 4 | digit(2 * i + 1));
  }
  std::memcpy(static_cast<void*>(&key), bytes, sizeof(key));
  return key;
}

KeyFields StateLine::fields() {
  const std::string bits = text();
  KeyFields fields;
  if (bits.size() != kKeyFieldCount) ok_ = false;
  for (size_t i = 0; i < bits.size() && i < kKeyFieldCount; ++i) {
    if (bits[i] == '1') fields.add(static_cast<KeyField>(i));
  }
  return fields;
}

absl::StatusOr<std::vector<StateLine>> read_state_text(const std::string& text) {
  if (!text.starts_with(kFormat)) return broken("it does not begin as one of version 1 does");
  const size_t end = text.rfind(absl::StrCat("\n", kEnd, "\t"));
  if (end == std::string::npos || text.back() != '\n') return broken("it is cut short");
  const std::string_view content(text.data(), end + 1);
  const std::vector<std::string> last = absl::StrSplit(text.substr(end + 1, text.size() - end - 2), '\t');
  uint64_t count = 0, sum = 0;
  if (last.size() != 3 || !absl::SimpleAtoi(last[1], &count) || !absl::SimpleAtoi(last[2], &sum)) {
    return broken("its last line cannot be read");
  }
  const std::string checked = absl::StrCat(std::string(content), kEnd, "\t", count, "\t");
  if (sum != checksum(checked)) return broken("its checksum is wrong");
  std::vector<StateLine> lines;
  const std::string body(content.substr(std::strlen(kFormat)));
  for (absl::string_view line : absl::StrSplit(body, '\n', absl::SkipEmpty())) {
    std::vector<std::string> values;
    for (absl::string_view value : absl::StrSplit(line, '\t')) {
      values.push_back(unescape(std::string_view(value.data(), value.size())));
    }
    lines.emplace_back(std::move(values));
  }
  if (lines.size() != count) return broken("lines are missing");
  return lines;
}

absl::Status replace_file(const std::string& path, const std::string& content) {
  const std::string temporary = path + ".new";
  // Undelivered messages are in it, which are nobody else's business.
  const int fd = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return errno_status(temporary);
  const bool written = ::fchmod(fd, 0600) == 0 && write_all(fd, content) && ::fsync(fd) == 0;
  const absl::Status status = written ? absl::OkStatus() : errno_status(temporary);
  ::close(fd);
  if (!status.ok()) {
    ::unlink(temporary.c_str());
    return status;
  }
  if (::rename(temporary.c_str(), path.c_str()) != 0) return errno_status(path);
  return sync_folder_of(path);
}

absl::StatusOr<std::string> read_file(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return errno_status(path);
  std::string content;
  char block[1 << 16];
  ssize_t n;
  while ((n = ::read(fd, block, sizeof(block))) != 0) {
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) break;
    content.append(block, static_cast<size_t>(n));
  }
  const absl::Status status = n < 0 ? errno_status(path) : absl::OkStatus();
  ::close(fd);
  if (!status.ok()) return status;
  return content;
}

}  // namespace netspectra
