// Cuts text into the pieces within which byte-pair merges may happen: what tokenizer.ggml.pre names. The
// published patterns are regular expressions; here each is one row of a table, made of a few kinds of rules
// that are matched by hand, so that time is linear whatever the text. Constant data, pure functions: any
// thread.
//
// A row has stages; a stage is a list of rules, tried in order at each position. What a rule matches becomes
// a piece; what no rule matches is kept together as a piece of its own. The next stage cuts each piece
// further, and sees the ends of the piece as the ends of the text.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>

namespace gantry::tokenizer {

// A character's general category is one bit of the lower 14; the others say more about it.
enum CharBit : uint32_t {
  kUpper = 1u << 0,     // Lu
  kLower = 1u << 1,     // Ll
  kTitle = 1u << 2,     // Lt
  kModifier = 1u << 3,  // Lm
  kOtherLetter = 1u << 4,
  kMark = 1u << 5,
  kDigit = 1u << 6,    // Nd
  kNumeral = 1u << 7,  // Nl, No
  kPunctuation = 1u << 8,
  kSymbol = 1u << 9,
  kSpace = 1u << 10,    // U+0020 alone
  kNewline = 1u << 11,  // \r and \n
  kBlank = 1u << 12,    // the rest of White_Space
  kRest = 1u << 13,     // control, format, unassigned, private
  kHan = 1u << 14,
  kAsciiLetter = 1u << 15,
  kAsciiDigit = 1u << 16,
  kAsciiPunctuation = 1u << 17,  // the 32 of ASCII, symbols among them
  kSlash = 1u << 18,
  kLineFeed = 1u << 19,
  kConnector = 1u << 20,      // Pc
  kLetterNumeral = 1u << 21,  // Nl

  kLetter = kUpper | kLower | kTitle | kModifier | kOtherLetter,
  kNumber = kDigit | kNumeral,
  kWhite = kSpace | kNewline | kBlank,
  kAny = (1u << 14) - 1,
};

struct CodeRange {
  char32_t first, last;
};

// The characters with a bit of `any` and none of `none`, not in `except`; and those in `also`. Ranges lie in
// order and apart.
struct CharSet {
  uint32_t any = 0;
  uint32_t none = 0;
  std::span<const CodeRange> also = {};
  std::span<const CodeRange> except = {};
};

enum class RuleKind : uint8_t {
  kContraction,  // 's 't 're 've 'm 'll 'd
  kRun,          // prefix (none, optional, needed), then min..max of body, then up to suffix_max of suffix
  kCasedWord,  // prefix?, body* suffix+ | prefix?, body+ suffix*: body upper-like, suffix lower-like letters
  kSpacedWords,      // prefix?, (letter mark* (space letter mark*)*)+
  kThroughNewline,   // \s*[\r\n]+
  kSpaceBeforeWord,  // \s+(?!\S)
  kSpaceHalving,     // \s{512}(?!\S)|\s{256}(?!\S)| ... |\s{1,2}(?!\S)|\s
  kSpaceToEnd,       // \s+$
  kDigitsFromRight,  // a run of body, in threes counted from its right end
  kBeforeThrees,     // up to where body follows in threes and then ends: cuts, whatever stands around
  kDelimited,        // open, min..max of body, close
};

enum class Prefix : uint8_t { kNone, kOptional, kNeeded };
enum class Contractions : uint8_t { kNone, kLowerCase, kAnyCase };

inline constexpr uint32_t kNoLimit = 0xFFFFFFFF;

struct Rule {
  RuleKind kind = RuleKind::kRun;
  Prefix has_prefix = Prefix::kNone;
  Contractions contractions = Contractions::kNone;  // kContraction; kCasedWord: may end with one
  bool before_boundary = false;                     // kDigitsFromRight: only where no word character follows
  CharSet prefix = {};
  CharSet body = {};
  CharSet suffix = {};
  uint32_t min = 1;
  uint32_t max = kNoLimit;
  uint32_t suffix_max = 0;
  std::string_view open = {};
  std::string_view close = {};
};

using Stage = std::span<const Rule>;

struct PreSplit {
  std::string_view name;
  std::span<const Stage> stages;
  bool ignore_merges = false;  // a piece that is a token as a whole stays one
  bool add_bos = false;        // where the file does not say
  bool byte_level = true;      // false: plain UTF-8 with U+2581 for the space, bytes as <0xNN>
  bool drops_white = false;    // with !byte_level: pieces of white space are left out, no U+2581
};

const PreSplit* find_pre_split(std::string_view name);  // nullptr: not in the table
std::span<const PreSplit> pre_splits();                 // sorted by name
std::string known_pre_splits();                         // "bloom, chameleon, ..."

// Visits pieces of `text`, in order, none empty; together they are `text`. Bytes that are not UTF-8 count as
// symbols. Adds to `steps` the characters looked at. Ends where `visit` says false.
using VisitPiece = std::function<bool(std::string_view piece)>;
void split(const PreSplit& row, std::string_view text, uint64_t& steps, const VisitPiece& visit);

}  // namespace gantry::tokenizer
