#include "jinja/wrap.h"

#include <algorithm>

#include "jinja/unicode.h"
#include "jinja/utf8.h"

namespace gantry::jinja {
namespace {

using Codes = std::vector<uint32_t>;
using Chunks = std::vector<Codes, CountingAllocator<Codes>>;

bool blank(uint32_t code) { return code == ' ' || (code >= '\t' && code <= '\r'); }
bool word(uint32_t code) { return code == '_' || is_alnum(code); }
bool letter(uint32_t code) { return word(code) && !is_decimal(code); }
bool before_dash(uint32_t code) {
  return word(code) || code == '!' || code == '"' || code == '\'' || code == '&' || code == '.' ||
         code == ',' || code == '?';
}

class Splitter {
 public:
  explicit Splitter(const Codes& text) : text_(text) {}

  Chunks run(bool hyphens) {
    Chunks chunks;
    for (size_t at = 0; at < text_.size();) {
      size_t end = blank(text_[at]) ? run_end(at, true) : hyphens ? word_end(at) : run_end(at, false);
      chunks.emplace_back(text_.begin() + static_cast<ptrdiff_t>(at),
                          text_.begin() + static_cast<ptrdiff_t>(end));
      at = end;
    }
    return chunks;
  }

 private:
  bool is(size_t at, bool (*kind)(uint32_t)) const { return at < text_.size() && kind(text_[at]); }
  bool dash(size_t at) const { return at < text_.size() && text_[at] == '-'; }

  size_t run_end(size_t at, bool blanks) const {
    while (at < text_.size() && blank(text_[at]) == blanks) ++at;
    return at;
  }

  // The end of two or more dashes between words that start at `at`; `at` itself when there are none.
  size_t em_dash(size_t at) const {
    if (at == 0 || !before_dash(text_[at - 1]) || !dash(at)) return at;
    size_t end = at;
    while (dash(end)) ++end;
    return end - at >= 2 && is(end, word) ? end : at;
  }

  // A hyphen at `at` inside a word, where the word may be broken.
  bool soft_hyphen(size_t at) const {
    if (!dash(at)) return false;
    bool before = at >= 2 && letter(text_[at - 1]) &&
                  (letter(text_[at - 2]) || (at >= 3 && text_[at - 2] == '-' && letter(text_[at - 3])));
    if (!before || !is(at + 1, letter)) return false;
    return is(at + 2, letter) || (dash(at + 2) && is(at + 3, letter));
  }

  size_t word_end(size_t begin) const {
    if (size_t end = em_dash(begin); end != begin) return end;
    for (size_t at = begin + 1; at < text_.size(); ++at) {
      if (soft_hyphen(at)) return at + 1;
      if (blank(text_[at])) return at;
      // Whoever walks a run of dashes looks only at its first.
      if (!dash(at - 1) && em_dash(at) != at) return at;
    }
    return text_.size();
  }

  const Codes& text_;
};

bool only_space(const Codes& codes) { return std::all_of(codes.begin(), codes.end(), is_space); }

// As much of a chunk that is longer than a line as fits what is left of this one.
size_t long_word_end(const Codes& chunk, size_t space, bool hyphens) {
  if (!hyphens || chunk.size() <= space) return space;
  for (size_t at = space; at-- > 1;) {
    if (chunk[at] != '-') continue;
    bool other = std::any_of(chunk.begin(), chunk.begin() + static_cast<ptrdiff_t>(at),
                             [](uint32_t c) { return c != '-'; });
    return other ? at + 1 : space;
  }
  return space;
}

}  // namespace

Strings wrap_text(std::string_view text, const WrapStyle& style) {
  Codes codes = utf8_decode(text);
  Chunks chunks = Splitter(codes).run(style.break_on_hyphens);
  std::reverse(chunks.begin(), chunks.end());
  auto width = static_cast<size_t>(style.width);
  Strings lines;
  while (!chunks.empty()) {
    Chunks line;
    size_t size = 0;
    if (!lines.empty() && only_space(chunks.back())) chunks.pop_back();
    while (!chunks.empty() && size + chunks.back().size() <= width) {
      size += chunks.back().size();
      line.push_back(std::move(chunks.back()));
      chunks.pop_back();
    }
    if (!chunks.empty() && chunks.back().size() > width) {
      Codes& chunk = chunks.back();
      if (style.break_long_words) {
        auto end = static_cast<ptrdiff_t>(long_word_end(chunk, width - size, style.break_on_hyphens));
        line.emplace_back(chunk.begin(), chunk.begin() + end);
        chunk.erase(chunk.begin(), chunk.begin() + end);
      } else if (line.empty()) {
        line.push_back(std::move(chunk));
        chunks.pop_back();
      }
    }
    if (!line.empty() && only_space(line.back())) line.pop_back();
    if (line.empty()) continue;
    std::string out;
    for (const Codes& part : line) out += utf8_encode(part);
    lines.push_back(std::move(out));
  }
  return lines;
}

}  // namespace gantry::jinja
