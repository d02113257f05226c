#include "config/config_file.h"

#include <yaml-cpp/eventhandler.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <set>
#include <sstream>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "config/words.h"

namespace netspectra {
namespace {

// No configuration is this long; a capture file given by mistake is.
constexpr size_t kMaxFileBytes = size_t{1} << 20;

absl::StatusOr<std::string> read_whole_file(const std::string& path) {
  const auto cannot = [&](const std::string& why) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": cannot be read (", why, ")"));
  };
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rb"), std::fclose);
  if (file == nullptr) return cannot(std::strerror(errno));
  std::string text(kMaxFileBytes + 1, '\0');
  text.resize(std::fread(text.data(), 1, text.size(), file.get()));
  if (std::ferror(file.get())) return cannot(std::strerror(errno));
  if (text.size() > kMaxFileBytes) return cannot("more than 1 MiB: not a configuration");
  return text;
}

bool is_variable_name(const std::string& name) {
  return !name.empty() && !absl::ascii_isdigit(static_cast<unsigned char>(name[0])) &&
         std::all_of(name.begin(), name.end(),
                     [](unsigned char c) { return absl::ascii_isalnum(c) || c == '_'; });
}

// Replaces each ${NAME}, once: what comes out of the environment is not looked at again.
absl::StatusOr<std::string> expand_environment(const std::string& text) {
  std::string expanded;
  size_t at = 0;
  for (size_t open; (open = text.find("${", at)) != std::string::npos;) {
    const size_t close = text.find('}', open);
    if (close == std::string::npos) return absl::InvalidArgumentError("has a \"${\" without its \"}\"");
    const std::string name = text.substr(open + 2, close - open - 2);
    if (!is_variable_name(name)) {
      return absl::InvalidArgumentError(
          absl::StrCat("has no variable name in \"${", name, "}\" (letters, digits and _)"));
    }
    const char* value = std::getenv(name.c_str());
    if (value == nullptr) {
      return absl::InvalidArgumentError(absl::StrCat("needs ", name, ", which the environment does not set"));
    }
    absl::StrAppend(&expanded, text.substr(at, open - at), value);
    at = close + 1;
  }
  return absl::StrCat(expanded, text.substr(at));
}

const char* shape_name(const YAML::Node& node) {
  return node.IsSequence() ? "a list" : node.IsMap() ? "a map" : "a single value";
}

int line_of(const YAML::Mark& mark) { return mark.is_null() ? 1 : mark.line + 1; }

// Notes where the last document started, and forgets what is in it.
struct DocumentStart : YAML::EventHandler {
  using Mark = YAML::Mark;
  using Style = YAML::EmitterStyle::value;
  int line = 0;
  void OnDocumentStart(const Mark& mark) override { line = line_of(mark); }
  void OnDocumentEnd() override {}
  void OnNull(const Mark&, YAML::anchor_t) override {}
  void OnAlias(const Mark&, YAML::anchor_t) override {}
  void OnScalar(const Mark&, const std::string&, YAML::anchor_t, const std::string&) override {}
  void OnSequenceStart(const Mark&, const std::string&, YAML::anchor_t, Style) override {}
  void OnSequenceEnd() override {}
  void OnMapStart(const Mark&, const std::string&, YAML::anchor_t, Style) override {}
  void OnMapEnd() override {}
};

// The line of what follows the first document; 0 where nothing does. YAML::Load() ignores it, and
// YAML::LoadAll() never ends on some of it (yaml-cpp 0.7 makes endless documents of a stray comma).
int line_behind_document(const std::string& text) {
  std::istringstream stream(text);
  YAML::Parser parser(stream);
  DocumentStart start;
  return parser.HandleNextDocument(start) && parser.HandleNextDocument(start) ? start.line : 0;
}

}  // namespace

struct ConfigNode::File {
  std::string path;
  std::vector<std::pair<int, std::string>> mistakes;  // line and text
};

