// Whether a template says what a conversation has: what it would leave out silently is refused by name.
// Pure; any thread.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "chat/conversation.h"

namespace gantry::chat {

// Throws gantry::Error kInvalidRequest whose `where` names the first thing that the template has no words
// for: `tools`, `messages[2].tool_calls`, `messages[1].role` (a message that comes to nothing in the prompt),
// `chat_template_kwargs.NAME`. `prompt` is what was rendered; `render` renders another conversation in the
// same way and is asked only for what the prompt does not plainly show.
void check_expressed(std::string_view source, const Conversation& conversation, std::string_view prompt,
                     const std::function<std::string(const Conversation& other)>& render);

// The template knows tools only as a member of messages: it wants their functions as JSON text in the first
// one, that of the system (Phi-4-mini).
bool wants_tools_in_system(std::string_view source);

}  // namespace gantry::chat
