#include "common/report.h"

#include <errno.h>

#include <cstdio>
#include <sstream>

namespace netspectra {

void report_error(const std::string& text) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);)
    std::fprintf(stderr, "%s: %s\n", program_invocation_short_name, line.c_str());
}

}  // namespace netspectra
