#include "reply/markers.h"

namespace gantry::reply {

Found match_here(std::string_view text, std::span<const std::string> markers, bool over) {
  Found best{Match::kNone, text.size(), 0};
  size_t longest = 0;
  for (size_t i = 0; i < markers.size(); ++i) {
    const std::string& marker = markers[i];
    if (text.size() >= marker.size()) {
      if (marker.size() > longest && text.starts_with(marker)) {
        best = {Match::kWhole, 0, i};
        longest = marker.size();
      }
    } else if (!over && std::string_view(marker).starts_with(text)) {
      return {Match::kPart, 0, i};
    }
  }
  return best;
}

Found find_marker(std::string_view text, std::span<const std::string> markers, bool over) {
  std::string firsts;
  for (const std::string& marker : markers) firsts += marker.substr(0, 1);
  for (size_t at = text.find_first_of(firsts); at < text.size(); at = text.find_first_of(firsts, at + 1)) {
    Found found = match_here(text.substr(at), markers, over);
    if (found.match == Match::kNone) continue;
    found.at = at;
    return found;
  }
  return {Match::kNone, text.size(), 0};
}

}  // namespace gantry::reply
