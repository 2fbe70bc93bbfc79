// The least that a backend has: devices of its own name that hand everything on to another backend's. They
// may be without weights and pages of some types, and then fail when they are given any.
#pragma once

#include <memory>
#include <vector>

#include "device/registry.h"

namespace gantry::device {

std::unique_ptr<Backend> make_trial_backend(std::unique_ptr<Backend> inner,
                                            std::vector<quant::Dtype> without = {});

}  // namespace gantry::device
