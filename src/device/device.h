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

  virtual void embed(const EmbedArgs& args) = 0;
  virtual void norm(const NormArgs& args) = 0;
  virtual void linear(const LinearArgs& args) = 0;
  virtual void rope_table(const RopeTableArgs& args) = 0;
  virtual void rope(const RopeArgs& args) = 0;
  virtual void kv_write(const KvWriteArgs& args) = 0;
  virtual void attention(const AttentionArgs& args) = 0;
  virtual void glu(const GluArgs& args) = 0;
  virtual void activate(const ActivateArgs& args) = 0;
  virtual void add(const AddArgs& args) = 0;
  virtual void scale(const ScaleArgs& args) = 0;
  virtual void temper(const TemperArgs& args) = 0;
  virtual void gather_rows(const GatherRowsArgs& args) = 0;
  virtual void short_conv(const ShortConvArgs& args) = 0;
  virtual void selective_scan(const SelectiveScanArgs& args) = 0;
  virtual void gated_delta(const GatedDeltaArgs& args) = 0;
  virtual void l2_norm(const L2NormArgs& args) = 0;
  virtual void gate(const GateArgs& args) = 0;
  virtual void copy_mat(const CopyMatArgs& args) = 0;

  virtual void route(const RouteArgs& args) = 0;
  virtual void expert_linear(const ExpertLinearArgs& args) = 0;
  virtual void combine(const CombineArgs& args) = 0;
  virtual void head_linear(const HeadLinearArgs& args) = 0;

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
