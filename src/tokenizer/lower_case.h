// Lower case as the models' normalisers have it. Pure, any thread.
#pragma once

#include <string>

#include "text/unicode.h"
#include "text/utf8.h"

namespace gantry::tokenizer {

// Of one character, by the full mapping: U+0130 alone becomes two.
inline void append_lower(std::string& text, char32_t code) {
  for (const char32_t mapped : text::full_lower(code).codes)
    if (mapped != 0) text::append_utf8(text, mapped);
}

}  // namespace gantry::tokenizer
