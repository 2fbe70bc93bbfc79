// A machine as the planner sees it: its devices and what may be taken of each, what links them, the host's
// memory. It is the machine at hand or one that is only described (contract P3): planning touches none of it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "device/facts.h"
#include "device/sizer.h"

namespace gantry::plan {

// What a plan may take of a memory.
struct Budget {
  uint64_t bytes = 0;
  // Set aside for this model. Otherwise it is what happens to be free, of which a plan that was given no
  // numbers leaves a share to others.
  bool reserved = false;
};

struct MachineDevice {
  device::DeviceFacts facts;
  Budget budget;
  const device::Sizer* sizer = nullptr;  // outlives the planning
};

// Between two devices of the machine, by index; kHost for the host's end.
inline constexpr uint32_t kHost = UINT32_MAX;
struct Link {
  uint32_t from = 0, to = kHost;
  uint64_t bandwidth_bytes_per_s = 0;  // 0: not known
};

// The host's memory among those of devices, as errors and loans name it.
inline constexpr const char* kMainMemory = "main memory";

struct HostMemory {
  uint64_t memory_bytes = 0;
  Budget budget;
};

// Bytes of one kind: in an arena's list in the order in which they are taken, as the taker asks for them,
// before alignment.
struct Item {
  std::string name;
  uint64_t bytes = 0;
  bool experts = false;  // of which a token needs a few only
};

struct Machine {
  std::vector<MachineDevice> devices;
  std::vector<Link> links;
  HostMemory host;  // asked only where no device is the host itself
  std::vector<Item>
      beside;  // what the process keeps in the host's memory beside all models; no budget has it
};

// One device: of a CPU the host's memory is its own.
inline Machine machine_of(const MachineDevice& device, const HostMemory& host = {}) {
  return {{device}, {}, host, {}};
}

// A device that computes in the host's memory: what the host keeps counts as its own.
inline bool is_host(const MachineDevice& device) { return device.facts.kind == device::DeviceKind::kCpu; }

}  // namespace gantry::plan
