// The last step before a conversation is rendered: the same words under the names that the template reads.
// Pure; any thread.
#pragma once

#include <string>
#include <vector>

#include "chat/changes.h"

namespace gantry::chat {

// How much the model is to think, as variables of the template; `kwargs` that the client set itself stay.
// False where the template has no variable for it.
bool set_effort(std::string_view source, const std::string& effort, Json& kwargs);

// Takes the variables away that the template does not know: their names.
std::vector<std::string> drop_unknown_kwargs(std::string_view source, Json& kwargs);

// A developer is the system where the template does not know developers. False where there was none.
bool rename_developers(Messages& messages);

// Ids that were given out for calls of such a family, as its model wrote them.
void take_back_ids(Messages& messages, const reply::ReplyFormat& format);

// Ids of calls as the template wants them, each made from the one that came, so that the same conversation
// always has the same. False where they are already so.
bool map_ids(Messages& messages, const Ground& ground);

// An assistant that only called tools said nothing, where the template takes "" for all that it did.
void silence_empty_words(Messages& messages, const Knowledge& knowledge);

// Puts an assistant's reasoning where the template reads it. False where the template reads none, and some
// was left out.
bool place_reasoning(Messages& messages, const Knowledge& knowledge);

}  // namespace gantry::chat
