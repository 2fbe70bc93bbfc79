// A device as the rest of Gantry sees it: memory in arenas, work in streams, several devices from the start.
// A backend (CPU, CUDA, ...) implements these classes and passes one conformance suite (contract D1,
// tests/conformance).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "device/buffer.h"
#include "device/expert_ops.h"
#include "device/facts.h"
#include "device/operations.h"
#include "device/ops.h"
#include "device/recurrent_ops.h"
#include "device/sizer.h"

namespace gantry::device {

// A queue of work on one device, done in order. Calls may return before the work is done; operands must not
// be reused by the host, and results not read, before sync(). One thread at a time. No call allocates
// (contract F4).
class Stream {
 public:
  virtual ~Stream() = default;

  // Host to device and back. The host bytes must live until sync().
  virtual void write(const Buffer& to, std::span<const std::byte> from) = 0;
  virtual void read(std::span<std::byte> to, const Buffer& from) = 0;
  virtual void copy(const Buffer& to, const Buffer& from) = 0;  // same device, not overlapping
  virtual void fill(const Buffer& to, std::byte value) = 0;
  // Rows of a weight as they stand in a GGUF file, laid out as the device wants them. `rows`:
  // weight.shape.rows whole rows.
  virtual void upload_weight(const Weight& weight, std::span<const std::byte> rows) = 0;

#define GANTRY_DECLARE(number, call, Args, words) virtual void call(const Args& args) = 0;
  GANTRY_DEVICE_OPERATIONS(GANTRY_DECLARE)
#undef GANTRY_DECLARE

  // Waits until all of it is done. Throws Error kDevice when the device failed, now and ever after (contract
  // D2).
  virtual void sync() = 0;
};

// The ranks of a tensor split talking to each other. Each rank calls the same operations in the same order
// from its own thread, with its own stream's buffers; an operation is ordered after that stream's earlier
// work.
class Communicator {
 public:
  virtual ~Communicator() = default;
  virtual uint32_t rank() const = 0;
  virtual uint32_t ranks() const = 0;
  // x = sum over ranks of x, added in rank order on every rank: one and the same result everywhere.
  virtual void all_reduce_sum(Stream& stream, const Mat& x) = 0;
  // out = the ranks' parts side by side in rank order: part [rows, cols_r], out [rows, sum of cols_r].
  virtual void all_gather_cols(Stream& stream, const Mat& part, const Mat& out) = 0;
  virtual void send(Stream& stream, const Mat& x, uint32_t to_rank) = 0;
  virtual void receive(Stream& stream, const Mat& x, uint32_t from_rank) = 0;
  // Ends all waiting of all ranks with Error kDevice: a rank that died must not hang the others.
  virtual void abort() = 0;
};

class Device {
 public:
  virtual ~Device() = default;
  virtual const DeviceFacts& facts() const = 0;
  virtual const Sizer& sizer() const = 0;
  // Error kMemory with the arithmetic when the device refuses.
  virtual std::unique_ptr<Arena> new_arena(const std::string& name, uint64_t bytes) = 0;
  virtual std::unique_ptr<Stream> new_stream() = 0;
};

}  // namespace gantry::device
