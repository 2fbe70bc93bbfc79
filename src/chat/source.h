// What a template's source speaks of. Pure; any thread.
#pragma once

#include <string_view>

namespace gantry::chat {

// The word, anywhere: not as a part of a longer one.
bool mentions(std::string_view source, std::string_view word);

// A member of that name: .word, 'word' or "word".
bool reads(std::string_view source, std::string_view member);

// A variable of that name; or a word of the template's own text, which cannot be told from one.
bool names(std::string_view source, std::string_view variable);

}  // namespace gantry::chat
