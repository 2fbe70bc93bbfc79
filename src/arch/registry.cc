#include <array>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "arch/blueprint.h"
#include "arch/families.h"
#include "base/error.h"
#include "base/log.h"

namespace gantry::arch {
namespace {

struct Family {
  std::string_view arch;  // general.architecture
  Blueprint (*read)(Header&);
};

constexpr std::array kFamilies = {
    Family{"llama", read_llama},
    Family{"qwen2", read_qwen2},
    Family{"qwen3", read_qwen3},
};

}  // namespace

std::vector<std::string_view> known_archs() {
  std::vector<std::string_view> names;
  for (const Family& family : kFamilies) names.push_back(family.arch);
  return names;
}

Blueprint read_blueprint(const gguf::GgufFile& file) {
  Header header(file);
  for (const Family& family : kFamilies) {
    if (family.arch != header.arch()) continue;
    Blueprint blueprint = family.read(header);
    if (blueprint.name.empty()) blueprint.name = file.path();
    blueprint.unused_tensors = header.unused();
    return blueprint;
  }
  throw Error(ErrorCode::kUnsupported, fmt::format("the architecture '{}' is not supported", header.arch()),
              file.path() + ": general.architecture",
              fmt::format("supported: {}", fmt::join(known_archs(), ", ")));
}

}  // namespace gantry::arch