void ConfigNode::mistake(const std::string& what) const {
  const std::string place = absl::StrCat(file_->path, ":", line_, ": ");
  file_->mistakes.emplace_back(line_, absl::StrCat(place, key_, key_.empty() ? "" : ": ", what));
}

void ConfigNode::wrong_shape(const char* wanted) const {
  mistake(node_.IsNull() ? absl::StrCat("has no value (must be ", wanted, ")")
                         : absl::StrCat("must be ", wanted, ", not ", shape_name(node_)));
}

void ConfigNode::read_text(const Setter& set) const {
  if (!node_.IsScalar()) return wrong_shape("a single value");
  const absl::StatusOr<std::string> text = expand_environment(node_.Scalar());
  const absl::Status status = text.ok() ? set(*text) : text.status();
  if (!status.ok()) mistake(absl::StrCat("\"", node_.Scalar(), "\" ", status.message()));
}

void ConfigNode::read_list(const Reader& read_item) const {
  if (!node_.IsSequence()) return wrong_shape("a list");
  if (node_.size() == 0) return mistake("must not be an empty list");
  for (size_t i = 0; i < node_.size(); ++i) {
    const YAML::Node item = node_[i];
    read_item(ConfigNode(file_, item, line_of(item.Mark()), absl::StrCat(key_, "[", i, "]")));
  }
}

void ConfigNode::read_entries(const EntryReader& read) const {
  if (!node_.IsMap()) return wrong_shape("a map");
  std::map<std::string, int> given;  // name -> line
  for (const auto& entry : node_) {
    const std::string name = entry.first.IsScalar() ? entry.first.Scalar() : shape_name(entry.first);
    const ConfigNode value(file_, entry.second, line_of(entry.first.Mark()),
                           absl::StrCat(key_, key_.empty() ? "" : ".", name));
    const auto [first, is_first] = given.emplace(name, value.line_);
    if (is_first) {
      read(name, value);
    } else {
      value.mistake(absl::StrCat("is given twice (first on line ", first->second, ")"));
    }
  }
}

void ConfigNode::read_map(const std::vector<Key>& keys) const {
  if (!node_.IsMap()) return wrong_shape("a map");
  std::vector<const char*> names;
  for (const Key& key : keys) names.push_back(key.name);
  std::set<std::string> given;
  read_entries([&](const std::string& name, const ConfigNode& value) {
    given.insert(name);
    const auto key = std::find_if(keys.begin(), keys.end(), [&](const Key& k) { return name == k.name; });
    if (key == keys.end()) {
      value.mistake(absl::StrCat("unknown key (", hint(name, names), ")"));
    } else {
      key->read(value);
    }
  });
  for (const Key& key : keys) {
    if (key.required && !given.contains(key.name)) mistake(absl::StrCat("has no ", key.name));
  }
}

std::vector<std::string> read_config_file(const std::string& path, const ConfigNode::Reader& read) {
  const absl::StatusOr<std::string> text = read_whole_file(path);
  if (!text.ok()) return {std::string(text.status().message())};
  ConfigNode::File file{path, {}};
  try {
    if (const int line = line_behind_document(*text); line != 0) {
      return {absl::StrCat(path, ":", line, ": the YAML document has ended before this (a file holds one)")};
    }
    const YAML::Node document = YAML::Load(*text);
    // A file without a document (empty, or all comments) sets nothing.
    if (!document.IsNull()) read(ConfigNode(&file, document, 1, ""));
  } catch (const YAML::Exception& error) {
    return {absl::StrCat(path, ":", line_of(error.mark), ": is not valid YAML (", error.msg, ")")};
  }
  std::stable_sort(file.mistakes.begin(), file.mistakes.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<std::string> mistakes;
  for (auto& [line, what] : file.mistakes) mistakes.push_back(std::move(what));
  return mistakes;
}

}  // namespace netspectra
