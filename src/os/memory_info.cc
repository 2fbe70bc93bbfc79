#include "os/memory_info.h"

#include <algorithm>
#include <fstream>
#include <sstream>

#include "os/control_group.h"

namespace gantry::os {
namespace {

// The number after `key` in lines of "key number ...", or `missing`.
uint64_t number_after(const std::string& text, const std::string& key, uint64_t missing) {
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) {
    std::istringstream words(line);
    std::string name;
    uint64_t value = 0;
    if (words >> name >> value && name == key) return value;
  }
  return missing;
}

}  // namespace

MemoryInfo parse_meminfo(const std::string& text) {
  constexpr uint64_t kKib = 1024;
  MemoryInfo out;
  out.total_bytes = number_after(text, "MemTotal:", 0) * kKib;
  out.available_bytes = number_after(text, "MemAvailable:", number_after(text, "MemFree:", 0)) * kKib;
  return out;
}

void apply_group_limit(MemoryInfo& info, const std::string& memory_max, const std::string& memory_current,
                       const std::string& memory_stat) {
  std::istringstream max_text(memory_max);
  uint64_t limit = 0;
  if (!(max_text >> limit)) return;  // "max", or no such file
  std::istringstream current_text(memory_current);
  uint64_t used = 0;
  current_text >> used;
  used -= std::min(used, number_after(memory_stat, "inactive_file", 0));
  info.total_bytes = std::min(info.total_bytes, limit);
  info.available_bytes = std::min(info.available_bytes, limit - std::min(limit, used));
}

MemoryInfo memory_info() {
  std::ifstream file("/proc/meminfo");
  std::ostringstream text;
  text << file.rdbuf();
  MemoryInfo out = parse_meminfo(text.str());
  const auto limits = control_group_files("memory.max");
  const auto uses = control_group_files("memory.current");
  const auto stats = control_group_files("memory.stat");
  for (size_t i = 0; i < limits.size() && i < uses.size() && i < stats.size(); ++i)
    apply_group_limit(out, limits[i], uses[i], stats[i]);
  return out;
}

}  // namespace gantry::os
