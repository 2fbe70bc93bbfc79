// Writes calls of tools as a family of models writes them: by the same row of data by which ReplyReader reads
// them, so that what is written is read back as the same calls. For conversations whose template has no words
// for calls. Pure.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "reply/reply_format.h"
#include "reply/tool_types.h"
#include "text/words.h"

namespace gantry::reply {

struct WrittenCall {
  std::string_view name;
  const Json* arguments;  // an object
  std::string_view id = {};
};

// Empty where the row has no calls, or there are none to write. `types`: of the request's tools; arguments in
// tags are text or JSON by them. A text that contains the marker that ends it cannot be told from its end.
// Names, ids and arguments are given, the notation is the house's. `behind_words`: the turn says something
// before.
text::Words write_calls(const ReplyFormat& format, std::span<const WrittenCall> calls,
                        const ToolTypes& types = {}, bool behind_words = false);

// JSON on one line, as templates print it: a space behind commas and colons.
std::string spaced_json(const Json& value);

}  // namespace gantry::reply
