// OpenAI chat messages checked and put into the shape that chat templates expect. Pure; any thread.
#pragma once

#include "jinja/chat_template.h"

namespace gantry::chat {

struct MessageOptions {
  // The template has a word for the role `developer`; otherwise such messages become `system`.
  bool keep_developer = false;
  // Content given as parts of text stays a list of {"type": "text", "text"}; otherwise it becomes one string.
  bool keep_parts = false;
};

// True when the template speaks of the role `developer`.
bool knows_developer(const jinja::ChatTemplate& chat_template);

// Returns the messages with content a string (or parts, see above; null where an assistant only calls tools),
// `arguments` of tool calls as the object that their JSON text says (none: {}; text that says none stays
// text), an assistant's reasoning as `reasoning_content` whatever it was called, and everything unknown as it
// came. Throws gantry::Error kInvalidRequest whose `where` names the field:
// `messages`, `messages[3].role`, `messages[3].content[0].type`.
Json normalise_messages(const Json& openai_messages, const MessageOptions& options = {});

}  // namespace gantry::chat
