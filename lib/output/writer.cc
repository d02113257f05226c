#include "output/writer.h"

#include "output/writers.h"

namespace netspectra {

std::unique_ptr<Writer> make_writer(Format format, uint64_t top, Sink& sink) {
  switch (format) {
    case Format::kTable:
      return make_table_writer(top, sink);
    case Format::kJson:
      return make_json_writer(top, sink);
    case Format::kCsv:
      return make_csv_writer(top, sink);
  }
  return nullptr;  // not reached: every Format is above
}

}  // namespace netspectra
