// Text as a JSON string, with quotes and escapes; what is no UTF-8 gets U+FFFD in its place.
#pragma once

#include <string>
#include <string_view>

namespace gantry::text {

void append_json_string(std::string& out, std::string_view text);
// What stands between the quotes. Of a text in parts, each must be whole UTF-8.
void append_json_characters(std::string& out, std::string_view text);

}  // namespace gantry::text
