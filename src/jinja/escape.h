// Backslash escapes of string literals.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace gantry::jinja {

// As Jinja decodes them: Python's unicode-escape codec over the text with everything beyond ASCII escaped
// first. Throws TemplateError kType.
std::string decode_escapes(std::string_view text, uint32_t line);

}  // namespace gantry::jinja
