// A text that two hands wrote: the house's own words (markers of a model's family, sentences of the server)
// and what somebody gave it. Texts that are put together keep whose each byte is; there is no way to join
// words without saying whose they are. A value.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/range.h"

namespace gantry::text {

class Words {
 public:
  Words& own(std::string_view words);
  Words& given(std::string_view words) {
    text_ += words;
    return *this;
  }
  Words& operator+=(const Words& more);

  const std::string& text() const { return text_; }
  bool empty() const { return text_.empty(); }
  // The house's: bytes of the text, in order, none empty, none touching another.
  const std::vector<Range>& owned() const { return owned_; }

 private:
  void mark(Range range);

  std::string text_;
  std::vector<Range> owned_;
};

}  // namespace gantry::text
