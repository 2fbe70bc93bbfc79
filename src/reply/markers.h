// Finds the first of some markers in a text whose end has not come yet. Pure.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace gantry::reply {

enum class Match : uint8_t {
  kNone,
  kPart,  // the text ends within what may become a marker
  kWhole
};

struct Found {
  Match match = Match::kNone;
  size_t at = 0;     // where it begins; the text's size for kNone
  size_t which = 0;  // of the markers, for kWhole
};

// At the beginning of `text`. Of several the longest wins: as long as a longer one may still come, the answer
// is kPart. `over`: nothing comes any more, so there is no kPart.
Found match_here(std::string_view text, std::span<const std::string> markers, bool over);

// The first in `text`.
Found find_marker(std::string_view text, std::span<const std::string> markers, bool over);

}  // namespace gantry::reply
