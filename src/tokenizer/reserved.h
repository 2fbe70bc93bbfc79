// Which tokens are the template's alone. GGUF tells control tokens from user-defined ones, which every text
// may become; but converters write a family's own markers (<think>, <tool_call>, <|User|>) as user-defined as
// they write runs of spaces and HTML tags so. What is written as a marker speaks to the model, whatever its
// type says.
#pragma once

#include <string_view>

#include "tokenizer/tokenizer.h"

namespace gantry::tokenizer {

// One word between brackets that point anywhere: <think>, [INST], ]~b], >>TITLE<<.
bool is_bracketed_word(std::string_view text);

// Text that was given never becomes this token: control and unknown ones, and user-defined ones that are
// bracketed words, but no tags of HTML: those are words of many texts.
bool is_reserved(TokenKind kind, std::string_view text);

}  // namespace gantry::tokenizer
