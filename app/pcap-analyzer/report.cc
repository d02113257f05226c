#include "report.h"

#include <cstdio>
#include <sstream>

namespace netspectra {

void report_error(const std::string& text) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);)
    std::fprintf(stderr, "pcap-analyzer: %s\n", line.c_str());
}

}  // namespace netspectra
