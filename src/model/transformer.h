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

// All outlive the runner. One thread at a time; a step allocates nothing.
std::unique_ptr<Runner> make_transformer(const arch::Blueprint& blueprint, const LoadedModel& model,
                                         device::Device& device);

}  // namespace gantry::model
