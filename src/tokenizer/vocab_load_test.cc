#include "tokenizer/vocab_load.h"

#include <functional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/error.h"
#include "gguf/gguf.h"
#include "gguf/writer.h"
#include "tests/shared_data.h"

namespace gantry::tokenizer {
namespace {

using Strings = std::vector<std::string>;
const std::string kPrefix = "tokenizer.ggml.";

struct File {
  std::vector<std::byte> bytes;
  std::unique_ptr<gguf::GgufFile> file;
};

File write(const std::function<void(gguf::Writer&)>& fill) {
  gguf::Writer writer;
  fill(writer);
  File out;
  out.bytes = writer.to_bytes();
  out.file = gguf::GgufFile::parse(out.bytes, "made.gguf");
  return out;
}

// A vocabulary without fault, in parts that a test can leave out.
struct Parts {
  std::string model = "gpt2";
  std::string pre = "gpt-2";
  Strings tokens = {"a", "b", "ab", "<|im_end|>"};
  Strings merges = {"a b"};
  std::vector<float> scores;
  std::vector<int32_t> kinds = {1, 1, 1, 3};
  std::function<void(gguf::Writer&)> more = [](gguf::Writer&) {};
};

std::unique_ptr<Tokenizer> load(const Parts& parts, std::string_view pre_override = {}) {
  const File made = write([&](gguf::Writer& writer) {
    writer.add_string(kPrefix + "model", parts.model);
    if (!parts.pre.empty()) writer.add_string(kPrefix + "pre", parts.pre);
    if (!parts.tokens.empty()) writer.add_strings(kPrefix + "tokens", parts.tokens);
    if (!parts.merges.empty()) writer.add_strings(kPrefix + "merges", parts.merges);
    if (!parts.scores.empty()) writer.add_floats(kPrefix + "scores", parts.scores);
    if (!parts.kinds.empty()) writer.add_ints(kPrefix + "token_type", parts.kinds);
    parts.more(writer);
  });
  return Tokenizer::from_gguf(made.file->metadata(), pre_override);  // outlives the file
}

void expect_refused(const Parts& parts, ErrorCode code, const std::string& key) {
  try {
    load(parts);
    ADD_FAILURE() << "taken: " << key;
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), code) << error.what();
    EXPECT_NE(std::string(error.what()).find(key), std::string::npos) << error.what();
    EXPECT_NE(std::string(error.what()).find("made.gguf"), std::string::npos) << error.what();
  }
}

TEST(LoadVocab, takes_a_file_without_fault) {
  const auto tokenizer = load({});
  EXPECT_EQ(tokenizer->model(), "gpt2");
  EXPECT_EQ(tokenizer->pre_split(), "gpt-2");
  EXPECT_EQ(tokenizer->size(), 4u);
  EXPECT_EQ(tokenizer->find("ab"), 2);
  EXPECT_EQ(tokenizer->find("abc"), std::nullopt);
  EXPECT_EQ(tokenizer->special().eot, 3);
  EXPECT_EQ(tokenizer->special().bos, kNoToken);
  EXPECT_EQ(tokenizer->encode("ab", {.add_special = true}), std::vector<TokenId>{2});
}

TEST(LoadVocab, the_caller_may_name_another_pre_split) {
  Parts parts;
  parts.pre = "no-such";
  EXPECT_EQ(load(parts, "qwen2")->pre_split(), "qwen2");
  EXPECT_THROW(load(Parts{}, "no-such"), Error);
}

TEST(LoadVocab, without_a_pre_split_the_default_is_used) {
  Parts parts;
  parts.pre.clear();
  EXPECT_EQ(load(parts)->pre_split(), "default");
}

TEST(LoadVocab, names_what_it_does_not_know) {
  Parts parts;
  parts.pre = "gpt-99";
  expect_refused(parts, ErrorCode::kUnsupported, "gpt-99");
  expect_refused(parts, ErrorCode::kUnsupported, "deepseek-llm");
  parts.model = "rwkv-99";
  expect_refused(parts, ErrorCode::kUnsupported, "rwkv-99");
  parts.model = "no_vocab";
  expect_refused(parts, ErrorCode::kUnsupported, "no vocabulary");
}

