// The least that a backend has: devices of its own name that hand everything on to another backend's.
#pragma once

#include <memory>

#include "device/registry.h"

namespace gantry::device {

std::unique_ptr<Backend> make_trial_backend(std::unique_ptr<Backend> inner);

}  // namespace gantry::device
