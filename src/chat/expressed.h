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
// `chat_template_kwargs.NAME`. `prompt` is what was rendered; `render` renders other messages in the same way
// and is asked only for a message whose text the prompt does not show.
void check_expressed(std::string_view source, const Conversation& conversation, std::string_view prompt,
                     const std::function<std::string(const Json& messages)>& render);

}  // namespace gantry::chat
