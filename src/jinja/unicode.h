// What Python's str methods know about characters (the tables are those of text/unicode.h, Unicode 15.0).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace gantry::jinja {

bool is_alpha(uint32_t code);
bool is_space(uint32_t code);
bool is_numeric(uint32_t code);
bool is_digit(uint32_t code);
bool is_decimal(uint32_t code);
bool is_printable(uint32_t code);
bool is_lower(uint32_t code);
bool is_upper(uint32_t code);
bool is_title(uint32_t code);
bool is_identifier_start(uint32_t code);
bool is_identifier_part(uint32_t code);
inline bool is_alnum(uint32_t code) {
  return is_alpha(code) || is_decimal(code) || is_digit(code) || is_numeric(code);
}
// Value of a decimal digit of any script; -1 for anything else.
int decimal_value(uint32_t code);
// Where str.splitlines breaks.
bool is_line_break(uint32_t code);

std::string to_upper(std::string_view text);
std::string to_lower(std::string_view text);
std::string to_title(std::string_view text);
std::string to_capitalized(std::string_view text);
std::string to_swapped(std::string_view text);
std::string to_folded(std::string_view text);

}  // namespace gantry::jinja
