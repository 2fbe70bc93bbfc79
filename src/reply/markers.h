// Finds the first of several markers in a text that is still arriving. Pure.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace gantry::reply {

enum class Match : uint8_t {
  kNone,
  kPart,  // the text ends with what may be the beginning of a marker
  kWhole
};

struct Found {
  Match match = Match::kNone;
  size_t at = 0;     // where it begins; the text's size for kNone
  size_t which = 0;  // of the markers, for kWhole
};

// Looks at the beginning of `text` only. The longest match wins: while a longer one is still possible, the
// answer is kPart. `over`: no more text will come, so the answer is never kPart.
Found match_here(std::string_view text, std::span<const std::string> markers, bool over);

// Looks for the first match anywhere in `text`.
Found find_marker(std::string_view text, std::span<const std::string> markers, bool over);

}  // namespace gantry::reply
