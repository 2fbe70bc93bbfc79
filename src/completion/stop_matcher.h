// Finds the first of some stop strings in a text that comes in pieces. What may still turn out to be the
// beginning of one is held back (at most its length less one); everything else passes through at once. The
// first to be complete wins, of several complete at one byte the longest: the result depends on the text
// alone, not on the pieces.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gantry::completion {

// Stop strings as one automaton (Aho, Corasick, "Efficient string matching: an aid to bibliographic search",
// 1975): a byte of text costs the same however many they are. Immutable; shared by the answers of a request.
class StopStrings {
 public:
  // 16 bytes for each byte of the strings, beginnings in common counted once. An empty string is none. Each
  // has at most kLengthMax bytes.
  explicit StopStrings(const std::vector<std::string>& stops);
  static constexpr size_t kLengthMax = UINT16_MAX;

  // A state is the longest end of the text so far that begins a stop string.
  using State = uint32_t;
  static constexpr State kStart = 0;
  State next(State state, char c) const;
  uint32_t length(State state) const { return nodes_[state].length; }
  // Of the longest stop string that ends here; 0: none does.
  uint32_t complete(State state) const { return nodes_[state].complete; }

 private:
  struct Node {
    uint32_t first_child = 0;  // the others follow it, by rising byte
    State fall = kStart;       // the longest state that ends this one
    uint16_t children = 0, length = 0, complete = 0;
    unsigned char byte = 0;  // the last one
  };
  State child(State state, unsigned char byte) const;  // kStart: none

  std::vector<Node> nodes_;  // by rising length
};

// One text, one thread at a time.
class StopMatcher {
 public:
  // None, or one without strings: nothing stops the text.
  explicit StopMatcher(std::shared_ptr<const StopStrings> stops) : stops_(std::move(stops)) {}

  // What is certain to belong to the text before any stop string. Nothing once found().
  std::string push(std::string_view piece);
  // The end of the text, or of a stretch of it that no stop string reaches beyond: what was held back.
  std::string finish();

  bool found() const { return !found_text_.empty(); }
  const std::string& found_text() const { return found_text_; }  // the stop string; empty before
  uint64_t shown_bytes() const { return shown_bytes_; }  // given out so far; once found(), the whole text

 private:
  std::string give(size_t bytes);

  std::shared_ptr<const StopStrings> stops_;
  StopStrings::State state_ = StopStrings::kStart;
  std::string held_;
  uint64_t shown_bytes_ = 0;
  std::string found_text_;
};

}  // namespace gantry::completion
