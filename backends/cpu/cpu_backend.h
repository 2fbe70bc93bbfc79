// The CPU as a backend: "cpu:0" is this machine, or the part of it that the options name. Opening it several
// times gives devices independent of each other, each with threads of its own (contract D3).
#pragma once

#include <memory>

#include "device/registry.h"

namespace gantry::cpu {

std::unique_ptr<device::Backend> make_cpu_backend();

}  // namespace gantry::cpu
