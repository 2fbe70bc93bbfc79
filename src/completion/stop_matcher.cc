#include "completion/stop_matcher.h"

#include <algorithm>

#include "base/check.h"

namespace gantry::completion {

StopMatcher::StopMatcher(const std::vector<std::string>& stops) {
  for (const std::string& stop : stops) {
    GANTRY_CHECK(!stop.empty());
    Pattern pattern{stop, std::vector<uint32_t>(stop.size(), 0)};
    uint32_t border = 0;
    for (size_t i = 1; i < stop.size(); ++i) {
      while (border > 0 && stop[i] != stop[border]) border = pattern.fall[border - 1];
      if (stop[i] == stop[border]) ++border;
      pattern.fall[i] = border;
    }
    patterns_.push_back(std::move(pattern));
  }
}

uint32_t StopMatcher::step(char c) {
  uint32_t complete = 0;
  for (Pattern& pattern : patterns_) {
    while (pattern.matched > 0 && pattern.text[pattern.matched] != c)
      pattern.matched = pattern.fall[pattern.matched - 1];
    if (pattern.text[pattern.matched] == c) ++pattern.matched;
    if (pattern.matched == pattern.text.size()) complete = std::max(complete, pattern.matched);
  }
  return complete;
}

std::string StopMatcher::give(size_t bytes) {
  std::string out = held_.substr(0, bytes);
  held_.erase(0, bytes);
  shown_bytes_ += out.size();
  return out;
}

std::string StopMatcher::push(std::string_view piece) {
  if (found()) return {};
  if (patterns_.empty()) {
    shown_bytes_ += piece.size();
    return std::string(piece);
  }
  for (const char c : piece) {
    held_ += c;
    if (const uint32_t complete = step(c); complete > 0) {
      std::string out = give(held_.size() - complete);
      found_text_.swap(held_);
      return out;
    }
  }
  uint32_t open = 0;
  for (const Pattern& pattern : patterns_) open = std::max(open, pattern.matched);
  return give(held_.size() - open);
}

std::string StopMatcher::finish() { return give(held_.size()); }

}  // namespace gantry::completion
