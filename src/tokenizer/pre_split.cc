#include "tokenizer/pre_split.h"

#include <algorithm>
#include <array>
#include <optional>

#include "base/check.h"
#include "text/unicode.h"
#include "text/utf8.h"
#include "tokenizer/pre_split_ranges.h"

namespace gantry::tokenizer {
namespace {

using text::Category;

uint32_t category_bit(Category category) {
  switch (category) {
    case Category::kUppercaseLetter:
      return kUpper;
    case Category::kLowercaseLetter:
      return kLower;
    case Category::kTitlecaseLetter:
      return kTitle;
    case Category::kModifierLetter:
      return kModifier;
    case Category::kOtherLetter:
      return kOtherLetter;
    case Category::kNonspacingMark:
    case Category::kSpacingMark:
    case Category::kEnclosingMark:
      return kMark;
    case Category::kDecimalNumber:
      return kDigit;
    case Category::kLetterNumber:
      return kNumeral | kLetterNumeral;
    case Category::kOtherNumber:
      return kNumeral;
    case Category::kConnectorPunctuation:
      return kPunctuation | kConnector;
    case Category::kDashPunctuation:
    case Category::kOpenPunctuation:
    case Category::kClosePunctuation:
    case Category::kInitialPunctuation:
    case Category::kFinalPunctuation:
    case Category::kOtherPunctuation:
      return kPunctuation;
    case Category::kMathSymbol:
    case Category::kCurrencySymbol:
    case Category::kModifierSymbol:
    case Category::kOtherSymbol:
      return kSymbol;
    case Category::kUnassigned:
    case Category::kSpaceSeparator:
    case Category::kLineSeparator:
    case Category::kParagraphSeparator:
    case Category::kControl:
    case Category::kFormat:
    case Category::kSurrogate:
    case Category::kPrivateUse:
      break;
  }
  return kRest;
}

uint32_t bits_of(char32_t code) {
  if (code == U' ') return kSpace;
  if (code == U'\n') return kNewline | kLineFeed;
  if (code == U'\r') return kNewline;
  if (text::is_white_space(code)) return kBlank;
  uint32_t bits = category_bit(text::category(code));
  if (code < 0x80) {
    if ((bits & kLetter) != 0) bits |= kAsciiLetter;
    if ((bits & kDigit) != 0) bits |= kAsciiDigit;
    if ((bits & (kPunctuation | kSymbol)) != 0) bits |= kAsciiPunctuation;
    if (code == U'/') bits |= kSlash;
  } else if (text::is_han(code)) {
    bits |= kHan;
  }
  return bits;
}

// bits_of() of the Basic Multilingual Plane. A byte for each character: there are few kinds.
struct BitTable {
  std::array<uint8_t, 0x10000> kind{};
  std::array<uint32_t, 256> bits{};
};

const BitTable& bit_table() {
  static const BitTable table = [] {
    BitTable made;
    size_t kinds = 0;
    for (uint32_t code = 0; code < made.kind.size(); ++code) {
      const uint32_t bits = bits_of(code);
      const auto known =
          std::find(made.bits.begin(), made.bits.begin() + static_cast<ptrdiff_t>(kinds), bits);
      const auto kind = static_cast<size_t>(known - made.bits.begin());
      if (kind == kinds) {
        GANTRY_CHECK_LT(kinds, made.bits.size());
        made.bits[kinds++] = bits;
      }
      made.kind[code] = static_cast<uint8_t>(kind);
    }
    return made;
  }();
  return table;
}

struct Char {
  char32_t code = 0;
  uint32_t bits = 0;  // 0: the end of the piece, in no set
  uint32_t bytes = 0;
};

bool within(std::span<const CodeRange> ranges, char32_t code) {
  const auto after = std::upper_bound(ranges.begin(), ranges.end(), code,
                                      [](char32_t c, const CodeRange& range) { return c < range.first; });
  return after != ranges.begin() && code <= (after - 1)->last;
}

bool in(const CharSet& set, const Char& c) {
  if ((c.bits & set.any) != 0 && (c.bits & set.none) == 0) {
    return set.except.empty() || !within(set.except, c.code);
  }
  return !set.also.empty() && c.bytes != 0 && within(set.also, c.code);
}

// Where a run of one set ends, remembered while positions lie within it: rules that look at a whole run from
// each of its characters stay linear.
struct RunMemo {
  size_t first = 0;
  size_t end = 0;
};
struct WhiteMemo : RunMemo {
  size_t newline_end = 0;  // behind the last \r or \n of the run; 0: it has none
};
struct DigitMemo : RunMemo {
  size_t characters = 0;  // from `first`
};

// Matches the rules of one stage within one piece.
class Matcher {
 public:
  explicit Matcher(std::string_view piece) : piece_(piece), table_(bit_table()) {}

