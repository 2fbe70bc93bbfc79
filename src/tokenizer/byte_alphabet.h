// GPT-2's way of writing bytes as printable characters, in which byte-level vocabularies are stored:
// printable ASCII and Latin-1 stand for themselves, the other 68 bytes for U+0100 and up. Pure; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace gantry::tokenizer {

char32_t letter_of_byte(uint8_t byte);
std::string to_byte_letters(std::string_view bytes);
// Into `bytes`, whose content it replaces. False where `letters` has a character that stands for no byte.
bool from_byte_letters(std::string_view letters, std::string& bytes);

}  // namespace gantry::tokenizer
