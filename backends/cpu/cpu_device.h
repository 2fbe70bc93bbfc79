// A CPU device: arenas in main memory, a pool of threads, and streams that do their work at once in the
// caller's thread and the pool's.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "backends/cpu/cpu_sizer.h"
#include "backends/cpu/isa.h"
#include "device/device.h"
#include "device/registry.h"
#include "os/thread_pool.h"

namespace gantry::cpu {

// Bytes that arenas of one device hold, shared with arenas that may outlive it.
struct MemoryLedger {
  std::atomic<uint64_t> taken{0};
  std::atomic<uint64_t> promised{0};  // of those, in arenas whose memory comes as it is written
};

class CpuArena final : public device::Arena {
 public:
  // Maps exactly `bytes`, poisoned with 0xff (not a number, as floats) by the threads of `pool`; without one
  // they come as they are written. Error kMemory when the system refuses. Of either kind it is main memory
  // and counts as the device's. `told` hears of it by and by.
  CpuArena(std::string name, uint64_t bytes, device::MemoryKind kind, std::shared_ptr<MemoryLedger> ledger,
           os::ThreadPool* pool, const device::ArenaProgress& told);
  ~CpuArena() override;
  std::span<std::byte> host_bytes() override;
  uint8_t* data() const { return data_; }

 private:
  void fill(os::ThreadPool& pool, const device::ArenaProgress& told);

  std::shared_ptr<MemoryLedger> ledger_;
  const bool on_demand_;
  uint8_t* data_ = nullptr;
};

// Where a buffer's bytes are. The buffer must be of a CPU arena.
inline uint8_t* data_of(const device::Buffer& buffer) {
  return static_cast<CpuArena*>(buffer.arena)->data() + buffer.offset;
}

// What a device with these options is, `id` given. Error kUnsupported for an instruction set that is not
// there.
device::DeviceFacts cpu_facts(const std::string& id, const device::OpenDeviceOptions& options);

class CpuDevice final : public device::Device {
 public:
  CpuDevice(const std::string& id, const device::OpenDeviceOptions& options);
  const device::DeviceFacts& facts() const override { return facts_; }
  const device::Sizer& sizer() const override { return sizer_; }
  using Device::new_arena;
  std::unique_ptr<device::Arena> new_arena(const std::string& name, uint64_t bytes,
                                           device::MemoryKind kind) override {
    return take_arena(name, bytes, kind, [](uint64_t) {});
  }
  std::unique_ptr<device::Arena> take_arena(const std::string& name, uint64_t bytes, device::MemoryKind kind,
                                            const device::ArenaProgress& told) override;
  std::unique_ptr<device::Stream> new_stream() override;
  std::unique_ptr<device::Event> new_event() override;

  os::ThreadPool& pool() { return pool_; }
  const KernelTable& kernels() const { return kernels_; }

 private:
  const device::DeviceFacts facts_;
  const uint64_t memory_cap_bytes_;
  const bool memory_on_demand_;
  const KernelTable& kernels_;
  os::ThreadPool pool_;
  const CpuSizer sizer_;
  std::shared_ptr<MemoryLedger> ledger_ = std::make_shared<MemoryLedger>();
};

}  // namespace gantry::cpu
