// Memory in arenas of exactly the planned size, and ranges of them. What lies in a device's buffer is reached
// only by a stream's operations, so that a GPU can stand behind the same calls; a host arena's bytes are the
// host's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>

#include "base/check.h"

namespace gantry::device {

// Where an arena lies. Host memory is pinned: a device reads and writes it while the host does other things.
enum class MemoryKind : uint8_t { kDevice, kHost };

// One allocation on one device. The device's backend derives from it and knows where the bytes are.
// Taken from front to back, then sealed: taking from a sealed arena is a checked bug (contract M2).
// Its memory is freshly poisoned (no zeros to rely on), or comes when it is written
// (OpenDeviceOptions::memory_on_demand). Not thread-safe while taking; immutable once sealed.
class Arena {
 public:
  Arena(std::string name, uint64_t bytes, uint64_t alignment, MemoryKind kind = MemoryKind::kDevice)
      : name_(std::move(name)), bytes_(bytes), alignment_(alignment), kind_(kind) {}
  virtual ~Arena() = default;
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  // All bytes of a host arena; empty for device memory.
  virtual std::span<std::byte> host_bytes() { return {}; }

  // The offset of `bytes` fresh bytes, aligned. The plan made room for it: running over is our bug.
  uint64_t take(uint64_t bytes) {
    GANTRY_CHECK(!sealed_);
    const uint64_t offset = taken_;
    const uint64_t padded = (bytes + alignment_ - 1) / alignment_ * alignment_;
    GANTRY_CHECK_LE(padded, bytes_ - taken_);
    taken_ += padded;
    return offset;
  }
  // Ends the taking; everything planned must have been taken.
  void seal() {
    GANTRY_CHECK_EQ(taken_, bytes_);
    sealed_ = true;
  }

  const std::string& name() const { return name_; }
  uint64_t bytes() const { return bytes_; }
  uint64_t taken() const { return taken_; }
  uint64_t alignment() const { return alignment_; }
  MemoryKind kind() const { return kind_; }
  bool sealed() const { return sealed_; }

 private:
  std::string name_;
  uint64_t bytes_;
  uint64_t alignment_;
  MemoryKind kind_;
  uint64_t taken_ = 0;
  bool sealed_ = false;
};

// A range of an arena. Copyable, does not own.
struct Buffer {
  Arena* arena = nullptr;
  uint64_t offset = 0;
  uint64_t bytes = 0;

  explicit operator bool() const { return arena != nullptr; }
  Buffer part(uint64_t from, uint64_t count) const {
    GANTRY_CHECK_LE(from, bytes);
    GANTRY_CHECK_LE(count, bytes - from);
    return {arena, offset + from, count};
  }
};

// The bytes of a buffer in a host arena.
inline std::span<std::byte> host_bytes(const Buffer& buffer) {
  GANTRY_CHECK(buffer.arena != nullptr && buffer.arena->kind() == MemoryKind::kHost);
  return buffer.arena->host_bytes().subspan(buffer.offset, buffer.bytes);
}

inline Buffer take(Arena& arena, uint64_t bytes) { return {&arena, arena.take(bytes), bytes}; }

}  // namespace gantry::device
