#include "fleet/device_pool.h"

#include <algorithm>
#include <map>
#include <mutex>
#include <utility>

#include <fmt/format.h>

#include "base/check.h"
#include "base/error.h"
#include "os/memory_info.h"

namespace gantry::fleet {
namespace {

std::string full_id(std::string_view id) {
  return std::string(id) + (id.find(':') == std::string_view::npos ? ":0" : "");
}

}  // namespace

struct DevicePool::State {
  struct Opened {
    std::shared_ptr<device::Device> device;
    device::OpenDeviceOptions options;
  };

  State(const device::Registry& wanted, std::vector<plan::Item> kept)
      : registry(wanted), beside(std::move(kept)) {
    for (const plan::Item& item : beside) beside_bytes += item.bytes;
  }
  Opened opened(const std::string& id) const {
    const std::lock_guard lock(mutex);
    const auto found = devices.find(id);
    GANTRY_CHECK(found != devices.end());
    return found->second;
  }

  const device::Registry& registry;
  const std::vector<plan::Item> beside;
  uint64_t beside_bytes = 0;
  Budgets budgets;
  mutable std::mutex mutex;
  std::map<std::string, Opened> devices;
};

DevicePool::DevicePool(const device::Registry& registry, std::vector<plan::Item> beside)
    : state_(std::make_shared<State>(registry, std::move(beside))) {}

std::shared_ptr<device::Device> DevicePool::open(std::string_view id,
                                                 const device::OpenDeviceOptions& options) const {
  const std::lock_guard lock(state_->mutex);
  if (const auto found = state_->devices.find(full_id(id)); found != state_->devices.end()) {
    if (found->second.options != options)
      throw Error(ErrorCode::kUsage, "it is open with other options", found->first,
                  "all models of one process get the same `isa`, `threads` and `memory_cap`");
    return found->second.device;
  }
  auto device = state_->registry.open(id, options);
  state_->devices[device->facts().id] = {device, options};
  return device;
}

plan::Machine DevicePool::machine(const device::Device& device, const Shares& given_back) const {
  device::DeviceFacts facts = device.facts();
  const State::Opened opened = state_->opened(facts.id);
  for (const device::DeviceEntry& now : state_->registry.list(opened.options))
    if (now.facts.id == facts.id && !now.error) facts.memory_free_bytes = now.facts.memory_free_bytes;
  const auto without_beside = [&](uint64_t bytes) { return bytes - std::min(bytes, state_->beside_bytes); };
  if (facts.kind == device::DeviceKind::kCpu)
    facts.memory_free_bytes = without_beside(facts.memory_free_bytes);
  // The device's own bytes are there once, for all models: they are in no loan and never lent, but a plan
  // counts them.
  const uint64_t own = std::min(device.sizer().overhead_bytes(), facts.memory_free_bytes);
  const uint64_t cap = opened.options.memory_cap_bytes;
  const uint64_t lendable = cap == 0 ? 0 : std::max<uint64_t>(cap - std::min(cap, own), 1);  // 0: no limit
  facts.memory_free_bytes = state_->budgets.measure(facts.id, facts.memory_free_bytes - own, lendable) + own +
                            bytes_in(given_back, facts.id);
  // A cap that is less than what is free is set aside for the models; what is free without one is
  // everybody's.
  const bool reserved = cap != 0 && state_->budgets.total(facts.id) == lendable;
  const os::MemoryInfo host = os::memory_info();
  const uint64_t host_left =
      state_->budgets.measure(plan::kMainMemory, without_beside(host.available_bytes), 0) +
      bytes_in(given_back, plan::kMainMemory);
  plan::Machine machine = plan::machine_of({facts, {facts.memory_free_bytes, reserved}, &device.sizer()},
                                           {host.total_bytes, {host_left}});
  machine.beside = state_->beside;
  return machine;
}

Loan DevicePool::lend(const std::string& holder, const plan::MemoryPlan& plan) const {
  Shares shares;
  for (const plan::DevicePlan& device : plan.devices)
    shares.push_back({device.facts.id, device.bytes() - device.overhead_bytes});
  if (plan.host_budget) shares.push_back({plan::kMainMemory, plan.host.bytes});
  return state_->budgets.lend(holder, std::move(shares));
}

std::string DevicePool::holders(const device::Device& device) const {
  return state_->budgets.holders(device.facts().id);
}

}  // namespace gantry::fleet
