// How the device is told of a step: the batch, checked, laid out in one block and written at once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "device/device.h"
#include "model/loaded_model.h"
#include "model/runner.h"
#include "plan/staging.h"

namespace gantry::model {

// How a step is sized: as it is, or rounded up to one of few sizes, so that a recorded step serves many.
enum class Sizing : uint8_t { kExact, kRounded };

// The rows of a step, and as those see them whose layers have windows: with page tables of their own. The
// buffers are parts of the block.
struct StepRows {
  device::Rows all;
  std::vector<device::Rows> windows;
  device::Buffer tokens;  // int32 [rows]: 0 where a row has none
  device::Buffer turns;   // int32 [rows]: the positions that the model takes them for
  device::Buffer given;   // int32 [with_logits + hidden]: picks, rows of logits, then of hidden states
  uint32_t with_logits = 0, hidden = 0;
  bool causal = true;
};

// The engine's promises; what comes from outside was checked at admission.
void check_batch(const Batch& batch, const RunnerLimits& limits);

// The device hears only of sequences that have rows, in the order of these, and of as many pages of each as
// the longest reaches. What it has heard of already is not written again. Everything is allocated at
// construction. One thread at a time.
class Staging {
 public:
  // Limits and model outlive it.
  Staging(const RunnerLimits& limits, const LoadedModel& model);
  // At most one write. What it returns holds until the next step; until this one is done the host's block
  // stays as it is. Rounded sizes are for steps with one row of each sequence and without hidden states: rows
  // beyond are padding, runs beyond have no rows, and what they give is that of row 0.
  const StepRows& send(device::Stream& stream, const Batch& batch, Sizing sizing = Sizing::kExact);
  // Of the step that was sent: of two steps that were rounded to equal sizes one can be recorded for both.
  const plan::StepSizes& sizes() const { return sizes_; }
  // The batch's own number of each sequence that has rows.
  std::span<const uint32_t> slots() const { return slots_; }

 private:
  plan::StepSizes sizes_of(const Batch& batch) const;
  void lay_out(const plan::StepSizes& sizes);
  void put_rows(const Batch& batch);
  void put_sequences(const Batch& batch);
  void put_given(const Batch& batch);
  const StepRows& view(const Batch& batch, Sizing sizing);
  // Values of a part from number `index` on.
  template <typename T>
  void put(plan::Staged what, size_t index, std::span<const T> values);
  template <typename T>
  void put(plan::Staged what, size_t index, const T& value) {
    put(what, index, std::span<const T>(&value, 1));
  }
  device::Buffer part(plan::Staged what) const;

  const RunnerLimits& limits_;
  const device::Buffer device_;                 // the block there
  const std::span<std::byte> host_;             // and here, as it was last written
  plan::StepSizes sizes_;                       // of what lies there
  plan::StagingLayout layout_;                  // by these
  bool fresh_ = false;                          // nothing of it holds any more
  uint64_t changed_from_ = 0, changed_to_ = 0;  // bytes that differ from what the device has
  std::vector<device::Run> runs_;
  std::vector<uint32_t> slots_;  // by run
  StepRows rows_;
};

}  // namespace gantry::model
