#include "backends/cpu/cpu_backend.h"

#include <fmt/format.h>

#include "backends/cpu/cpu_communicator.h"
#include "backends/cpu/cpu_device.h"
#include "base/error.h"

namespace gantry::cpu {
namespace {

constexpr const char* kName = "cpu";

class CpuBackend final : public device::Backend {
 public:
  std::string_view name() const override { return kName; }

  std::vector<device::DeviceEntry> list(const device::OpenDeviceOptions& options) const override {
    device::DeviceEntry entry;
    entry.facts.id = id_of(0);
    try {
      entry.facts = cpu_facts(id_of(0), options);
    } catch (const Error& error) {
      entry.error = error;
    }
    return {entry};
  }

  std::shared_ptr<device::Device> open(uint32_t index,
                                       const device::OpenDeviceOptions& options) const override {
    if (index != 0) throw Error(ErrorCode::kNotFound, "no such device", id_of(index), "there is cpu:0");
    return std::make_shared<CpuDevice>(id_of(index), options);
  }

  std::vector<std::unique_ptr<device::Communicator>> connect(
      const std::vector<std::shared_ptr<device::Device>>& devices) const override {
    return connect_ranks(static_cast<uint32_t>(devices.size()));
  }

 private:
  static std::string id_of(uint32_t index) { return fmt::format("{}:{}", kName, index); }
};

}  // namespace

std::unique_ptr<device::Backend> make_cpu_backend() { return std::make_unique<CpuBackend>(); }

}  // namespace gantry::cpu
