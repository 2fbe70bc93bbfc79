#include "tokenizer/vocab_load.h"

#include <algorithm>
#include <limits>

#include "base/error.h"
#include "base/log.h"
#include "tokenizer/pre_split.h"

namespace gantry::tokenizer {
namespace {

using gguf::Array;
using gguf::Metadata;
using gguf::ValueType;

constexpr uint64_t kTokensMax = uint64_t{1} << 26;
constexpr uint64_t kTextBytesMax = uint64_t{1} << 31;

[[noreturn]] void bad(const Metadata& metadata, std::string_view key, const std::string& what) {
  throw Error(ErrorCode::kBadFile, what, metadata.where() + ": " + std::string(key));
}

// The ids and flags that a file of this model need not write.
struct ModelDefaults {
  std::string_view model;
  TokenId bos, eos, unk, sep, pad, mask;
  bool add_bos, add_eos, add_sep, add_space_prefix;
};
constexpr ModelDefaults kModelDefaults[] = {
    {"llama", 1, 2, 0, kNoToken, kNoToken, kNoToken, true, false, false, true},
    {"gpt2", kNoToken, kNoToken, kNoToken, kNoToken, kNoToken, kNoToken, false, false, false, false},
    {"gemma4", kNoToken, kNoToken, kNoToken, kNoToken, kNoToken, kNoToken, true, false, false, false},
    {"whitespace", kNoToken, kNoToken, kNoToken, kNoToken, kNoToken, kNoToken, false, false, false, false},
    {"bert", 101, kNoToken, 100, 102, 0, 103, true, false, true, false},
    {"t5", kNoToken, 1, 2, kNoToken, 0, kNoToken, false, true, false, false},
};

const ModelDefaults& defaults_of(const Metadata& metadata, std::string_view model) {
  constexpr const char* kKey = "tokenizer.ggml.model";
  std::string known;
  for (const ModelDefaults& row : kModelDefaults) {
    if (row.model == model) return row;
    known += (known.empty() ? "" : ", ") + std::string(row.model);
  }
  if (model == "no_vocab" || model == "none") {
    throw Error(ErrorCode::kUnsupported, "the file has no vocabulary", metadata.where() + ": " + kKey,
                "give the model a vocabulary, or send token ids");
  }
  throw Error(ErrorCode::kUnsupported, "the tokenizer model \"" + std::string(model) + "\" is not known",
              metadata.where() + ": " + kKey, "known: " + known);
}

void read_tokens(const Metadata& metadata, VocabData& data) {
  constexpr const char* kKey = "tokenizer.ggml.tokens";
  const Array& tokens = metadata.need_array(kKey, ValueType::kString);
  if (tokens.strings.empty()) bad(metadata, kKey, "the vocabulary is empty");
  if (tokens.strings.size() > kTokensMax) {
    bad(metadata, kKey, std::to_string(tokens.strings.size()) + " tokens are more than any vocabulary has");
  }
  uint64_t bytes = 0;
  for (const std::string_view token : tokens.strings) bytes += token.size();
  if (bytes > kTextBytesMax) bad(metadata, kKey, "the tokens' texts are longer than 2 GiB together");
  data.tokens = tokens.strings;
}

const Array* numbers_per_token(const Metadata& metadata, const char* key, size_t tokens) {
  const Array* array = metadata.get_array(key);
  if (array == nullptr) return nullptr;
  if (array->element == ValueType::kString || array->element == ValueType::kArray) {
    bad(metadata, key, "an array of numbers is wanted, found " + std::string(gguf::name_of(array->element)));
  }
  if (array->count < tokens) {
    bad(metadata, key, std::to_string(array->count) + " entries for " + std::to_string(tokens) + " tokens");
  }
  return array;
}

void read_scores_and_kinds(const Metadata& metadata, VocabData& data) {
  const size_t n = data.tokens.size();
  if (const Array* scores = numbers_per_token(metadata, "tokenizer.ggml.scores", n)) {
    data.scores.reserve(n);
    for (size_t i = 0; i < n; ++i) data.scores.push_back(static_cast<float>(scores->as_double(i)));
  }
  constexpr const char* kKindKey = "tokenizer.ggml.token_type";
  const Array* kinds = numbers_per_token(metadata, kKindKey, n);
  if (kinds == nullptr) return;
  if (kinds->element == ValueType::kF32 || kinds->element == ValueType::kF64) {
    bad(metadata, kKindKey,
        "an array of integers is wanted, found " + std::string(gguf::name_of(kinds->element)));
  }
  data.kinds.reserve(n);
  for (size_t i = 0; i < n; ++i) {
    const int64_t kind = kinds->as_int(i);
    if (kind < 0 || kind > static_cast<int64_t>(TokenKind::kByte)) {
      bad(metadata, kKindKey, "token " + std::to_string(i) + " has the unknown type " + std::to_string(kind));
    }
    data.kinds.push_back(kind == 0 ? TokenKind::kNormal : static_cast<TokenKind>(kind));
  }
}

TokenId read_id(const Metadata& metadata, const std::string& key, TokenId fallback, size_t tokens) {
  const auto id = metadata.get_int(key);
  if (!id) return fallback >= 0 && static_cast<size_t>(fallback) < tokens ? fallback : kNoToken;
  // Some converters write "none" as -1, signed or not.
  if (*id == -1 || *id == std::numeric_limits<uint32_t>::max()) return kNoToken;
  if (*id < 0 || static_cast<uint64_t>(*id) >= tokens) {
    bad(metadata, key, "token " + std::to_string(*id) + " of a vocabulary of " + std::to_string(tokens));
  }
  return static_cast<TokenId>(*id);
}

bool read_flag(const Metadata& metadata, const std::string& key, bool fallback, TokenId token,
               std::string_view token_key) {
  const auto flag = metadata.get_bool(key);
  if (flag.value_or(false) && token == kNoToken) {
    bad(metadata, key, "it is true, but there is no " + std::string(token_key));
  }
  return flag.value_or(fallback) && token != kNoToken;
}

void read_special(const Metadata& metadata, const ModelDefaults& defaults, VocabData& data) {
  const std::string prefix = "tokenizer.ggml.";
  const size_t n = data.tokens.size();
  SpecialTokens& special = data.special;
  // BERT's beginning is called cls.
  const bool cls =
      metadata.find(prefix + "bos_token_id") == nullptr && metadata.find(prefix + "cls_token_id") != nullptr;
  special.bos = read_id(metadata, prefix + (cls ? "cls_token_id" : "bos_token_id"), defaults.bos, n);
  special.eos = read_id(metadata, prefix + "eos_token_id", defaults.eos, n);
  special.eot = read_id(metadata, prefix + "eot_token_id", kNoToken, n);
  special.eom = read_id(metadata, prefix + "eom_token_id", kNoToken, n);
  special.unk = read_id(metadata, prefix + "unknown_token_id", defaults.unk, n);
  // The key was once written with this spelling.
  const bool seperator = metadata.find(prefix + "seperator_token_id") != nullptr;
  special.sep =
      read_id(metadata, prefix + (seperator ? "seperator_token_id" : "separator_token_id"), defaults.sep, n);
  special.pad = read_id(metadata, prefix + "padding_token_id", defaults.pad, n);
  special.mask = read_id(metadata, prefix + "mask_token_id", defaults.mask, n);

  const PreSplit* split = find_pre_split(data.pre);
  const bool split_bos = split != nullptr && split->add_bos;
  special.add_bos = read_flag(metadata, prefix + "add_bos_token", defaults.add_bos || split_bos, special.bos,
                              "tokenizer.ggml.bos_token_id");
  // Files of these families say false although the model was trained with BOS.
  if (split_bos && !split->byte_level && !special.add_bos && special.bos != kNoToken) {
    log::warn("tokenizer", "{}: tokenizer.ggml.add_bos_token is false; {} models need it, so BOS is added",
              data.where, data.pre);
    special.add_bos = true;
  }
  special.add_eos = read_flag(metadata, prefix + "add_eos_token", defaults.add_eos, special.eos,
                              "tokenizer.ggml.eos_token_id");
  // Converters write the flag for every model; the others have no use for it.
  if (data.model == "bert") {
    data.add_sep = read_flag(metadata, prefix + "add_sep_token", defaults.add_sep, special.sep,
                             "tokenizer.ggml.seperator_token_id");
  }
}

void read_text_rules(const Metadata& metadata, const ModelDefaults& defaults, VocabData& data) {
  const std::string prefix = "tokenizer.ggml.";
  data.add_space_prefix = metadata.get_bool(prefix + "add_space_prefix").value_or(defaults.add_space_prefix);
  data.remove_extra_whitespaces = metadata.get_bool(prefix + "remove_extra_whitespaces").value_or(false);
  const bool is_bert = data.model == "bert";
  data.lowercase = metadata.get_bool(prefix + "normalizer.lowercase").value_or(is_bert);
  data.strip_accents = metadata.get_bool(prefix + "normalizer.strip_accents").value_or(data.lowercase);
  const std::string charsmap_key = prefix + "precompiled_charsmap";
  if (const Array* charsmap = metadata.get_array(charsmap_key)) {
    if (charsmap->element != ValueType::kU8 && charsmap->element != ValueType::kI8) {
      bad(metadata, charsmap_key,
          "an array of bytes is wanted, found " + std::string(gguf::name_of(charsmap->element)));
    }
    data.charsmap = {reinterpret_cast<const char*>(charsmap->bytes.data()), charsmap->bytes.size()};
  }
}

void choose_pre_split(const Metadata& metadata, std::string_view pre_override, VocabData& data) {
  constexpr const char* kKey = "tokenizer.ggml.pre";
  if (!pre_override.empty()) {
    data.pre = pre_override;
  } else if (data.model == "gemma4") {
    data.pre = "gemma4";
  } else if (const auto pre = metadata.get_string(kKey)) {
    data.pre = *pre;
  } else {
    data.pre = "default";
    log::warn("tokenizer", "{}: no {}; the pre-split \"default\" is used, which may not be the model's",
              metadata.where(), kKey);
  }
  if (find_pre_split(data.pre) != nullptr) return;
  throw Error(ErrorCode::kUnsupported, "the pre-split \"" + data.pre + "\" is not known",
              pre_override.empty() ? metadata.where() + ": " + kKey : "pre_split",
              "name the one that fits the model with `pre_split`; known: " + known_pre_splits());
}

bool contains_any(std::string_view text, std::initializer_list<std::string_view> parts) {
  return std::any_of(parts.begin(), parts.end(),
                     [text](std::string_view part) { return text.find(part) != text.npos; });
}

// Which special tokens take the white space beside them: GGUF does not say, so it is known by model.
void find_swallowing(const Metadata& metadata, VocabData& data) {
  std::string name(metadata.get_string("general.name").value_or(""));
  std::transform(name.begin(), name.end(), name.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  const std::string_view arch = metadata.get_string("general.architecture").value_or("");
  std::string_view swallow_left;
  if (contains_any(data.pre, {"jina-v2-de", "jina-v2-es", "jina-v2-code"}) ||
      contains_any(arch, {"nomic-bert-moe", "jina-bert-v3"})) {
    swallow_left = "<mask>";
  } else if (contains_any(name, {"modern-bert"})) {
    swallow_left = "[MASK]";
  }
  const bool phi3 = contains_any(name, {"phi-3", "phi3"});
  for (size_t i = 0; i < data.tokens.size(); ++i) {
    const std::string_view text = data.tokens[i];
    const auto token = static_cast<TokenId>(i);
    const TokenKind kind = data.kinds.empty() ? TokenKind::kNormal : data.kinds[i];
    if (!swallow_left.empty() && text == swallow_left) data.swallow_left.push_back(token);
    if (!phi3 || text == "<unk>" || text == "<s>" || text == "<|endoftext|>") continue;
    if (kind == TokenKind::kControl || kind == TokenKind::kUserDefined || text == "</s>") {
      data.swallow_right.push_back(token);
    }
  }
}

// Encoders of BERT's kind with such a vocabulary descend from XLM-RoBERTa. They are published with Hugging
// Face's tokenizers, T5 and others with SentencePiece: where two cuts of a text have one score, that decides.
bool sums_by_word(const Metadata& metadata) {
  return contains_any(metadata.get_string("general.architecture").value_or(""), {"bert"});
}

}  // namespace

VocabData load_vocab(const Metadata& metadata, std::string_view pre_override) {
  VocabData data;
  data.where = metadata.where();
  data.model = metadata.need_string("tokenizer.ggml.model");
  const ModelDefaults& defaults = defaults_of(metadata, data.model);
  if (data.model == "gpt2" || data.model == "gemma4" || data.model == "whitespace") {
    choose_pre_split(metadata, pre_override, data);
    data.merges = metadata.need_array("tokenizer.ggml.merges", ValueType::kString).strings;
  }
  read_tokens(metadata, data);
  read_scores_and_kinds(metadata, data);
  read_special(metadata, defaults, data);
  read_text_rules(metadata, defaults, data);
  find_swallowing(metadata, data);
  data.sums_by_word = sums_by_word(metadata);
  find_end_markers(data);
  return data;
}

}  // namespace gantry::tokenizer
