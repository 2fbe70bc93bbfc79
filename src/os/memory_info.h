// How much memory the machine has and how much of it this process may still take. Pure questions; any thread.
#pragma once

#include <cstdint>
#include <string>

namespace gantry::os {

struct MemoryInfo {
  uint64_t total_bytes = 0;      // of the machine, or the control group's limit if that is smaller
  uint64_t available_bytes = 0;  // without swapping: what the kernel says, or what the group's limit leaves
};

MemoryInfo memory_info();

// The parts of memory_info(), for tests: the text of /proc/meminfo, and one control group's limit and use.
MemoryInfo parse_meminfo(const std::string& text);
// `memory_max` is "max" or bytes. Pages of files in the group's use can be given back: `inactive_file` of
// memory.stat.
void apply_group_limit(MemoryInfo& info, const std::string& memory_max, const std::string& memory_current,
                       const std::string& memory_stat);

}  // namespace gantry::os
