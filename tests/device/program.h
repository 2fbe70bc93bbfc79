// Programs of random operations on several streams of two devices, with the events and waits that they need
// and some that they do not. What a program computes does not depend on when a device does its work, so a
// lazy device in any order must give what a plain one gives. Pure functions of the bytes they are drawn from.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "device/registry.h"

namespace gantry::device {

struct ProgramOptions {
  uint32_t steps = 200;
  bool forget = false;  // leaves out one wait in four that is needed: for the test of this test
};

// Everything that the host saw, and what lay in all buffers at the end. `draw`: the next random number.
std::vector<float> run_program(const Backend& backend, const std::function<uint32_t()>& draw,
                               const ProgramOptions& options);

}  // namespace gantry::device
