// What terminals send for keys that are no characters. Pure functions; any thread.
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace gantry::cli {

inline constexpr size_t kKeyBytesMax = 64;  // of one key; what is longer is none
inline constexpr char kEscape = '\x1b';

// The keys of the line editor that do what the key of `sequence` (from ESC on) does in a shell; empty for
// keys that do nothing there.
std::string_view editor_keys(std::string_view sequence);

// One more byte of what is typed: 1, or what ends the reading.
using NextByte = std::function<int(char& byte)>;

// Reads what follows an ESC. 1: `keys` are those for the editor, perhaps none. Otherwise what `next` said.
int read_key_after_escape(const NextByte& next, std::string& keys);

}  // namespace gantry::cli
