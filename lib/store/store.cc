#include "store/store.h"

#include "absl/strings/str_cat.h"
#include "store/files_store.h"

namespace netspectra {

absl::StatusOr<std::unique_ptr<Store>> open_store(const std::string& url) {
  constexpr const char* kKnown = "known is: files:DIR";
  const size_t colon = url.find(':');
  if (colon == std::string::npos) {
    return absl::InvalidArgumentError(absl::StrCat("store '", url, "': not a store URL; ", kKnown));
  }
  const std::string scheme = url.substr(0, colon);
  if (scheme == "files") return open_files_store(url.substr(colon + 1));
  // The rest of the URL may hold a password: it is not repeated.
  return absl::InvalidArgumentError(absl::StrCat("store: unknown scheme '", scheme, ":'; ", kKnown));
}

}  // namespace netspectra