  // The end of the first rule's match at `at`; `at` itself where none matches.
  size_t match_any(Stage stage, size_t at);
  uint32_t bytes_at(size_t at) { return char_at(at).bytes; }
  uint64_t steps() const { return steps_; }  // characters looked at

 private:
  Char char_at(size_t at) {
    ++steps_;
    if (at >= piece_.size()) return {};
    const auto byte = static_cast<uint8_t>(piece_[at]);
    if (byte < 0x80) return {byte, table_.bits[table_.kind[byte]], 1};
    // The common case of three bytes in short; decode_utf8 has the whole rule.
    if (byte > 0xE0 && byte < 0xED && piece_.size() - at >= 3) {
      const auto second = static_cast<uint8_t>(piece_[at + 1]);
      const auto third = static_cast<uint8_t>(piece_[at + 2]);
      if ((second & 0xC0) == 0x80 && (third & 0xC0) == 0x80) {
        const uint32_t code = (byte & 0xFu) << 12 | (second & 0x3Fu) << 6 | (third & 0x3Fu);
        return {code, table_.bits[table_.kind[code]], 3};
      }
    }
    const text::DecodedChar c = text::decode_utf8(piece_, at);
    // A broken byte stands alone and counts as the U+FFFD that other tokenizers would have put there.
    if (!c.valid) return {text::kReplacement, kSymbol, 1};
    const bool in_table = c.code < table_.kind.size();
    return {c.code, in_table ? table_.bits[table_.kind[c.code]] : bits_of(c.code), c.bytes};
  }

  size_t match(const Rule& rule, size_t at);
  size_t run_end(const CharSet& set, size_t at, uint32_t max, uint32_t* count = nullptr);
  size_t white_end(size_t at);
  size_t match_contraction(Contractions contractions, size_t at);
  size_t match_run(const Rule& rule, size_t at);
  size_t match_cased_word(const Rule& rule, size_t at);
  std::optional<size_t> cased_body(const Rule& rule, size_t at, bool upper_only);
  size_t match_spaced_words(const Rule& rule, size_t at);
  size_t match_through_newline(size_t at);
  size_t match_space_before_word(size_t at);
  size_t match_space_halving(size_t at);
  size_t match_digits(const Rule& rule, size_t at);
  size_t match_before_threes(const Rule& rule, size_t at);
  size_t match_delimited(const Rule& rule, size_t at);

