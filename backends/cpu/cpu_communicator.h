// Ranks on CPU devices of one process: they meet at a barrier and read each other's memory, which must
// therefore live until every rank has returned, also after abort(). send() returns when the matrix has been
// received: two ranks that both send first wait for each other for ever.
#pragma once

#include <memory>
#include <vector>

#include "device/device.h"

namespace gantry::cpu {

// `ranks` communicators that share one meeting place, which lives as long as one of them.
std::vector<std::unique_ptr<device::Communicator>> connect_ranks(uint32_t ranks);

}  // namespace gantry::cpu
