#include "device/registry.h"

#include <charconv>

#include <fmt/format.h>

#include "base/error.h"

namespace gantry::device {

void Registry::add(std::unique_ptr<Backend> backend) { backends_.push_back(std::move(backend)); }

std::vector<DeviceEntry> Registry::list(const OpenDeviceOptions& options) const {
  std::vector<DeviceEntry> all;
  for (const auto& backend : backends_) {
    for (DeviceEntry& entry : backend->list(options)) all.push_back(std::move(entry));
  }
  return all;
}

std::shared_ptr<Device> Registry::open(std::string_view id, const OpenDeviceOptions& options) const {
  const size_t colon = id.find(':');
  const std::string_view name = id.substr(0, colon);
  uint32_t index = 0;
  bool well_formed = true;
  if (colon != std::string_view::npos) {
    const std::string_view digits = id.substr(colon + 1);
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), index);
    well_formed = error == std::errc() && end == digits.data() + digits.size();
  }
  if (well_formed) {
    for (const auto& backend : backends_) {
      if (backend->name() != name) continue;
      const std::vector<DeviceEntry> entries = backend->list(options);
      if (index >= entries.size()) continue;
      if (entries[index].error) throw Error(*entries[index].error);
      return backend->open(index, options);
    }
  }
  std::string known;
  for (const DeviceEntry& entry : list(options)) known += (known.empty() ? "" : ", ") + entry.facts.id;
  throw Error(ErrorCode::kUsage, fmt::format("no such device: '{}'", id), "device", "there are: " + known);
}

}  // namespace gantry::device
