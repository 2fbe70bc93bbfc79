// A device that does nothing until it must: a machine that works asynchronously, at its most awkward, in
// front of any device. Work is done when sync(), an event or the host's wait for one asks, and with a seed in
// an order drawn among the streams and now and then earlier. Until then what is to be read into is poisoned,
// what is to be written from is watched, and lists of the host are gone: whoever reads, changes or reuses
// host memory too early is seen, and stopped by name.
//
// The check is always on and ends the program, as a check of our own bugs does. Devices of one LazyBackend
// know each other's events. Streams of different devices may be used by different threads.
#pragma once

#include <cstdint>
#include <memory>

#include "device/registry.h"

namespace gantry::device {

struct LazyOptions {
  uint64_t seed = 0;  // 0: in order, as late as can be
};

std::unique_ptr<Backend> make_lazy_backend(std::unique_ptr<Backend> inner, const LazyOptions& options = {});

}  // namespace gantry::device
