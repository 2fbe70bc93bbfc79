// The files of the control groups (version 2) that this process stands in.
#pragma once

#include <string>
#include <vector>

namespace gantry::os {

// The contents of file `name` ("cpu.max") of the process's own group and every group above it, innermost
// first. Missing files count as empty texts, so that the lists of several names run in step.
std::vector<std::string> control_group_files(const std::string& name);

}  // namespace gantry::os
