// A text, and which of its bytes were given: came with the context, and not from the template. Whatever makes
// a text of others takes their marks along or marks more, never less; nothing asks for marks but who takes
// the finished text. So strings join a Text by a name that says whose words they are.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/range.h"
#include "jinja/memory.h"

namespace gantry::jinja {

using gantry::Range;

// The given bytes: ranges in order, none empty, none touching another.
class Given {
 public:
  bool none() const { return first_.end == first_.begin; }
  // Behind all that is there, or touching its end.
  void add(Range range) {
    if (range.begin >= range.end) return;
    Range& last = rest_.empty() ? first_ : rest_.back();
    if (none()) {
      first_ = range;
    } else if (last.end >= range.begin) {
      last.end = range.end;
    } else {
      rest_.push_back(range);
    }
  }
  // What `other` has in `part` comes to stand from `at` on.
  void add_part(size_t at, const Given& other, Range part);
  bool any_in(Range part) const;
  template <class Visit>
  void for_each(const Visit& visit) const {
    if (none()) return;
    visit(first_);
    for (const Range& range : rest_) visit(range);
  }

 private:
  // The first range that ends behind `at`, of all that are there: 0 is first_.
  size_t behind(size_t at) const;
  Range nth(size_t i) const { return i == 0 ? first_ : rest_[i - 1]; }

  Range first_;  // most texts have one at most
  std::vector<Range, CountingAllocator<Range>> rest_;
};

class Text {
 public:
  Text() = default;
  // Words of the template or of this engine.
  explicit Text(std::string own) : text_(std::move(own)) {}
  Text(std::string text, bool given) : text_(std::move(text)) {
    if (given) mark_all();
  }

  const std::string& str() const { return text_; }
  std::string take() && { return std::move(text_); }
  size_t size() const { return text_.size(); }
  bool empty() const { return text_.empty(); }
  bool given() const { return !given_.none(); }  // some of it
  bool given(Range part) const { return given() && given_.any_in(part); }
  const Given& marks() const { return given_; }

  void mark_all() {
    given_ = Given();
    given_.add({0, text_.size()});
  }
  void mark(Range part) { given_.add(part); }  // behind all that is marked
  void reserve(size_t bytes) { text_.reserve(bytes); }

  Text& operator+=(char own) {
    text_ += own;
    return *this;
  }
  template <size_t kSize>
  Text& operator+=(const char (&own)[kSize]) {
    text_.append(own, kSize - 1);
    return *this;
  }
  Text& operator+=(const Text& other) {
    append(other, {0, other.size()});
    return *this;
  }
  void append(const Text& other, Range part) {
    const size_t at = text_.size();
    text_.append(other.text_, part.begin, part.size());
    if (other.given()) given_.add_part(at, other.given_, part);
  }
  void append_own(std::string_view words) { text_ += words; }
  void append(std::string_view words, bool given) {
    text_ += words;
    if (given) given_.add({text_.size() - words.size(), text_.size()});
  }
  Text part(Range where) const {
    Text out;
    out.append(*this, where);
    return out;
  }

 private:
  std::string text_;
  Given given_;
};

// Parts of one text, in order.
using Parts = std::vector<Range, CountingAllocator<Range>>;

}  // namespace gantry::jinja
