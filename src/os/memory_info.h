// How much memory the machine has and how much of it this process may still take. Pure questions; any thread.
#pragma once

#include <cstdint>
#include <string>

namespace gantry::os {

struct MemoryInfo {
  uint64_t total_bytes = 0;      // of the machine, or a limit of this process if that is smaller
  uint64_t available_bytes = 0;  // without swapping: what the kernel says, or what a limit leaves
  // The limit that decides this, by its name and value: "`ulimit -v` of 2.0 GiB"; empty: the machine itself.
  std::string limit = {};
};

MemoryInfo memory_info();

// The parts of memory_info(), for tests: the text of /proc/meminfo, and one control group's limit and use.
MemoryInfo parse_meminfo(const std::string& text);
// `memory_max` is "max" or bytes. Pages of files in the group's use can be given back: `inactive_file` of
// memory.stat.
// `name`: of the limit.
void apply_group_limit(MemoryInfo& info, const std::string& memory_max, const std::string& memory_current,
                       const std::string& memory_stat, const std::string& name);
// Of the process's addresses, of which `used` are; UINT64_MAX: none. What it starts later (threads, the
// allocator's pools) has its share set aside.
void apply_address_limit(MemoryInfo& info, uint64_t limit, uint64_t used);

}  // namespace gantry::os
