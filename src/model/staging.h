// How the device is told of a step: the batch, checked and sent to the staging buffers.
#pragma once

#include <cstdint>
#include <vector>

#include "device/device.h"
#include "model/hands.h"
#include "model/recurrent_mixers.h"
#include "model/runner.h"

namespace gantry::model {

// Where the rows of a step stand: in pages, one set of tables for each length of window, and in states.
struct StepRows {
  device::KvRows kv;
  std::vector<device::KvRows> windows;
  device::Runs runs;
};

// The engine's promises; what comes from outside was checked at admission.
void check_batch(const Batch& batch, size_t logit_values, const RunnerLimits& limits);

// Everything is allocated at construction. One thread at a time.
class Staging {
 public:
  // The limits outlive it.
  Staging(const RunnerLimits& limits, uint32_t sequences);
  // Empties the states of sequences that begin. What it returns holds until the next step.
  const StepRows& send(Hands& hands, const Batch& batch);

 private:
  const RunnerLimits& limits_;
  RunStage runs_;
  StepRows rows_;
};

}  // namespace gantry::model
