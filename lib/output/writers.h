// The writers behind make_writer(), one source file each.
#pragma once

#include <cstdint>
#include <memory>

#include "output/writer.h"

namespace netspectra {

std::unique_ptr<Writer> make_json_writer(uint64_t top, Sink& sink);
std::unique_ptr<Writer> make_csv_writer(uint64_t top, Sink& sink);
std::unique_ptr<Writer> make_table_writer(uint64_t top, Sink& sink);

}  // namespace netspectra
