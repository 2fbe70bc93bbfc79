// Finds the first of some stop strings in a text that comes in pieces. What may still turn out to be the
// beginning of one is held back (at most its length less one); everything else passes through at once. The
// first to be complete wins, of several complete at one byte the longest: the result depends on the text
// alone, not on the pieces. One thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace gantry::completion {

class StopMatcher {
 public:
  // The strings are not empty.
  explicit StopMatcher(const std::vector<std::string>& stops);

  // What is certain to belong to the text before any stop string. Nothing once found().
  std::string push(std::string_view piece);
  // The end of the text: what was held back.
  std::string finish();

  bool found() const { return !found_text_.empty(); }
  const std::string& found_text() const { return found_text_; }  // the stop string; empty before
  uint64_t shown_bytes() const { return shown_bytes_; }  // given out so far; once found(), the whole text

 private:
  // Knuth, Morris, Pratt, "Fast pattern matching in strings", 1977: one automaton for each string.
  struct Pattern {
    std::string text;
    std::vector<uint32_t> fall;  // longest border of text[0..i]
    uint32_t matched = 0;
  };
  uint32_t step(char c);  // length of the stop string that ends here, 0 for none
  std::string give(size_t bytes);

  std::vector<Pattern> patterns_;
  std::string held_;
  uint64_t shown_bytes_ = 0;
  std::string found_text_;
};

}  // namespace gantry::completion
