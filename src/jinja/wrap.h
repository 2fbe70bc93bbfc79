// Lines broken at words, as Python's textwrap.wrap breaks them (no tab expansion, white space kept).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "jinja/value.h"

namespace gantry::jinja {

struct WrapStyle {
  int64_t width = 79;  // code points, above zero
  bool break_long_words = true;
  bool break_on_hyphens = true;
};

using Strings = std::vector<std::string, CountingAllocator<std::string>>;
Strings wrap_text(std::string_view text, const WrapStyle& style);

}  // namespace gantry::jinja
