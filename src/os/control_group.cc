#include "os/control_group.h"

#include <fstream>
#include <sstream>

namespace gantry::os {
namespace {

std::string file_text(const std::string& path) {
  std::ifstream in(path);
  std::ostringstream out;
  if (in) out << in.rdbuf();
  return out.str();
}

}  // namespace

std::vector<std::string> control_group_files(const std::string& name, GroupVersion version) {
  const bool two = version == GroupVersion::kTwo;
  const std::string root = two ? "/sys/fs/cgroup" : "/sys/fs/cgroup/memory";
  std::ifstream groups("/proc/self/cgroup");
  std::string path;
  for (std::string line; std::getline(groups, line);) {
    const size_t at = line.find(two ? "0::/" : ":memory:/");
    if (at == 0 || (!two && at != std::string::npos)) path = line.substr(line.find('/', at));
  }
  std::vector<std::string> out;
  while (true) {
    const std::string folder = root + (path == "/" ? std::string() : path);
    out.push_back(file_text(folder + "/" + name));
    const size_t slash = path.rfind('/');
    if (path.size() <= 1 || slash == std::string::npos) break;
    path.resize(slash);
  }
  return out;
}

}  // namespace gantry::os
