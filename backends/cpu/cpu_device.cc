#include "backends/cpu/cpu_device.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>
#include <utility>

#include <fmt/format.h>
#include <sys/mman.h>

#include "backends/cpu/cpu_stream.h"
#include "base/bytes.h"
#include "base/error.h"
#include "os/cpu_info.h"
#include "os/memory_info.h"

namespace gantry::cpu {
namespace {

constexpr int kPoison = 0xff;

uint32_t thread_count(const device::OpenDeviceOptions& options) {
  if (options.threads != 0) return std::min(options.threads, os::ThreadPool::kThreadsMax);
  return os::cpu_info().cores_usable;
}

// With the limit that the memory ends at.
Error refused(std::string words, std::string where) {
  const std::string limit = os::memory_info().limit;
  if (!limit.empty()) words += "; memory is bounded by " + limit;
  return {ErrorCode::kMemory, std::move(words), std::move(where),
          std::string(limit.empty() ? "free memory" : "raise that limit") +
              ", or plan for less with `memory_cap` or `context`"};
}

}  // namespace

CpuArena::CpuArena(std::string name, uint64_t bytes, device::MemoryKind kind,
                   std::shared_ptr<MemoryLedger> ledger, os::ThreadPool* pool,
                   const device::ArenaProgress& told)
    : Arena(std::move(name), bytes, CpuSizer::kAlignment, kind),
      ledger_(std::move(ledger)),
      on_demand_(pool == nullptr) {
  if (bytes == 0) return;
  void* at = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (at == MAP_FAILED)
    throw refused(fmt::format("the system refused {}: {}", human_bytes(bytes), std::strerror(errno)),
                  "arena " + this->name());
  madvise(at, bytes, MADV_HUGEPAGE);  // fewer misses in the page tables; without it all works as well
  data_ = static_cast<uint8_t*>(at);
  try {
    on_demand_ ? told(bytes) : fill(*pool, told);
  } catch (...) {
    munmap(data_, bytes);
    throw;
  }
  ledger_->taken += bytes;
  if (on_demand_) ledger_->promised += bytes;
}

// The system gives a page when it is first written to: all threads write, for that takes its time.
void CpuArena::fill(os::ThreadPool& pool, const device::ArenaProgress& told) {
  constexpr uint64_t kPart = uint64_t{8} << 20, kPartsOfAThread = 4;
  const uint64_t step = kPart * kPartsOfAThread * pool.threads();
  for (uint64_t first = 0; first < bytes(); first += step) {
    const uint64_t count = std::min(step, bytes() - first);
    pool.parallel_for(static_cast<uint32_t>((count + kPart - 1) / kPart), [&](uint32_t i, uint32_t) {
      std::memset(data_ + first + i * kPart, kPoison, std::min(kPart, count - i * kPart));
    });
    told(first + count);
  }
}

CpuArena::~CpuArena() {
  if (data_ == nullptr) return;
  munmap(data_, bytes());
  ledger_->taken -= bytes();
  if (on_demand_) ledger_->promised -= bytes();
}

std::span<std::byte> CpuArena::host_bytes() {
  if (kind() != device::MemoryKind::kHost) return {};
  return {reinterpret_cast<std::byte*>(data_), bytes()};
}

device::DeviceFacts cpu_facts(const std::string& id, const device::OpenDeviceOptions& options) {
  const Isa isa = choose_isa(options.isa);
  const os::CpuInfo cpu = os::cpu_info();
  const os::MemoryInfo memory = os::memory_info();
  device::DeviceFacts facts;
  facts.id = id;
  facts.kind = device::DeviceKind::kCpu;
  facts.isa = isa.name;
  facts.compute_units = thread_count(options);
  facts.name = fmt::format("{}, {} {}, {}", cpu.model, facts.compute_units,
                           facts.compute_units == 1 ? "thread" : "threads", isa.name);
  if (isa.left_out != nullptr) facts.name += fmt::format(" (this build leaves out {})", isa.left_out);
  const uint64_t cap =
      options.memory_cap_bytes != 0 ? options.memory_cap_bytes : std::numeric_limits<uint64_t>::max();
  facts.memory_bytes = std::min(memory.total_bytes, cap);
  facts.memory_free_bytes = std::min(memory.available_bytes, cap);
  return facts;
}

CpuDevice::CpuDevice(const std::string& id, const device::OpenDeviceOptions& options)
    : facts_(cpu_facts(id, options)),
      memory_cap_bytes_(options.memory_cap_bytes),
      memory_on_demand_(options.memory_on_demand),
      kernels_(*choose_isa(options.isa).kernels),
      pool_(facts_.compute_units),
      sizer_(facts_.compute_units) {}

std::unique_ptr<device::Arena> CpuDevice::take_arena(const std::string& name, uint64_t bytes,
                                                     device::MemoryKind kind,
                                                     const device::ArenaProgress& told) {
  if (memory_cap_bytes_ != 0) {
    const uint64_t held = ledger_->taken.load() + sizer_.overhead_bytes();
    if (held > memory_cap_bytes_ || bytes > memory_cap_bytes_ - held)
      throw Error(
          ErrorCode::kMemory,
          fmt::format("{} bytes asked, {} of the cap of {} bytes are held already, {} are left", bytes, held,
                      memory_cap_bytes_, memory_cap_bytes_ - std::min(held, memory_cap_bytes_)),
          facts_.id + ", arena " + name, "raise the device's memory cap or plan for less");
  }
  // What is promised is not taken yet: the system takes it for available.
  const uint64_t promised = ledger_->promised.load(), free = os::memory_info().available_bytes;
  const uint64_t available = free - std::min(free, promised);
  if (bytes > available)
    throw refused(
        fmt::format("{} bytes asked, {} are available ({} less)", bytes, available, bytes - available),
        facts_.id + ", arena " + name);
  return std::make_unique<CpuArena>(name, bytes, kind, ledger_, memory_on_demand_ ? nullptr : &pool_, told);
}

std::unique_ptr<device::Stream> CpuDevice::new_stream() { return std::make_unique<CpuStream>(*this); }
std::unique_ptr<device::Event> CpuDevice::new_event() { return std::make_unique<CpuEvent>(); }

}  // namespace gantry::cpu