TEST(LoadVocab, names_the_key_that_is_missing_or_wrong) {
  Parts parts;
  parts.tokens.clear();
  expect_refused(parts, ErrorCode::kBadFile, "tokenizer.ggml.tokens");
  parts = {};
  parts.merges.clear();
  expect_refused(parts, ErrorCode::kBadFile, "tokenizer.ggml.merges");
  parts = {};
  parts.merges = {"a b", "b zz"};
  expect_refused(parts, ErrorCode::kBadFile, "tokenizer.ggml.merges");
  parts = {};
  parts.kinds = {1, 1, 1};
  expect_refused(parts, ErrorCode::kBadFile, "tokenizer.ggml.token_type");
  parts.kinds = {1, 1, 1, 7};
  expect_refused(parts, ErrorCode::kBadFile, "tokenizer.ggml.token_type");
  parts.kinds = {1, 1, 1, -1};
  expect_refused(parts, ErrorCode::kBadFile, "tokenizer.ggml.token_type");
  parts = {};
  parts.scores = {0.5f};
  expect_refused(parts, ErrorCode::kBadFile, "tokenizer.ggml.scores");
}

TEST(LoadVocab, names_the_key_of_another_type) {
  Parts parts;
  parts.kinds.clear();
  const std::vector<float> floats = {1, 1, 1, 1};
  parts.more = [&](gguf::Writer& writer) { writer.add_floats(kPrefix + "token_type", floats); };
  expect_refused(parts, ErrorCode::kBadFile, "tokenizer.ggml.token_type");
  const Strings words = {"1", "1", "1", "1"};
  parts.more = [&](gguf::Writer& writer) { writer.add_strings(kPrefix + "token_type", words); };
  expect_refused(parts, ErrorCode::kBadFile, "tokenizer.ggml.token_type");
  parts.more = [&](gguf::Writer& writer) { writer.add_strings(kPrefix + "scores", words); };
  expect_refused(parts, ErrorCode::kBadFile, "tokenizer.ggml.scores");
  parts.more = [](gguf::Writer& writer) { writer.add_string(kPrefix + "eos_token_id", "2"); };
  expect_refused(parts, ErrorCode::kBadFile, "tokenizer.ggml.eos_token_id");
  parts.more = [](gguf::Writer& writer) { writer.add_uint(kPrefix + "add_bos_token", 1); };
  expect_refused(parts, ErrorCode::kBadFile, "tokenizer.ggml.add_bos_token");
  parts.model = "t5";
  parts.more = [&](gguf::Writer& writer) { writer.add_floats(kPrefix + "precompiled_charsmap", floats); };
  expect_refused(parts, ErrorCode::kBadFile, "tokenizer.ggml.precompiled_charsmap");
}

TEST(LoadVocab, refuses_ids_outside_the_vocabulary) {
  for (const char* key : {"bos_token_id", "eos_token_id", "eot_token_id", "eom_token_id", "unknown_token_id",
                          "seperator_token_id", "padding_token_id", "mask_token_id"}) {
    Parts parts;
    parts.more = [key](gguf::Writer& writer) { writer.add_uint(kPrefix + key, 4); };
    expect_refused(parts, ErrorCode::kBadFile, kPrefix + key);
    parts.more = [key](gguf::Writer& writer) { writer.add_int(kPrefix + key, -2); };
    expect_refused(parts, ErrorCode::kBadFile, kPrefix + key);
    parts.more = [key](gguf::Writer& writer) { writer.add_uint(kPrefix + key, 0xFFFFFFFF); };
    EXPECT_NO_THROW(load(parts)) << "none, as some converters write it";
  }
}

TEST(LoadVocab, bos_is_added_by_default_only_where_models_want_it) {
  const auto adds_bos = [](const char* model, const char* pre, std::optional<bool> flag) {
    Parts parts;
    parts.model = model;
    parts.pre = pre;
    parts.more = [flag](gguf::Writer& writer) {
      writer.add_uint(kPrefix + "bos_token_id", 3);
      if (flag) writer.add_bool(kPrefix + "add_bos_token", *flag);
    };
    return load(parts)->special().add_bos;
  };
  EXPECT_TRUE(adds_bos("llama", "default", {}));
  EXPECT_FALSE(adds_bos("llama", "default", false));
  EXPECT_TRUE(adds_bos("gpt2", "llama-bpe", {}));
  EXPECT_FALSE(adds_bos("gpt2", "llama-bpe", false));
  EXPECT_FALSE(adds_bos("gpt2", "qwen2", {}));
  EXPECT_TRUE(adds_bos("gpt2", "qwen2", true));
  EXPECT_TRUE(adds_bos("gemma4", "", false));
}

