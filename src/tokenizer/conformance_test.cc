// Every case of the shared conformance data, against each vocabulary that is there.
#include <algorithm>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "gguf/gguf.h"
#include "tests/report.h"
#include "tests/shared_data.h"
#include "tokenizer/cases.h"
#include "tokenizer/tokenizer.h"

namespace gantry::tokenizer {
namespace {

using gantry::testing::read_bytes;
using gantry::testing::shared_path;

const std::string kFolder = "conformance/tokenizers/";

std::unique_ptr<Tokenizer> open_vocab(const std::string& name) {
  const auto file = gguf::GgufFile::open(shared_path(kFolder + name), {.check_tensor_data = false});
  return Tokenizer::from_gguf(file->metadata());
}

// The stream's pieces must sum up to decode().
std::string streamed(const Tokenizer& tokenizer, const std::vector<TokenId>& tokens) {
  StreamDecoder decoder(tokenizer);
  std::string out;
  for (const TokenId token : tokens) out += decoder.push(token);
  return out + decoder.finish();
}

void report(const std::string& what, size_t passed, size_t cases) {
  std::cout << "[ cases    ] " << what << ": " << passed << " of " << cases << "\n";
  gantry::testing::report_cases("tokenizers", what, passed, cases);
  EXPECT_EQ(passed, cases) << what;
}

struct CaseFile {
  const char* vocab;
  const char* cases;  // without .inp and .out
};

void PrintTo(const CaseFile& file, std::ostream* out) { *out << file.vocab << " with " << file.cases; }

class Cases : public ::testing::TestWithParam<CaseFile> {};

TEST_P(Cases, are_encoded_exactly) {
  const std::string vocab = "vocab/" + std::string(GetParam().vocab) + ".gguf";
  const std::string cases = kFolder + "vocab/" + GetParam().cases + ".gguf";
  GANTRY_NEED_SHARED(kFolder + vocab);
  GANTRY_NEED_SHARED(cases + ".inp");
  const auto tokenizer = open_vocab(vocab);
  const auto texts = split_cases(read_bytes(shared_path(cases + ".inp")));
  const auto wanted = parse_expected(read_bytes(shared_path(cases + ".out")), cases);
  ASSERT_EQ(texts.size(), wanted.size());
  size_t passed = 0;
  for (size_t i = 0; i < texts.size(); ++i) {
    const auto ids = tokenizer->encode(texts[i], {});
    passed += ids == wanted[i] ? 1u : 0u;
    EXPECT_EQ(ids, wanted[i]) << ::testing::PrintToString(texts[i]);
    EXPECT_EQ(streamed(*tokenizer, ids), tokenizer->decode(ids));
    if (tokenizer->model() == "llama" || tokenizer->model() == "gpt2") {
      EXPECT_EQ(tokenizer->decode(ids), texts[i]);
    }
  }
  report(std::string(GetParam().vocab) + " / " + GetParam().cases, passed, texts.size());
}

INSTANTIATE_TEST_SUITE_P(Shared, Cases,
                         ::testing::Values(CaseFile{"ggml-vocab-llama-spm", "ggml-vocab-llama-spm"},
                                           CaseFile{"ggml-vocab-phi-3", "ggml-vocab-phi-3"},
                                           CaseFile{"ggml-vocab-gpt-2", "ggml-vocab-gpt-2"},
                                           CaseFile{"rebuilt-llama-bpe", "ggml-vocab-llama-bpe"},
                                           CaseFile{"rebuilt-qwen2", "ggml-vocab-qwen2"},
                                           CaseFile{"rebuilt-qwen2", "ggml-vocab-deepseek-r1-qwen"},
                                           CaseFile{"ggml-vocab-deepseek-llm", "ggml-vocab-deepseek-llm"},
                                           CaseFile{"ggml-vocab-deepseek-coder", "ggml-vocab-deepseek-coder"},
                                           CaseFile{"ggml-vocab-falcon", "ggml-vocab-falcon"},
                                           CaseFile{"ggml-vocab-mpt", "ggml-vocab-mpt"},
                                           CaseFile{"ggml-vocab-refact", "ggml-vocab-refact"},
                                           CaseFile{"ggml-vocab-starcoder", "ggml-vocab-starcoder"},
                                           CaseFile{"ggml-vocab-qwen35", "ggml-vocab-qwen35"},
                                           CaseFile{"ggml-vocab-bert-bge", "ggml-vocab-bert-bge"},
                                           CaseFile{"ggml-vocab-nomic-bert-moe",
                                                    "ggml-vocab-nomic-bert-moe"}),
                         [](const auto& test) {
                           std::string name = std::string(test.param.vocab) + "_" + test.param.cases;
                           std::replace_if(
                               name.begin(), name.end(), [](char c) { return c == '-'; }, '_');
                           return name;
                         });

struct GoldenFile {
  const char* vocab;
  const char* golden;
};

void PrintTo(const GoldenFile& file, std::ostream* out) { *out << file.golden; }

class Golden : public ::testing::TestWithParam<GoldenFile> {};

TEST_P(Golden, texts_are_encoded_and_decoded_exactly) {
  const std::string vocab = "vocab/" + std::string(GetParam().vocab) + ".gguf";
  const std::string golden = kFolder + "golden/" + GetParam().golden + ".jsonl";
  GANTRY_NEED_SHARED(kFolder + vocab);
  GANTRY_NEED_SHARED(golden);
  const auto tokenizer = open_vocab(vocab);
  std::ifstream lines(shared_path(golden));
  size_t cases = 0;
  size_t passed = 0;
  for (std::string line; std::getline(lines, line);) {
    const auto row = nlohmann::json::parse(line);
    const std::string text = row.at("text");
    const auto wanted = row.at("ids").get<std::vector<TokenId>>();
    const std::string wanted_text = row.value("decoded", text);
    const auto ids = tokenizer->encode(text, {});
    const std::string decoded = tokenizer->decode(wanted);
    ++cases;
    passed += ids == wanted && decoded == wanted_text ? 1u : 0u;
    EXPECT_EQ(ids, wanted) << ::testing::PrintToString(text);
    EXPECT_EQ(decoded, wanted_text);
    EXPECT_EQ(streamed(*tokenizer, wanted), decoded);
  }
  report(std::string(GetParam().vocab) + " / golden " + GetParam().golden, passed, cases);
}

INSTANTIATE_TEST_SUITE_P(Shared, Golden,
                         ::testing::Values(GoldenFile{"ggml-vocab-gpt-2", "gpt-2"},
                                           GoldenFile{"rebuilt-llama-bpe", "llama-bpe"},
                                           GoldenFile{"ggml-vocab-llama-spm", "llama-spm"},
                                           GoldenFile{"rebuilt-qwen2", "qwen2"},
                                           GoldenFile{"rebuilt-sp-unigram-en", "sp-unigram-en"},
                                           GoldenFile{"rebuilt-sp-unigram-ja", "sp-unigram-ja"}),
                         [](const auto& test) {
                           std::string name = test.param.golden;
                           std::replace_if(
                               name.begin(), name.end(), [](char c) { return c == '-'; }, '_');
                           return name;
                         });

}  // namespace
}  // namespace gantry::tokenizer
