// The backends this process knows, and the devices they offer. Filled at start by the program (no static
// initialisers), then read-only.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "device/device.h"

namespace gantry::device {

// How a device is opened. The CPU takes all of it; a GPU ignores what does not concern it.
struct OpenDeviceOptions {
  std::string isa;                // CPU: "scalar", "avx2", "avx512"; empty: the best this CPU has
  uint32_t threads = 0;           // CPU: 0 means one per core it may use
  uint64_t memory_cap_bytes = 0;  // 0: no cap (contract D3)
  // CPU: the system gives an arena's memory as it is written, not when it is taken. Quick to begin with; but
  // what another program has taken meanwhile is missed late.
  bool memory_on_demand = false;
  bool operator==(const OpenDeviceOptions&) const = default;
};

// A device that is there: what it is, or why it cannot be used.
struct DeviceEntry {
  DeviceFacts facts;           // of one that cannot be used: its id, and what else is known
  std::optional<Error> error;  // kDevice with the operating system's words, kUnsupported, ...
};

class Backend {
 public:
  virtual ~Backend() = default;
  virtual std::string_view name() const = 0;  // "cpu"
  // An entry for each, in the order of their numbers: one that is broken never hides the others.
  virtual std::vector<DeviceEntry> list(const OpenDeviceOptions& options) const = 0;
  // Throws what the device's entry says when it cannot be used.
  virtual std::shared_ptr<Device> open(uint32_t index, const OpenDeviceOptions& options) const = 0;
  // `ranks` communicators over devices of this backend, rank i for streams of devices[i].
  virtual std::vector<std::unique_ptr<Communicator>> connect(
      const std::vector<std::shared_ptr<Device>>& devices) const = 0;
};

class Registry {
 public:
  void add(std::unique_ptr<Backend> backend);
  const std::vector<std::unique_ptr<Backend>>& backends() const { return backends_; }
  std::vector<DeviceEntry> list(const OpenDeviceOptions& options = {}) const;
  // "cpu:0", "cuda:1", or "cpu" for index 0. Error kUsage lists what there is; of a device that is there and
  // cannot be used, the error says why.
  std::shared_ptr<Device> open(std::string_view id, const OpenDeviceOptions& options = {}) const;

 private:
  std::vector<std::unique_ptr<Backend>> backends_;
};

}  // namespace gantry::device
