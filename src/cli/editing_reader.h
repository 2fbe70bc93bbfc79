// Lines from a person at a terminal: editing, history, completion, pasted texts. The only file that knows
// libedit. One thread.
#pragma once

#include <memory>

#include "cli/line_reader.h"

namespace gantry::cli {

std::unique_ptr<LineReader> make_editing_reader(Interrupts& interrupts, LineOptions options);

}  // namespace gantry::cli
