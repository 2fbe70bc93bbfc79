// The one table of pre-splits: names as GGUF files carry them in tokenizer.ggml.pre, and the rules of each.
// The patterns are those of the models' own tokenizer files, where GGUF's reference simplifies them; the
// comments give them in regular-expression notation. A new pre-split is a row here.
#include <algorithm>
#include <array>

#include "tokenizer/pre_split.h"
#include "tokenizer/pre_split_ranges.h"

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

constexpr Rule kFalconPunctuation[] = {run({.any = kPunctuation, .also = ranges::kFalcon})};
constexpr Rule kDefaultPunctuation[] = {run({.any = kPunctuation, .also = ranges::kDefault})};

constexpr Rule kOneNewline[] = {run(kNewlines, 1)};
constexpr Rule kDeepseekLlmWords[] = {maybe(kWhites, run({.also = ranges::kDeepseekLetters}))};
constexpr Rule kDeepseekLlmPunctuation[] = {maybe(kWhites, run({.also = ranges::kDeepseekPunctuation}))};
constexpr Rule kSpaceToEndRules[] = {only(RuleKind::kSpaceToEnd)};
constexpr Rule kDeepseekCjkRuns[] = {run({.also = ranges::kDeepseekCjk})};
constexpr Rule kDeepseekCoderWords[] = {maybe(kWhites, run(kLetters))};
constexpr Rule kDeepseekCoderPunctuation[] = {maybe(kWhites, run({.any = kPunctuation}))};

constexpr Rule kHanAndKanaRuns[] = {run({.also = ranges::kHanAndKana})};
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

// As qwen2, no newline behind punctuation.
constexpr Rule kSeedCoderRules[] = {
    kAnyCaseContraction,  kWord,    run(kNumbers, 1), maybe(kSpaces, run(kOthers)), kThroughNewlineRule,
    kSpaceBeforeWordRule, kWhiteRun};
// As qwen2, without contractions.
constexpr Rule kUfakzekaRules[] = {
    kWord, run(kNumbers, 1), kOtherRun, kThroughNewlineRule, kSpaceBeforeWordRule, kWhiteRun};
// As llama3, after a stage that took the numbers.
constexpr Rule kMinicpm5Rules[] = {
    kAnyCaseContraction,  kWord,    run(kNumbers), kOtherRun, kThroughNewlineRule,
    kSpaceBeforeWordRule, kWhiteRun};
// As llama3, white space in halves: \s{512}(?!\S)| ... |\s{4}(?!\S)|\s{1,2}(?!\S)|\s
constexpr Rule kJais2Rules[] = {kAnyCaseContraction, kWord,
                                run(kNumbers, 3),    kOtherRun,
                                kThroughNewlineRule, only(RuleKind::kSpaceHalving)};
// As qwen2, words joined by single spaces: [^\r\n\p{L}\p{N}]?(?:\p{L}\p{M}*(?: \p{L}\p{M}*)*)+
constexpr Rule spaced_words() {
  Rule rule = only(RuleKind::kSpacedWords);
  rule.has_prefix = Prefix::kOptional;
  rule.prefix = kWordStart;
  return rule;
}
constexpr Rule kExaoneMoeRules[] = {kAnyCaseContraction,
                                    spaced_words(),
                                    run(kNumbers, 1),
                                    then(maybe(kSpaces, run(kOthers)), kNewlinesAndSlash, 1),
                                    kThroughNewlineRule,
                                    kSpaceBeforeWordRule,
                                    kWhiteRun};

// gpt-4o's with single numbers, after a stage that took the East Asian scripts.
constexpr Rule kYoutuScripts[] = {run({.also = ranges::kHangul}),
                                  run({.also = ranges::kEastAsianPunctuation}),
                                  run({.also = ranges::kBopomofo}), run({.also = ranges::kHanAndKana})};
constexpr Rule kYoutuRules[] = {cased_word(kUpperLike, kLowerLike, Contractions::kAnyCase),
                                run(kNumbers, 1),
                                then(maybe(kSpaces, run(kOthers)), kNewlinesAndSlash),
                                kThroughNewlineRule,
                                kSpaceBeforeWordRule,
                                kWhiteRun};

