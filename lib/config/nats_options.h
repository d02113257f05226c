// The `nats` of a configuration file, and what NATS asks of names.
//
// Shapes: docs/configuration.md, "NATS". Files (credentials, seeds, certificates) are not opened here.
// Errors: a phrase that follows the value, or, from a node, gathered by the file that it is of.
// Threads: set-up only.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "bus/nats_config.h"
#include "config/config_file.h"

namespace netspectra {

// Whether `text` can be one token of a subject, and one part of a message id.
absl::Status check_subject_token(const std::string& text);
// Any text made into a token; "" stays "".
std::string subject_token(std::string text);

absl::Status add_nats_url(const std::string& url, std::vector<std::string>& urls);
absl::Status set_spool_dir(const std::string& dir, NatsConfig& nats);
void read_nats(const ConfigNode& node, NatsConfig& nats);

}  // namespace netspectra
