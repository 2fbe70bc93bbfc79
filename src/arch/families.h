// One function for each model family: header in, Blueprint out. The registry (registry.cc) lists them once.
#pragma once

#include "arch/blueprint.h"
#include "arch/header.h"

namespace gantry::arch {

Blueprint read_llama(Header& header);
Blueprint read_qwen2(Header& header);
Blueprint read_qwen3(Header& header);

}  // namespace gantry::arch
