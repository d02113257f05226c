// The live page that the engine serves: files of this folder, compiled in.
//
// Shapes: `path` is that of the request ("/", "/page.js"); content is UTF-8. The page needs nothing from elsewhere, and
//   nothing inline: "default-src 'self'" holds for it. None of it is secret: it asks for the token itself, so these paths
//   are to be open.
// Threads: constants only.
#pragma once

#include <span>
#include <string_view>

namespace netspectra {

struct PageFile {
  const char* path;
  const char* content_type;
  std::string_view content;
};

std::span<const PageFile> page_files();

}  // namespace netspectra
