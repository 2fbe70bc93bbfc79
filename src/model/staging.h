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
};

// The engine's promises; what comes from outside was checked at admission.
void check_batch(const Batch& batch, size_t logit_values, const RunnerLimits& limits);

// Everything is allocated at construction. One thread at a time.
class Staging {
 public:
  // The limits outlive it.
  explicit Staging(const RunnerLimits& limits);
  // Empties the states of sequences that begin, so the copies before the rows come first. What it returns
  // holds until the next step.
  const StepRows& send(Hands& hands, const Batch& batch);

 private:
  template <typename T>
  device::Buffer write(Hands& hands, plan::Staged what, std::span<const T> values);

  const RunnerLimits& limits_;
  std::vector<StateId> states_;  // sequence i of a batch changes state i
  std::vector<device::Run> runs_;
  StepRows rows_;
};

}  // namespace gantry::model
