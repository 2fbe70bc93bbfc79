#include "text/words.h"

namespace gantry::text {

void Words::mark(Range range) {
  if (range.begin == range.end) return;
  if (!owned_.empty() && owned_.back().end == range.begin)
    owned_.back().end = range.end;
  else
    owned_.push_back(range);
}

Words& Words::own(std::string_view words) {
  const size_t at = text_.size();
  text_ += words;
  mark({at, text_.size()});
  return *this;
}

Words& Words::operator+=(const Words& more) {
  if (&more == this) return *this += Words(more);
  const size_t at = text_.size();
  text_ += more.text_;
  for (const Range& range : more.owned_) mark({at + range.begin, at + range.end});
  return *this;
}

}  // namespace gantry::text