TEST(LoadVocab, a_flag_without_its_token_is_refused) {
  Parts parts;
  parts.more = [](gguf::Writer& writer) { writer.add_bool(kPrefix + "add_eos_token", true); };
  expect_refused(parts, ErrorCode::kBadFile, "tokenizer.ggml.add_eos_token");
  // Only WordPiece has a use for a separator.
  parts.more = [](gguf::Writer& writer) { writer.add_bool(kPrefix + "add_sep_token", true); };
  EXPECT_NO_THROW(load(parts));
}

TEST(LoadVocab, an_unknown_pre_split_is_named_with_the_flag_that_overrides_it) {
  Parts parts;
  parts.pre = "no-such";
  expect_refused(parts, ErrorCode::kUnsupported, "\"no-such\"");
  expect_refused(parts, ErrorCode::kUnsupported, "`pre_split`");
}

TEST(LoadVocab, duplicates_and_empty_tokens_do_no_harm) {
  Parts parts;
  parts.tokens = {"a", "", "b", "a", "ab", ""};
  parts.kinds = {1, 1, 1, 1, 1, 3};
  const auto tokenizer = load(parts);
  EXPECT_EQ(tokenizer->find("a"), 0);
  EXPECT_EQ(tokenizer->find(""), std::nullopt);
  EXPECT_EQ(tokenizer->encode("aab", {.parse_special = true}), (std::vector<TokenId>{0, 4}));
}

TEST(LoadVocab, phi3_markers_swallow_what_follows) {
  Parts parts;
  parts.tokens = {"a", "b", "ab", "<|user|>"};
  parts.more = [](gguf::Writer& writer) { writer.add_string("general.name", "Phi-3 mini"); };
  EXPECT_EQ(load(parts)->encode("<|user|>\n a", {.parse_special = true}), (std::vector<TokenId>{3, 0}));
  EXPECT_EQ(load(parts)->encode("<|user|>\u3000\u00A0a", {.parse_special = true}),
            (std::vector<TokenId>{3, 0}));
  EXPECT_EQ(load(parts)->encode("<|user|> \n", {.parse_special = true}), std::vector<TokenId>{3});
}

// All white space of Unicode, as the published tokenizers have it.
TEST(LoadVocab, masks_swallow_what_precedes) {
  Parts parts;
  parts.tokens = {"a", "b", "ab", "<mask>"};
  parts.pre = "jina-v2-de";
  const auto tokenizer = load(parts);
  for (const char* white : {"", " ", " \n\t", "\u00A0", "\u3000 \u2028", "\u0085"}) {
    EXPECT_EQ(tokenizer->encode(std::string("ab") + white + "<mask>", {.parse_special = true}),
              (std::vector<TokenId>{2, 3}));
    EXPECT_EQ(tokenizer->encode(std::string(white) + "<mask>b", {.parse_special = true}),
              (std::vector<TokenId>{3, 1}));
  }
}

// The vocabularies that come without answers, files of earlier years among them: they load, and text comes
// back.
TEST(LoadVocab, reads_files_without_cases) {
  const std::string folder = "conformance/tokenizers/";
  GANTRY_NEED_SHARED(folder);
  for (const char* name :
       {"legacy/llama-gguf-2023-11-02", "legacy/falcon-2023-10-03", "legacy/stablelm-3b-4e1t-2023-11-14",
        "vocab/ggml-vocab-baichuan", "vocab/ggml-vocab-gpt-neox"}) {
    const auto file = gguf::GgufFile::open(::gantry::testing::shared_path(folder + name + ".gguf"),
                                           {.check_tensor_data = false});
    const auto tokenizer = Tokenizer::from_gguf(file->metadata());
    const std::string text = "Hello \u4E2D\u6587, 12345  times!\n";
    EXPECT_EQ(tokenizer->decode(tokenizer->encode(text, {})), text) << name;
    EXPECT_TRUE(tokenizer->ends_generation(tokenizer->special().eos)) << name;
  }
}

}  // namespace
}  // namespace gantry::tokenizer
