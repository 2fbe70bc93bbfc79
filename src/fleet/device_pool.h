// The devices of this machine, each opened at most once however many models work on it, and their memory,
// lent to models under budgets. Planner, loader and probe come here and open nothing themselves. A
// copy is another handle of the same pool; the registry outlives them all. Thread-safe.
//
// Each device is an account. That is right as long as no two of them are the same memory: the CPU's backend
// has one device however many sockets there are, and main memory is counted beside a device's only where that
// device does not compute in it. A process that has such a device and one that does needs one account for
// both.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "device/registry.h"
#include "fleet/budgets.h"
#include "plan/machine.h"
#include "plan/memory_plan.h"

namespace gantry::fleet {

class DevicePool {
 public:
  // `beside`: what the process keeps in the host's memory beside all models. Not explicit: where a model is
  // looked at alone, a registry will do.
  DevicePool(const device::Registry& registry, std::vector<plan::Item> beside = {});

  // "cpu:0", or "cpu" for index 0. Stays open as long as the pool. Error kUsage for a device that is not
  // there, and for one that is open with other options: what is lent twice cannot be two things.
  std::shared_ptr<device::Device> open(std::string_view id, const device::OpenDeviceOptions& options) const;

  // An open device and the host as a plan may count on them just now, `given_back` taken for free.
  plan::Machine machine(const device::Device& device, const Shares& given_back = {}) const;

  // What a plan takes, for `holder`. Before anything is loaded. Error kMemory as Budgets::lend().
  Loan lend(const std::string& holder, const plan::MemoryPlan& plan) const;
  // The arithmetic of a refusal says what is free; this says who has the rest: "a 1.50 GiB".
  std::string holders(const device::Device& device) const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace gantry::fleet