// \p{Han}+, then gpt-4o's without Han letters and without the slash.
constexpr CharSet without_han(CharSet set) {
  set.none |= kHan;
  return set;
}
constexpr Rule kKimiRules[] = {
    run({.any = kHan}),
    cased_word(without_han(kUpperLike), without_han(kLowerLike), Contractions::kAnyCase),
    run(kNumbers, 3),
    kOtherRun,
    kThroughNewlineRule,
    kSpaceBeforeWordRule,
    kWhiteRun};

// deepseek-v3's, newlines apart.
constexpr Rule kSparkRules[] = {after({.any = kAsciiPunctuation}, run(kAsciiLetters)),
                                maybe(kWordStartNotPunctuation, run(kLettersAndMarks)),
                                maybe(kSpaces, run(kPunctuationAndSymbols)),
                                run(kNewlines, 1),
                                kSpaceBeforeWordRule,
                                kWhiteRun};

constexpr Rule kAfmoeScriptRuns[] = {run({.also = ranges::kAfmoeScripts})};
constexpr Rule kNumbersFromRight[] = {digits_from_right(kNumbers, false)};
// (?=(\d{3})+(?!\d)): matches nothing, and cuts there
constexpr Rule before_threes() {
  Rule rule = only(RuleKind::kBeforeThrees);
  rule.body = kDecimalDigits;
  return rule;
}
constexpr Rule kCutBeforeThrees[] = {before_threes()};
// \d{1,3}(?=(?:\d{3})*\b)
constexpr Rule kDigitsFromBoundary[] = {digits_from_right(kDecimalDigits, true)};

//  ?[^(\s|.,!?…。，、।۔،)]+
constexpr Rule kBloomRules[] = {maybe(kSpaces, run({.any = kAny & ~kWhite, .except = ranges::kBloomStops}))};

// [^\n]+|[\n]+
constexpr Rule kLines[] = {run({.any = kAny, .none = kLineFeed}), run({.any = kLineFeed})};

// \S+; what is between is dropped
constexpr Rule kNotWhite[] = {run({.any = kAny & ~kWhite})};

constexpr Rule kSentinels[] = {delimited("<sentinel:", kAsciiDigits, 1, kNoLimit, ">")};
constexpr Rule kImages[] = {delimited("IMGIMG", {.also = ranges::kAToI}, 1, 4, "Z")};
constexpr Rule kTabsAndSpaces[] = {run({.also = ranges::kTabAndLineFeed}, 1), delimited("    ", {}, 0, 0, ""),
                                   delimited("  ", {}, 0, 0, "")};
constexpr Rule kOnePunctuation[] = {run({.any = kPunctuation | kAsciiPunctuation}, 1)};

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
constexpr Stage kSpark[] = {kThreeNumbers, kHanAndKanaRuns, kSparkRules, kOneNumber};
constexpr Stage kAfmoe[] = {kNumbersFromRight, kAfmoeScriptRuns, kDeepseekV3Rules};
constexpr Stage kGpt4o[] = {kGpt4oRules};
constexpr Stage kTinyAya[] = {kDigitsFromBoundary, kGpt4oRules};
constexpr Stage kYoutu[] = {kYoutuScripts, kYoutuRules};
constexpr Stage kTekken[] = {kTekkenRules};
constexpr Stage kKimi[] = {kKimiRules};
constexpr Stage kSeedCoder[] = {kSeedCoderRules};
constexpr Stage kUfakzeka[] = {kUfakzekaRules};
constexpr Stage kMinicpm5[] = {kThreeNumbers, kMinicpm5Rules};
constexpr Stage kJais2[] = {kJais2Rules};
constexpr Stage kExaoneMoe[] = {kExaoneMoeRules};
constexpr Stage kSuperbpe[] = {kNumberRuns, kCutBeforeThrees};
constexpr Stage kBloom[] = {kBloomRules};
constexpr Stage kViking[] = {kBloomRules, kOneNumber};
constexpr Stage kLaguna[] = {kLines, kQwen2Rules};
constexpr Stage kGemma4[] = {kLines};
constexpr Stage kWhitespace[] = {kNotWhite};
constexpr Stage kChameleon[] = {kSentinels, kImages, kTabsAndSpaces, kOneNumber, kOnePunctuation, kGpt2Rules};

// --- the table, by name -----------------------------------------------------------------------------------

constexpr bool kMerges = false;      // a piece goes through the merges
constexpr bool kWholeTokens = true;  // a piece that is a token as a whole stays one
constexpr bool kAddBos = true;       // where the file does not say
constexpr bool kByteLevel = true;
constexpr bool kDropsWhite = true;

