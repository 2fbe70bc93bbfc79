// How the device is told of a step: the batch, checked and sent to the staging buffers.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "device/device.h"
#include "model/hands.h"
#include "model/runner.h"

namespace gantry::model {

// The rows of a step, and as those see them whose layers have windows: with page tables of their own.
struct StepRows {
  device::Rows all;
  std::vector<device::Rows> windows;
  device::Buffer turns;  // int32 [rows]: the positions that the model takes them for
  bool causal = true;
};

// The engine's promises; what comes from outside was checked at admission.
void check_batch(const Batch& batch, const RunnerLimits& limits);

// Everything is allocated at construction. One thread at a time.
class Staging {
 public:
  // The limits outlive it.
  explicit Staging(const RunnerLimits& limits);
  // Empties the states of sequences that begin, so the copies before the rows come first. The rows that give
  // something are staged in the order of picks, logits, hidden states. What it returns holds until the next
  // step.
  const StepRows& send(Hands& hands, const Batch& batch);

 private:
  template <typename T>
  device::Buffer write(Hands& hands, plan::Staged what, std::span<const T> values);

  const RunnerLimits& limits_;
  std::vector<StateId> states_;  // sequence i of a batch changes state i
  std::vector<device::Run> runs_;
  StepRows rows_;
  std::vector<TokenId> tokens_;      // [rows], where some rows have none
  std::vector<int32_t> given_rows_;  // of picks, then of logits, then hidden ones
};

}  // namespace gantry::model
