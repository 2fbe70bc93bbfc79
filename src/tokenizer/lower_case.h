// Lower case as the models' normalisers have it. Pure, any thread.
#pragma once

#include <string>

#include "text/unicode.h"
#include "text/utf8.h"

namespace gantry::tokenizer {

// Of one character, by the full mapping: U+0130 alone becomes two.
inline void append_lower(std::string& text, char32_t code) {
  constexpr char32_t kCapitalIWithDot = 0x130;
  constexpr char32_t kDotAbove = 0x307;
  text::append_utf8(text, code == kCapitalIWithDot ? U'i' : text::to_lower(code));
  if (code == kCapitalIWithDot) text::append_utf8(text, kDotAbove);
}

}  // namespace gantry::tokenizer