constexpr PreSplit kTable[] = {
    {"a.x-4.0", kGpt2},
    {"afmoe", kAfmoe},
    {"bailingmoe", kQwen2},
    {"bailingmoe2", kQwen2},
    {"bloom", kBloom},
    {"chameleon", kChameleon, kMerges, kAddBos},
    {"chatglm-bpe", kLlama3},
    {"codeshell", kStarcoder},
    {"cohere2moe", kTinyAya},
    {"command-r", kStarcoder},
    {"dbrx", kLlama3},
    {"deepseek-coder", kDeepseekCoder},
    {"deepseek-llm", kDeepseekLlm},
    {"deepseek-r1-qwen", kQwen2},
    {"deepseek-v3", kDeepseekV3},
    {"default", kDefault},
    {"exaone", kStarcoder},
    {"exaone-moe", kExaoneMoe},
    {"exaone4", kGpt2},
    {"f2llmv2", kQwen2},
    {"falcon", kFalcon},
    {"falcon-h1", kLlama3, kWholeTokens, kAddBos},
    {"falcon3", kLlama3, kWholeTokens, kAddBos},
    {"gemma4", kGemma4, kMerges, kAddBos, !kByteLevel},
    {"gigachat", kGpt2},
    {"glm4", kLlama3},
    {"gpt-2", kGpt2},
    {"gpt-4o", kGpt4o},
    {"gpt3-finnish", kBloom},
    {"granite-docling", kGpt2},
    {"granite-embed-multi-311m", kGemma4, kMerges, kAddBos, !kByteLevel},
    {"granite-embed-multi-97m", kGpt4o, kWholeTokens},
    {"grok-2", kQwen2},
    {"hunyuan", kQwen2},
    {"hunyuan-dense", kDeepseekV3},
    {"hy_v4", kDeepseekV3},
    {"jais", kGpt2},
    {"jais-2", kJais2},
    {"jina-de", kGpt2},
    {"jina-es", kGpt2},
    {"jina-v1-en", kGpt2},
    {"jina-v2-code", kGpt2},
    {"jina-v2-de", kGpt2},
    {"jina-v2-es", kGpt2},
    {"jina-v5-nano", kLlama3, kWholeTokens, kAddBos},
    {"joyai-llm", kDeepseekV3},
    {"kanana2", kGpt4o},
    {"kimi-k2", kKimi},
    {"kormo", kQwen2},
    {"laguna", kLaguna},
    {"lfm2", kLlama3, kWholeTokens, kAddBos},
    {"llada-moe", kQwen2},
    {"llama-bpe", kLlama3, kWholeTokens, kAddBos},
    {"llama-v3", kLlama3, kWholeTokens, kAddBos},
    {"llama3", kLlama3, kWholeTokens, kAddBos},
    {"llama4", kGpt4o},
    {"megrez", kQwen2},
    {"mellum", kGpt2},
    {"mellum2", kStarcoder},
    {"midm-2.0", kLlama3, kWholeTokens, kAddBos},
    {"minerva-7b", kStarcoder},
    {"minicpm5", kMinicpm5, kWholeTokens},
    {"minimax-m2", kGpt4o},
    {"modern-bert", kGpt2},
    {"mpt", kGpt2},
    {"olmo", kGpt2},
    {"phi-2", kGpt2},
    {"pixtral", kLlama3, kWholeTokens, kAddBos},
    {"poro-chat", kBloom},
    {"qwen2", kQwen2},
    {"qwen35", kQwen35},
    {"refact", kStarcoder},
    {"roberta-bpe", kGpt2},
    {"sarvam-moe", kGemma4, kMerges, !kAddBos, !kByteLevel},
    {"seed-coder", kSeedCoder},
    {"smaug-bpe", kLlama3},
    {"smollm", kStarcoder},
    {"solar-open", kQwen2},
    {"spark2_5", kSpark},
    {"stablelm2", kQwen2},
    {"starcoder", kStarcoder},
    {"superbpe", kSuperbpe},
    {"talkie", kGpt4o},
    {"tekken", kTekken, kWholeTokens, kAddBos},
    {"tiny_aya", kTinyAya},
    {"trillion", kGpt2},
    {"ufakzeka", kUfakzeka},
    {"viking", kViking},
    {"whitespace", kWhitespace, kMerges, !kAddBos, !kByteLevel, kDropsWhite},
    {"youtu", kYoutu, kWholeTokens},
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
