// What is known of a device without touching it: from the machine, or from a file that describes one
// (contract P3).
#pragma once

#include <cstdint>
#include <string>

namespace gantry::device {

enum class DeviceKind : uint8_t { kCpu, kGpu };

struct DeviceFacts {
  std::string id;    // "cpu:0", "cuda:1": how users name it
  std::string name;  // "AMD EPYC, 2 cores, avx512"
  DeviceKind kind = DeviceKind::kCpu;
  std::string isa;                     // CPU only: "scalar", "avx2", "avx512"
  uint32_t compute_units = 1;          // threads that work at once
  uint64_t memory_bytes = 0;           // all of it
  uint64_t memory_free_bytes = 0;      // what a plan may take
  uint64_t bandwidth_bytes_per_s = 0;  // 0: not known
};

}  // namespace gantry::device
