// The files of the control groups that this process stands in.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace gantry::os {

// Both may be there at once: a controller belongs to one of them. Of version 1: the memory controller's.
enum class GroupVersion : uint8_t { kTwo, kOne };

// The contents of file `name` ("cpu.max") of the process's own group and every group above it, innermost
// first. Missing files count as empty texts, so that the lists of several names run in step.
std::vector<std::string> control_group_files(const std::string& name,
                                             GroupVersion version = GroupVersion::kTwo);

}  // namespace gantry::os
