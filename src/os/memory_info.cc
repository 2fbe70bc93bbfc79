#include "os/memory_info.h"

#include <algorithm>
#include <fstream>
#include <sstream>

#include <sys/resource.h>
#include <unistd.h>

#include "base/bytes.h"
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

// What is mapped but not used: stacks of threads, pools of the allocator.
constexpr uint64_t kAddressesBeside = uint64_t{512} << 20;

void apply(MemoryInfo& info, uint64_t limit, uint64_t used, const std::string& name) {
  info.total_bytes = std::min(info.total_bytes, limit);
  const uint64_t left = limit - std::min(limit, used);
  if (left >= info.available_bytes) return;
  info.available_bytes = left;
  info.limit = name + " of " + human_bytes(limit);
}

void apply_groups(MemoryInfo& info, GroupVersion version, const char* limit, const char* use) {
  const auto limits = control_group_files(limit, version), uses = control_group_files(use, version),
             stats = control_group_files("memory.stat", version);
  for (size_t i = 0; i < limits.size() && i < uses.size() && i < stats.size(); ++i)
    apply_group_limit(info, limits[i], uses[i], stats[i], std::string("the control group's ") + limit);
}

// Of the first number of /proc/self/statm: pages.
uint64_t addresses_used() {
  std::ifstream file("/proc/self/statm");
  uint64_t pages = 0;
  file >> pages;
  return pages * static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
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
                       const std::string& memory_stat, const std::string& name) {
  std::istringstream max_text(memory_max);
  uint64_t limit = 0;
  if (!(max_text >> limit)) return;  // "max", or no such file
  std::istringstream current_text(memory_current);
  uint64_t used = 0;
  current_text >> used;
  // Version 1 counts the groups below under a name of its own.
  const uint64_t own = number_after(memory_stat, "inactive_file", 0);
  used -= std::min(used, number_after(memory_stat, "total_inactive_file", own));
  apply(info, limit, used, name);
}

void apply_address_limit(MemoryInfo& info, uint64_t limit, uint64_t used) {
  if (limit == UINT64_MAX) return;
  apply(info, limit, std::min(limit, used) + std::min(kAddressesBeside, limit - std::min(limit, used)),
        "`ulimit -v`");
}

MemoryInfo memory_info() {
  std::ifstream file("/proc/meminfo");
  std::ostringstream text;
  text << file.rdbuf();
  MemoryInfo out = parse_meminfo(text.str());
  apply_groups(out, GroupVersion::kTwo, "memory.max", "memory.current");
  apply_groups(out, GroupVersion::kOne, "memory.limit_in_bytes", "memory.usage_in_bytes");
  rlimit addresses{};
  if (::getrlimit(RLIMIT_AS, &addresses) == 0 && addresses.rlim_cur != RLIM_INFINITY)
    apply_address_limit(out, addresses.rlim_cur, addresses_used());
  return out;
}

}  // namespace gantry::os
