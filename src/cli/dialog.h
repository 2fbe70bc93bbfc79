// The loop of `gantry run` without a prompt: a line, an answer, a line. Main thread.
#pragma once

#include <optional>
#include <string>

#include "cli/conversation.h"
#include "cli/line_reader.h"

namespace gantry::cli {

// One message: a line, or what was pasted as a whole; or several, each but the last ending in a backslash; or
// what stands between two """. kInterrupted and kEnd as LineReader has them, with an empty message.
LineEnd read_message(LineReader& reader, std::string& message);

struct DialogOptions {
  bool terminal = true;  // false: no hints, no prompt, control characters pass
  std::string model_id;
  settings::Values values = {};  // how answers are made, for /set
  bool verbose = false;          // numbers after each answer
};

// Until the person leaves. Errors of single answers are told and the dialog goes on.
void hold_dialog(Conversation& conversation, LineReader& reader, Interrupts& interrupts,
                 const engine::Engine& engine, const DialogOptions& options);

// "24 tokens in 1.30 s (19.0 tokens/s), ..." for /stats and --verbose.
std::string describe(const Answer& answer);

}  // namespace gantry::cli
