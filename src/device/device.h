// A device as the rest of Gantry sees it: memory in arenas, work in streams, several devices from the start.
// A backend (CPU, CUDA, ...) implements these classes and passes one conformance suite (contract D1,
// tests/conformance).
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "device/buffer.h"
#include "device/event.h"
#include "device/expert_ops.h"
#include "device/facts.h"
#include "device/operations.h"
#include "device/ops.h"
#include "device/page_ops.h"
#include "device/recording.h"
#include "device/recurrent_ops.h"
#include "device/sizer.h"

namespace gantry::device {

inline constexpr uint32_t kUploadRows = 256;  // weights are uploaded in slabs of so many rows, or a multiple

// A queue of work on one device, done in order. Calls may return before the work is done: host memory that is
// written from must not change, and what is read into must not be looked at, before sync() or an event says
// that it is done. Operands lie in device memory; host lists among them (Rows) are read during the call only.
// What is not done when the stream goes may never be. One thread at a time. No call allocates (contract F4),
// but for recording.
class Stream {
 public:
  virtual ~Stream() = default;

  // Host to device and back. From and to host arenas the device works alone; other host memory may hold the
  // call up while it is copied.
  virtual void write(const Buffer& to, std::span<const std::byte> from) = 0;
  virtual void read(std::span<std::byte> to, const Buffer& from) = 0;
  virtual void copy(const Buffer& to, const Buffer& from) = 0;  // same device, not overlapping
  virtual void fill(const Buffer& to, std::byte value) = 0;
  // Rows of a weight as they stand in a GGUF file (of a part its own columns of them), from `first_row` on,
  // laid out as the device wants them. first_row is a multiple of kUploadRows, and so is their number, unless
  // they are the last.
  virtual void upload_weight(const Weight& weight, uint32_t first_row, std::span<const std::byte> rows) = 0;

#define GANTRY_DECLARE(number, call, Args, words) virtual void call(const Args& args) = 0;
  GANTRY_DEVICE_OPERATIONS(GANTRY_DECLARE)
#undef GANTRY_DECLARE

  // Marks the end of the work so far; later work waits until an event's is done. The host goes on at once.
  virtual void record(Event& event) = 0;
  virtual void wait(Event& event) = 0;

  // Only of devices that can_record(); others throw Error kUnsupported.
  virtual void begin_recording();
  virtual std::unique_ptr<Recording> end_recording();
  virtual void replay(Recording& recording);

  // Waits until all of it is done. Throws Error kDevice when the device failed, now and ever after (contract
  // D2).
  virtual void sync() = 0;
};

// The ranks of a split talking to each other. Each rank calls the same operations in the same order with its
// own stream's buffers. They are work of that stream like any other: after what was called before, before
// what is called next, and the host does not wait. (A stream that does its work at once, the CPU's, waits for
// the other ranks inside the call: they need a thread each.)
class Communicator {
 public:
  virtual ~Communicator() = default;
  virtual uint32_t rank() const = 0;
  virtual uint32_t ranks() const = 0;
  // x = sum over ranks of x, added in rank order on every rank: one and the same result everywhere.
  virtual void all_reduce_sum(Stream& stream, const Mat& x) = 0;
  // out = the ranks' parts side by side in rank order: part [rows, cols_r], out [rows, sum of cols_r]. A part
  // may be what it becomes: the rank's own columns of out.
  virtual void all_gather_cols(Stream& stream, const Mat& part, const Mat& out) = 0;
  virtual void send(Stream& stream, const Mat& x, uint32_t to_rank) = 0;
  virtual void receive(Stream& stream, const Mat& x, uint32_t from_rank) = 0;
  // Ends all waiting of all ranks, a rank that died must not hang the others: their calls or, at the latest,
  // their streams' sync() throw Error kDevice.
  virtual void abort() = 0;
};

// Told of how many bytes of an arena are there, on the caller's thread; what it throws ends the taking.
using ArenaProgress = std::function<void(uint64_t bytes)>;

class Device {
 public:
  virtual ~Device() = default;
  virtual const DeviceFacts& facts() const = 0;
  virtual const Sizer& sizer() const = 0;
  // Error kMemory with the arithmetic when the device refuses.
  virtual std::unique_ptr<Arena> new_arena(const std::string& name, uint64_t bytes, MemoryKind kind) = 0;
  std::unique_ptr<Arena> new_arena(const std::string& name, uint64_t bytes) {
    return new_arena(name, bytes, MemoryKind::kDevice);
  }
  virtual std::unique_ptr<Stream> new_stream() = 0;
  virtual std::unique_ptr<Event> new_event() = 0;
  virtual bool can_record() const { return false; }
  // new_arena() for who waits for a large one: `told` hears of it a few times a second, and of the last byte.
  virtual std::unique_ptr<Arena> take_arena(const std::string& name, uint64_t bytes, MemoryKind kind,
                                            const ArenaProgress& told) {
    auto arena = new_arena(name, bytes, kind);
    told(bytes);
    return arena;
  }
};

}  // namespace gantry::device
