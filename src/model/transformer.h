// The forward pass: walks a Blueprint's layers over one batch on one device. (The way of one token,
// station 7.)
#pragma once

#include <memory>
#include <string>

#include "arch/blueprint.h"
#include "device/device.h"
#include "model/loaded_model.h"
#include "model/runner.h"

namespace gantry::model {

// All outlive the runner. One thread at a time; a step allocates nothing. A shard (arch/part.h) has a
// communicator to the other ranks: their runners are given the same batches in the same order, and each comes
// to the logits of the whole. One whose step fails ends the others' steps as well: all of them throw.
std::unique_ptr<Runner> make_transformer(const arch::Blueprint& blueprint, const LoadedModel& model,
                                         device::Device& device,
                                         device::Communicator* communicator = nullptr);

}  // namespace gantry::model
