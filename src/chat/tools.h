// The tools of a request: checked, put into one form, and written otherwise where a template needs it. Pure.
#pragma once

#include <string>

#include "reply/reply_format.h"
#include "text/json.h"
#include "text/words.h"

namespace gantry::chat {

// Tools as OpenAI's API has them: a list of objects of type "function" with a function that has a name; null
// or an empty list: null. A member that is null is absent, as is a type; everything else stays as it came.
// Throws gantry::Error kInvalidRequest whose `where` names the field: `tools[2].function.name`.
Json normalise_tools(const Json& tools);

// What the client left out as OpenAI's API understands it: no description is "", no parameters are an object
// without properties. False where nothing was left out.
bool fill_in_tools(Json& tools);

// Schemas as every template reads them: a reference is what it refers to, of several types the first that is
// not null stands. False where nothing had to be changed.
bool simplify_tools(Json& tools);

// The tools in plain words, and how the family `format` calls one.
text::Words tools_in_words(const Json& tools, const reply::ReplyFormat& format);

}  // namespace gantry::chat
