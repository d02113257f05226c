// The `tasks` of a configuration file.
//
// Shapes: a list of maps (docs/configuration.md, "Tasks"), or the word that stands for the default tasks.
// Errors: gathered by the file that the node is of.
// Threads: set-up only.
#pragma once

#include <vector>

#include "config/config_file.h"
#include "task/task_config.h"

namespace netspectra {

void read_tasks(const ConfigNode& node, std::vector<TaskConfig>& tasks);

}  // namespace netspectra
