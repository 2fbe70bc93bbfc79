// Random numbers from the system, and names made of them that nobody guesses and no two share. Any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace gantry {

inline constexpr std::string_view kIdLetters =
    "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

uint64_t random_bits();

// `prefix` and so many of kIdLetters.
std::string random_id(std::string_view prefix, size_t letters = 24);

}  // namespace gantry
