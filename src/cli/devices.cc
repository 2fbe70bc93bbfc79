// `gantry devices`: what there is, and what there is not and why.
#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "cli/terminal.h"
#include "os/cpu_info.h"
#include "text/json.h"

namespace gantry::cli {
namespace {

// Those that people look for.
constexpr std::array<std::string_view, 4> kOtherBackends = {"cuda", "hip", "metal", "vulkan"};

struct Missing {
  std::string what, why;
};

std::vector<Missing> missing(const device::Registry& registry) {
  std::vector<Missing> out;
  for (const std::string_view name : kOtherBackends)
    if (std::ranges::none_of(registry.backends(), [&](const auto& one) { return one->name() == name; }))
      out.push_back({std::string(name), "not in this build"});
  const os::CpuFeatures features = os::cpu_info().features;
  for (const auto& [name, there] : {std::pair{"avx2", features.avx2}, std::pair{"avx512", features.avx512},
                                    std::pair{"avx512_vnni", features.avx512_vnni}})
    if (!there) out.push_back({name, "instructions that this processor or its system does not have"});
  return out;
}

Json json_of(const device::DeviceEntry& entry) {
  const device::DeviceFacts& facts = entry.facts;
  Json out = {{"id", facts.id},
              {"name", facts.name},
              {"kind", facts.kind == device::DeviceKind::kCpu ? "cpu" : "gpu"},
              {"isa", facts.isa},
              {"threads", facts.compute_units},
              {"memory_bytes", facts.memory_bytes},
              {"memory_free_bytes", facts.memory_free_bytes},
              {"error", nullptr}};
  if (entry.error) out["error"] = entry.error->what();
  return out;
}

void say_json(const device::Registry& registry) {
  Json out = {
      {"devices", Json::array()}, {"missing", Json::array()}, {"cores_online", os::cpu_info().cores_online}};
  for (const device::DeviceEntry& entry : registry.list()) out["devices"].push_back(json_of(entry));
  for (const Missing& one : missing(registry))
    out["missing"].push_back({{"what", one.what}, {"why", one.why}});
  say("{}\n", out.dump(2));
}

}  // namespace

int devices(const DevicesCommand& command, const device::Registry& registry) {
  if (command.json) {
    say_json(registry);
    return 0;
  }
  for (const device::DeviceEntry& entry : registry.list()) {
    const device::DeviceFacts& facts = entry.facts;
    if (entry.error)
      say("{:12} cannot be used: {}\n", facts.id, harmless(entry.error->what()));
    else
      say("{:12} {}; {} of {} of memory are free\n", facts.id, harmless(facts.name),
          human_bytes(facts.memory_free_bytes), human_bytes(facts.memory_bytes));
  }
  for (const Missing& one : missing(registry)) say("{:12} {}\n", one.what, one.why);
  return 0;
}

}  // namespace gantry::cli
