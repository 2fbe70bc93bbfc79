// The one table of pre-splits: names as GGUF files carry them in tokenizer.ggml.pre, and the rules of each.
// The patterns are those of the models' own tokenizer files, where GGUF's reference simplifies them; the
// comments give them in regular-expression notation. A new pre-split is a row here.
#include <algorithm>
#include <array>

#include "tokenizer/pre_split.h"

namespace gantry::tokenizer {
namespace {

constexpr CharSet kLetters{.any = kLetter};
constexpr CharSet kLettersAndMarks{.any = kLetter | kMark};
constexpr CharSet kNumbers{.any = kNumber};
constexpr CharSet kDecimalDigits{.any = kDigit};
constexpr CharSet kAsciiDigits{.any = kAsciiDigit};
constexpr CharSet kAsciiLetters{.any = kAsciiLetter};
constexpr CharSet kSpaces{.any = kSpace};
constexpr CharSet kWhites{.any = kWhite};
constexpr CharSet kNewlines{.any = kNewline};
constexpr CharSet kNewlinesAndSlash{.any = kNewline | kSlash};
constexpr CharSet kOthers{.any = kAny & ~(kWhite | kLetter | kNumber)};  // [^\s\p{L}\p{N}]
constexpr CharSet kOthersNotMarks{.any = kAny & ~(kWhite | kLetter | kNumber | kMark)};
constexpr CharSet kWordStart{.any = kAny & ~(kNewline | kLetter | kNumber)};  // [^\r\n\p{L}\p{N}]
constexpr CharSet kWordStartNotPunctuation{.any = kAny & ~(kNewline | kLetter | kPunctuation | kSymbol)};
constexpr CharSet kPunctuationAndSymbols{.any = kPunctuation | kSymbol};
constexpr CharSet kUpperLike{.any = kUpper | kTitle | kModifier | kOtherLetter | kMark};
constexpr CharSet kLowerLike{.any = kLower | kModifier | kOtherLetter | kMark};

constexpr Rule run(CharSet body, uint32_t max = kNoLimit, uint32_t min = 1) {
  Rule rule;
  rule.body = body;
  rule.min = min;
  rule.max = max;
  return rule;
}
constexpr Rule maybe(CharSet prefix, Rule rule) {
  rule.has_prefix = Prefix::kOptional;
  rule.prefix = prefix;
  return rule;
}
constexpr Rule after(CharSet prefix, Rule rule) {
  rule.has_prefix = Prefix::kNeeded;
  rule.prefix = prefix;
  return rule;
}
constexpr Rule then(Rule rule, CharSet suffix, uint32_t max = kNoLimit) {
  rule.suffix = suffix;
  rule.suffix_max = max;
  return rule;
}
constexpr Rule contraction(Contractions contractions) {
  Rule rule;
  rule.kind = RuleKind::kContraction;
  rule.contractions = contractions;
  return rule;
}
constexpr Rule cased_word(CharSet upper, CharSet lower, Contractions contractions) {
  Rule rule;
  rule.kind = RuleKind::kCasedWord;
  rule.has_prefix = Prefix::kOptional;
  rule.prefix = kWordStart;
  rule.body = upper;
  rule.suffix = lower;
  rule.contractions = contractions;
  return rule;
}
constexpr Rule only(RuleKind kind) {
  Rule rule;
  rule.kind = kind;
  return rule;
}
constexpr Rule digits_from_right(CharSet digits, bool before_boundary) {
  Rule rule;
  rule.kind = RuleKind::kDigitsFromRight;
  rule.body = digits;
  rule.before_boundary = before_boundary;
  return rule;
}
constexpr Rule delimited(std::string_view open, CharSet body, uint32_t min, uint32_t max,
                         std::string_view close) {
  Rule rule;
  rule.kind = RuleKind::kDelimited;
  rule.open = open;
  rule.body = body;
  rule.min = min;
  rule.max = max;
  rule.close = close;
  return rule;
}

constexpr Rule kThroughNewlineRule = only(RuleKind::kThroughNewline);
constexpr Rule kSpaceBeforeWordRule = only(RuleKind::kSpaceBeforeWord);
constexpr Rule kWhiteRun = run(kWhites);
constexpr Rule kAnyCaseContraction = contraction(Contractions::kAnyCase);
constexpr Rule kWord = maybe(kWordStart, run(kLetters));
constexpr Rule kOtherRun = then(maybe(kSpaces, run(kOthers)), kNewlines);

// --- rules of one stage -----------------------------------------------------------------------------------

// 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)
constexpr Rule kGpt2Rules[] = {contraction(Contractions::kLowerCase), maybe(kSpaces, run(kLetters)),
                               maybe(kSpaces, run(kNumbers)), maybe(kSpaces, run(kOthers)),
                               kSpaceBeforeWordRule};

// (?i:'s|...)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+
constexpr Rule kLlama3Rules[] = {
    kAnyCaseContraction,  kWord,    run(kNumbers, 3), kOtherRun, kThroughNewlineRule,
    kSpaceBeforeWordRule, kWhiteRun};

// As above with \p{N} alone.
constexpr Rule kQwen2Rules[] = {
    kAnyCaseContraction,  kWord,    run(kNumbers, 1), kOtherRun, kThroughNewlineRule,
    kSpaceBeforeWordRule, kWhiteRun};

// As qwen2, marks belonging to words: [^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+ and [^\s\p{L}\p{M}\p{N}].
constexpr Rule kQwen35Rules[] = {kAnyCaseContraction,
                                 maybe(kWordStart, run(kLettersAndMarks)),
                                 run(kNumbers, 1),
                                 then(maybe(kSpaces, run(kOthersNotMarks)), kNewlines),
                                 kThroughNewlineRule,
                                 kSpaceBeforeWordRule,
                                 kWhiteRun};

constexpr Rule kOneNumber[] = {run(kNumbers, 1)};
constexpr Rule kThreeNumbers[] = {run(kNumbers, 3)};
constexpr Rule kNumberRuns[] = {run(kNumbers)};
constexpr Rule kThreeAsciiDigits[] = {run(kAsciiDigits, 3, 3)};

// [\p{P}\$\+<=>\^~\|`]+ ; the default has no backtick.
constexpr CodeRange kFalconSymbols[] = {{U'$', U'$'}, {U'+', U'+'}, {U'<', U'>'}, {U'^', U'^'},
                                        {U'`', U'`'}, {U'|', U'|'}, {U'~', U'~'}};
constexpr CodeRange kDefaultSymbols[] = {{U'$', U'$'}, {U'+', U'+'}, {U'<', U'>'},
                                         {U'^', U'^'}, {U'|', U'|'}, {U'~', U'~'}};
constexpr Rule kFalconPunctuation[] = {run({.any = kPunctuation, .also = kFalconSymbols})};
constexpr Rule kDefaultPunctuation[] = {run({.any = kPunctuation, .also = kDefaultSymbols})};

// The letters of DeepSeek's first tokenizers: cased scripts by code point.
constexpr CodeRange kDeepseekLetters[] = {
    {U'A', U'Z'},       {U'a', U'z'},       {0xB5, 0xB5},       {0xC0, 0xD6},       {0xD8, 0xF6},
    {0xF8, 0x1BA},      {0x1BC, 0x1BF},     {0x1C4, 0x293},     {0x295, 0x2AF},     {0x370, 0x373},
    {0x376, 0x377},     {0x37B, 0x37D},     {0x37F, 0x37F},     {0x386, 0x386},     {0x388, 0x38A},
    {0x38C, 0x38C},     {0x38E, 0x3A1},     {0x3A3, 0x3F5},     {0x3F7, 0x481},     {0x48A, 0x52F},
    {0x531, 0x556},     {0x10A0, 0x10C5},   {0x13A0, 0x13F5},   {0x13F8, 0x13FD},   {0x1C90, 0x1CBA},
    {0x1CBD, 0x1CBF},   {0x1D00, 0x1D2B},   {0x1D6B, 0x1D77},   {0x1D79, 0x1D9A},   {0x1E00, 0x1F15},
    {0x1F18, 0x1F1D},   {0x1F20, 0x1F45},   {0x1F48, 0x1F4D},   {0x1F50, 0x1F57},   {0x1F59, 0x1F59},
    {0x1F5B, 0x1F5B},   {0x1F5D, 0x1F5D},   {0x1F5F, 0x1F7D},   {0x1F80, 0x1FB4},   {0x1FB6, 0x1FBC},
    {0x1FBE, 0x1FBE},   {0x1FC2, 0x1FC4},   {0x1FC6, 0x1FCC},   {0x1FD0, 0x1FD3},   {0x1FD6, 0x1FDB},
    {0x1FE0, 0x1FEC},   {0x1FF2, 0x1FF4},   {0x1FF6, 0x1FFC},   {0x2102, 0x2102},   {0x2107, 0x2107},
    {0x210A, 0x2113},   {0x2115, 0x2115},   {0x2119, 0x211D},   {0x2124, 0x2124},   {0x2126, 0x2126},
    {0x2128, 0x2128},   {0x212A, 0x212D},   {0x212F, 0x2134},   {0x2139, 0x2139},   {0x213C, 0x213F},
    {0x2145, 0x2149},   {0x214E, 0x214E},   {0x2183, 0x2184},   {0x2C00, 0x2C7B},   {0x2C7E, 0x2CE4},
    {0x2CEB, 0x2CEE},   {0x2CF2, 0x2CF3},   {0xA640, 0xA66D},   {0xA680, 0xA69B},   {0xA722, 0xA76F},
    {0xA771, 0xA787},   {0xA78B, 0xA78E},   {0xAB70, 0xABBF},   {0xFB00, 0xFB06},   {0xFB13, 0xFB17},
    {0xFF21, 0xFF3A},   {0xFF41, 0xFF5A},   {0x10400, 0x1044F}, {0x104B0, 0x104D3}, {0x104D8, 0x104FB},
    {0x10C80, 0x10CB2}, {0x10CC0, 0x10CF2}, {0x118A0, 0x118DF}, {0x1E900, 0x1E943}};
// [!-/:-~！-／：-～‘-‟　-。]
constexpr CodeRange kDeepseekPunctuation[] = {{U'!', U'/'},     {U':', U'~'},     {0xFF01, 0xFF0F},
                                              {0xFF1A, 0xFF5E}, {0x2018, 0x201F}, {0x3000, 0x3002}};
// [一-龥ࠀ-一가-퟿]
constexpr CodeRange kDeepseekCjk[] = {{0x4E00, 0x9FA5}, {0x800, 0x4E00}, {0xAC00, 0xD7FF}};
constexpr Rule kOneNewline[] = {run(kNewlines, 1)};
constexpr Rule kDeepseekLlmWords[] = {maybe(kWhites, run({.also = kDeepseekLetters}))};
constexpr Rule kDeepseekLlmPunctuation[] = {maybe(kWhites, run({.also = kDeepseekPunctuation}))};
constexpr Rule kSpaceToEndRules[] = {only(RuleKind::kSpaceToEnd)};
constexpr Rule kDeepseekCjkRuns[] = {run({.also = kDeepseekCjk})};
constexpr Rule kDeepseekCoderWords[] = {maybe(kWhites, run(kLetters))};
constexpr Rule kDeepseekCoderPunctuation[] = {maybe(kWhites, run({.any = kPunctuation}))};

// [一-龥぀-ゟ゠-ヿ]+
constexpr CodeRange kHanAndKana[] = {{0x4E00, 0x9FA5}, {0x3040, 0x30FF}};
constexpr Rule kHanAndKanaRuns[] = {run({.also = kHanAndKana})};
// [!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*
// |\s*[\r\n]+|\s+(?!\S)|\s+
constexpr Rule kDeepseekV3Rules[] = {after({.any = kAsciiPunctuation}, run(kAsciiLetters)),
                                     maybe(kWordStartNotPunctuation, run(kLettersAndMarks)),
                                     then(maybe(kSpaces, run(kPunctuationAndSymbols)), kNewlines),
                                     kThroughNewlineRule,
                                     kSpaceBeforeWordRule,
                                     kWhiteRun};

// [^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|...)? | the same with +
// and * exchanged | \p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+
constexpr Rule kGpt4oRules[] = {cased_word(kUpperLike, kLowerLike, Contractions::kAnyCase),
                                run(kNumbers, 3),
                                then(maybe(kSpaces, run(kOthers)), kNewlinesAndSlash),
                                kThroughNewlineRule,
                                kSpaceBeforeWordRule,
                                kWhiteRun};
constexpr Rule kTekkenRules[] = {cased_word(kUpperLike, kLowerLike, Contractions::kNone),
                                 run(kNumbers, 1),
                                 then(maybe(kSpaces, run(kOthers)), kNewlinesAndSlash),
                                 kThroughNewlineRule,
                                 kSpaceBeforeWordRule,
                                 kWhiteRun};

// --- the stages of each kind ------------------------------------------------------------------------------

constexpr Stage kGpt2[] = {kGpt2Rules};
constexpr Stage kLlama3[] = {kLlama3Rules};
constexpr Stage kQwen2[] = {kQwen2Rules};
constexpr Stage kQwen35[] = {kQwen35Rules};
constexpr Stage kDefault[] = {kDefaultPunctuation, kGpt2Rules, kNumberRuns, kThreeAsciiDigits};
constexpr Stage kFalcon[] = {kFalconPunctuation, kGpt2Rules, kThreeAsciiDigits};
constexpr Stage kStarcoder[] = {kOneNumber, kGpt2Rules};
constexpr Stage kDeepseekLlm[] = {kOneNewline,      kDeepseekLlmWords, kDeepseekLlmPunctuation,
                                  kSpaceToEndRules, kDeepseekCjkRuns,  kNumberRuns};
constexpr Stage kDeepseekCoder[] = {kOneNewline, kDeepseekCoderWords, kDeepseekCoderPunctuation,
                                    kDeepseekCjkRuns, kOneNumber};
constexpr Stage kDeepseekV3[] = {kThreeNumbers, kHanAndKanaRuns, kDeepseekV3Rules};
constexpr Stage kGpt4o[] = {kGpt4oRules};
constexpr Stage kTekken[] = {kTekkenRules};

constexpr PreSplit llama3(std::string_view name) { return {name, kLlama3, true, true}; }

// --- the table, by name -----------------------------------------------------------------------------------

constexpr PreSplit kTable[] = {
    {"a.x-4.0", kGpt2},
    {"command-r", kStarcoder},
    {"deepseek-coder", kDeepseekCoder},
    {"deepseek-llm", kDeepseekLlm},
    {"deepseek-r1-qwen", kQwen2},
    {"deepseek-v3", kDeepseekV3},
    {"default", kDefault},
    {"falcon", kFalcon},
    llama3("falcon-h1"),
    llama3("falcon3"),
    {"gpt-2", kGpt2},
    {"gpt-4o", kGpt4o},
    {"llama-bpe", kLlama3, true, true},
    llama3("llama-v3"),
    llama3("llama3"),
    {"llama4", kGpt4o},
    {"mpt", kGpt2},
    {"olmo", kGpt2},
    {"phi-2", kGpt2},
    llama3("pixtral"),
    {"qwen2", kQwen2},
    {"qwen35", kQwen35},
    {"refact", kStarcoder},
    {"smollm", kStarcoder},
    {"stablelm2", kQwen2},
    {"starcoder", kStarcoder},
    {"tekken", kTekken, true, true},
};

constexpr bool is_sorted_by_name(std::span<const PreSplit> rows) {
  for (size_t i = 1; i < rows.size(); ++i) {
    if (!(rows[i - 1].name < rows[i].name)) return false;
  }
  return true;
}
static_assert(is_sorted_by_name(kTable));

}  // namespace

std::span<const PreSplit> pre_splits() { return kTable; }

const PreSplit* find_pre_split(std::string_view name) {
  const auto row = std::lower_bound(std::begin(kTable), std::end(kTable), name,
                                    [](const PreSplit& a, std::string_view b) { return a.name < b; });
  return row != std::end(kTable) && row->name == name ? &*row : nullptr;
}

std::string known_pre_splits() {
  std::string names;
  for (const PreSplit& row : kTable) {
    if (!names.empty()) names += ", ";
    names += row.name;
  }
  return names;
}

}  // namespace gantry::tokenizer