  std::string_view piece_;
  const BitTable& table_;
  uint64_t steps_ = 0;
  WhiteMemo white_;
  DigitMemo digits_;
};

size_t Matcher::match_any(Stage stage, size_t at) {
  for (const Rule& rule : stage) {
    if (const size_t end = match(rule, at); end > at) return end;
  }
  return at;
}

size_t Matcher::match(const Rule& rule, size_t at) {
  switch (rule.kind) {
    case RuleKind::kContraction:
      return match_contraction(rule.contractions, at);
    case RuleKind::kRun:
      return match_run(rule, at);
    case RuleKind::kCasedWord:
      return match_cased_word(rule, at);
    case RuleKind::kSpacedWords:
      return match_spaced_words(rule, at);
    case RuleKind::kThroughNewline:
      return match_through_newline(at);
    case RuleKind::kSpaceBeforeWord:
      return match_space_before_word(at);
    case RuleKind::kSpaceHalving:
      return match_space_halving(at);
    case RuleKind::kSpaceToEnd:
      return white_end(at) == piece_.size() ? piece_.size() : at;
    case RuleKind::kDigitsFromRight:
      return match_digits(rule, at);
    case RuleKind::kBeforeThrees:
      return match_before_threes(rule, at);
    case RuleKind::kDelimited:
      return match_delimited(rule, at);
  }
  return at;
}

size_t Matcher::run_end(const CharSet& set, size_t at, uint32_t max, uint32_t* count) {
  uint32_t n = 0;
  while (n < max) {
    // ASCII in sets without ranges, which is most of all text.
    if (set.also.empty() && set.except.empty()) {
      const size_t from = at;
      while (at < piece_.size() && n < max && static_cast<uint8_t>(piece_[at]) < 0x80) {
        const uint32_t bits = table_.bits[table_.kind[static_cast<uint8_t>(piece_[at])]];
        if ((bits & set.any) == 0 || (bits & set.none) != 0) break;
        ++at;
        ++n;
      }
      steps_ += at - from;
      if (n == max) break;
    }
    const Char c = char_at(at);
    if (!in(set, c)) break;
    at += c.bytes;
    ++n;
  }
  if (count != nullptr) *count = n;
  return at;
}

size_t Matcher::white_end(size_t at) {
  if (at >= white_.first && at < white_.end) return white_.end;
  white_ = {{at, at}, 0};
  for (Char c = char_at(at); (c.bits & kWhite) != 0; c = char_at(white_.end)) {
    white_.end += c.bytes;
    if ((c.bits & kNewline) != 0) white_.newline_end = white_.end;
  }
  return white_.end;
}

size_t Matcher::match_contraction(Contractions contractions, size_t at) {
  if (contractions == Contractions::kNone || at >= piece_.size() || piece_[at] != '\'') return at;
  const bool any_case = contractions == Contractions::kAnyCase;
  // Folding by the Unicode rules adds one letter to ASCII's: U+017F, the long s.
  const auto folded = [&](const Char& c) -> char32_t {
    if (!any_case) return c.code;
    return c.code == 0x17F ? U's' : text::to_lower(c.code);
  };
  const Char first = char_at(at + 1);
  const char32_t a = folded(first);
  if (first.bytes == 0) return at;
  if (a == U's' || a == U't' || a == U'm' || a == U'd') return at + 1 + first.bytes;
  if (a != U'r' && a != U'v' && a != U'l') return at;
  const Char second = char_at(at + 1 + first.bytes);
  const bool fits = second.bytes != 0 && folded(second) == (a == U'l' ? U'l' : U'e');
  return fits ? at + 1 + first.bytes + second.bytes : at;
}

size_t Matcher::match_run(const Rule& rule, size_t at) {
  const Char first = char_at(at);
  size_t end = at;
  uint32_t count = 0;
  if (rule.has_prefix != Prefix::kNone && in(rule.prefix, first)) {
    end = run_end(rule.body, at + first.bytes, rule.max, &count);
  }
  if (count < rule.min) {
    if (rule.has_prefix == Prefix::kNeeded || !in(rule.body, first)) return at;
    end = run_end(rule.body, at, rule.max, &count);
    if (count < rule.min) return at;
  }
  return rule.suffix_max == 0 ? end : run_end(rule.suffix, end, rule.suffix_max);
}

// body* suffix+ where the two sets overlap: the greedy body gives back until the suffix has a character.
// upper_only: body+ suffix*.
std::optional<size_t> Matcher::cased_body(const Rule& rule, size_t at, bool upper_only) {
  size_t end = at;
  size_t after_last_common = at;  // behind the last character of the body's run that is also in the suffix
  while (true) {
    const Char c = char_at(end);
    if (!in(rule.body, c)) break;
    end += c.bytes;
    if (in(rule.suffix, c)) after_last_common = end;
  }
  const size_t upper_end = end;
  end = run_end(rule.suffix, end, kNoLimit);
  if (upper_only) return upper_end > at ? std::optional(end) : std::nullopt;
  if (end > upper_end) return end;
  return after_last_common > at ? std::optional(after_last_common) : std::nullopt;
}

size_t Matcher::match_cased_word(const Rule& rule, size_t at) {
  const Char first = char_at(at);
  const bool may_skip = rule.has_prefix != Prefix::kNone && in(rule.prefix, first);
  if (!may_skip && !in(rule.body, first) && !in(rule.suffix, first)) return at;
  for (const bool upper_only : {false, true}) {
    std::optional<size_t> end;
    if (may_skip) end = cased_body(rule, at + first.bytes, upper_only);
    if (!end) end = cased_body(rule, at, upper_only);
    if (end) return match_contraction(rule.contractions, *end);
  }
  return at;
}

size_t Matcher::match_spaced_words(const Rule& rule, size_t at) {
  const Char first = char_at(at);
  size_t end = at;
  if (rule.has_prefix != Prefix::kNone && in(rule.prefix, first)) end += first.bytes;
  if ((char_at(end).bits & kLetter) == 0) return at;
  while (true) {
    const Char c = char_at(end);
    const Char next = c.code == U' ' ? char_at(end + c.bytes) : Char{};
    if ((c.bits & (kLetter | kMark)) != 0) {
      end += c.bytes;
    } else if ((next.bits & kLetter) != 0) {
      end += c.bytes + next.bytes;
    } else {
      return end;
    }
  }
}

size_t Matcher::match_through_newline(size_t at) {
  return white_end(at) > at && white_.newline_end > at ? white_.newline_end : at;
}

size_t Matcher::match_space_before_word(size_t at) {
  const size_t end = white_end(at);
  if (end == at || end == piece_.size()) return end;
  // The last white character belongs to the word that follows.
  size_t last = end - 1;
  while ((static_cast<uint8_t>(piece_[last]) & 0xC0) == 0x80) --last;
  return last;
}

size_t Matcher::match_space_halving(size_t at) {
  constexpr uint32_t kLongest = 512;
  uint32_t run = 0;
  run_end({kWhite}, at, kLongest + 1, &run);
  if (run == 0) return at;
  const bool to_end = white_end(at) == piece_.size();
  // `n` white characters that no other character follows.
  const auto fits = [&](uint32_t n) { return run > n || (run == n && to_end); };
  uint32_t n = kLongest;
  while (n > 2 && !fits(n)) n /= 2;
  if (n == 2 && !fits(2)) n = 1;
  return run_end({kWhite}, at, n);
}

size_t Matcher::match_digits(const Rule& rule, size_t at) {
  if (!in(rule.body, char_at(at))) return at;
  if (at < digits_.first || at >= digits_.end) {
    uint32_t count = 0;
    const size_t end = run_end(rule.body, at, kNoLimit, &count);
    digits_ = {{at, end}, count};
  }
  // As Oniguruma counts them: what is alphabetic, marks, decimal digits, connectors.
  constexpr CharSet kWordCharacters{.any = kLetter | kMark | kDigit | kLetterNumeral | kConnector,
                                    .also = ranges::kCircledLetters};
  if (rule.before_boundary && in(kWordCharacters, char_at(digits_.end))) return at;
  const uint32_t group = digits_.characters % 3 == 0 ? 3 : static_cast<uint32_t>(digits_.characters % 3);
  const size_t end = run_end(rule.body, at, group);
  digits_ = {{end, digits_.end}, digits_.characters - group};
  return end;
}

size_t Matcher::match_before_threes(const Rule& rule, size_t at) {
  for (size_t end = at; end < piece_.size();) {
    const Char c = char_at(end);
    if (!in(rule.body, c)) {
      end += c.bytes;
      continue;
    }
    if (end < digits_.first || end >= digits_.end) {
      uint32_t count = 0;
      const size_t run = run_end(rule.body, end, kNoLimit, &count);
      digits_ = {{end, run}, count};
    }
    const auto over = static_cast<uint32_t>(digits_.characters % 3);
    if (over == 0 && end > at) return end;
    const uint32_t taken = over == 0 ? 3 : over;
    end = run_end(rule.body, end, taken);
    digits_ = {{end, digits_.end}, digits_.characters - taken};
    if (digits_.characters > 0) return end;
  }
  return piece_.size();
}

size_t Matcher::match_delimited(const Rule& rule, size_t at) {
  if (!piece_.substr(at).starts_with(rule.open)) return at;
  uint32_t count = 0;
  const size_t end = run_end(rule.body, at + rule.open.size(), rule.max, &count);
  if (count < rule.min || !piece_.substr(end).starts_with(rule.close)) return at;
  return end + rule.close.size();
}

// False: no more are wanted.
bool split_piece(std::span<const Stage> stages, std::string_view piece, uint64_t& steps,
                 const VisitPiece& visit) {
  if (stages.empty()) return visit(piece);
  const auto finer = [&](size_t from, size_t end) {
    return split_piece(stages.subspan(1), piece.substr(from, end - from), steps, visit);
  };
  Matcher matcher(piece);
  bool wanted = true;
  size_t unmatched = 0;  // where the text that no rule took begins
  for (size_t at = 0; at < piece.size() && wanted;) {
    const size_t end = matcher.match_any(stages[0], at);
    if (end == at) {
      at += matcher.bytes_at(at);
      continue;
    }
    wanted = (at == unmatched || finer(unmatched, at)) && finer(at, end);
    at = unmatched = end;
  }
  steps += matcher.steps();
  return wanted && (unmatched == piece.size() || finer(unmatched, piece.size()));
}

}  // namespace

void split(const PreSplit& row, std::string_view text, uint64_t& steps, const VisitPiece& visit) {
  if (!text.empty()) split_piece(row.stages, text, steps, visit);
}

}  // namespace gantry::tokenizer
