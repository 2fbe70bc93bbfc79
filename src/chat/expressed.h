// Whether a template says what a conversation has: what it would leave out silently is found. Pure; any
// thread.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "chat/conversation.h"

namespace gantry::chat {

// What a template has no words for; kRefused: it raised an error of its own; kLimits: it took too much.
enum class Problem : uint8_t { kRefused, kTools, kCalls, kFunctions, kResults, kSystem, kTurns, kLimits };

struct Missing {
  Problem problem;
  std::string what, where;  // "calls of tools", "messages[2].tool_calls"
};

// The first thing that the template has no words for: `tools`, `messages[2].tool_calls`, `messages[1].role`
// (a message that comes to nothing in the prompt), `chat_template_kwargs.NAME`. `prompt` is what was
// rendered; `render` renders another conversation in the same way and is asked only for what the prompt does
// not plainly show. `ever`: a message is not missing where it was seen before the last user's turn had an
// answer.
std::optional<Missing> find_missing(std::string_view source, const Conversation& conversation,
                                    std::string_view prompt, bool ever,
                                    const std::function<std::string(const Conversation& other)>& render);

// The template knows tools only as a member of messages: it wants their functions as JSON text in the first
// one, that of the system (Phi-4-mini).
bool wants_tools_in_system(std::string_view source);

// The template knows tools only as a text of its own, `functions`: their JSON (firefunction).
bool wants_functions(std::string_view source);

}  // namespace gantry::chat
