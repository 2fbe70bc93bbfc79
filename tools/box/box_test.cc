// The shipped model's file: its vocabulary cuts text as the trainer did, its template writes what the trainer
// trained on, and its shape is the one that the model card states.
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "gguf/gguf.h"
#include "jinja/chat_template.h"
#include "os/file.h"
#include "tokenizer/tokenizer.h"

namespace gantry {
namespace {

constexpr const char* kModel = GANTRY_SOURCE_DIR "/models/gantry-box.gguf";
constexpr const char* kTexts = GANTRY_SOURCE_DIR "/tools/box/tokens.json";
constexpr uint64_t kShippedBytesMax = 12'000'000;

class Box : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    file_ = gguf::GgufFile::open(kModel);
    tokenizer_ = tokenizer::Tokenizer::from_gguf(file_->metadata());
  }
  static void TearDownTestSuite() {
    tokenizer_.reset();
    file_.reset();
  }
  static inline std::shared_ptr<const gguf::GgufFile> file_;
  static inline std::unique_ptr<tokenizer::Tokenizer> tokenizer_;
};

TEST_F(Box, CutsTextsAsTheTrainerDid) {
  const auto rows = nlohmann::json::parse(os::read_file(kTexts, uint64_t{16} << 20));
  ASSERT_EQ(rows.size(), 200u);
  std::set<TokenId> seen;
  for (const auto& row : rows) {
    const auto text = row.at("text").get<std::string>();
    const auto wanted = row.at("ids").get<std::vector<TokenId>>();
    EXPECT_EQ(tokenizer_->encode(text, {.add_special = true, .parse_special = true}), wanted) << text;
    EXPECT_EQ(tokenizer_->decode(wanted, true), text);
    seen.insert(wanted.begin(), wanted.end());
  }
  EXPECT_GT(seen.size(), tokenizer_->size() / 2) << "the texts use too little of the vocabulary";
}

TEST_F(Box, TemplateWritesWhatWasTrainedOn) {
  const auto source = file_->metadata().get_string("tokenizer.chat_template");
  ASSERT_TRUE(source.has_value());
  const auto parsed = jinja::ChatTemplate::parse(*source);
  Json context = {{"add_generation_prompt", true}};
  context["messages"] = Json::parse(
      R"([{"role":"system","content":"Be kind."},{"role":"user","content":" Hi \n"},
          {"role":"assistant","content":"Hello!"},{"role":"user","content":"Bye"}])");
  EXPECT_EQ(parsed->render(context),
            "<|im_start|>system\nBe kind.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n"
            "<|im_start|>assistant\nHello!<|im_end|>\n<|im_start|>user\nBye<|im_end|>\n"
            "<|im_start|>assistant\n");
}

TEST_F(Box, EndsItsAnswersWithAControlToken) {
  const auto& special = tokenizer_->special();
  ASSERT_NE(special.eos, kNoToken);
  EXPECT_EQ(tokenizer_->text(special.eos), "<|im_end|>");
  EXPECT_EQ(tokenizer_->kind(special.eos), tokenizer::TokenKind::kControl);
  EXPECT_TRUE(tokenizer_->ends_generation(special.eos));
  EXPECT_FALSE(special.add_bos);
}

TEST_F(Box, HasTheStatedShapeAndSize) {
  const gguf::Metadata& m = file_->metadata();
  EXPECT_EQ(m.need_string("general.architecture"), "llama");
  EXPECT_GE(m.need_uint("llama.context_length"), 1024u);
  EXPECT_GE(tokenizer_->size(), 2000u);
  EXPECT_LE(tokenizer_->size(), 8192u);
  EXPECT_LE(file_->file_bytes(), kShippedBytesMax);
  uint64_t values = 0;
  for (const gguf::TensorInfo& tensor : file_->tensors()) {
    values += tensor.values();
    ASSERT_TRUE(tensor.dtype.has_value()) << tensor.name;
    EXPECT_EQ(tensor.shape[0] % quant::facts(*tensor.dtype).block_values, 0u) << tensor.name;
    EXPECT_EQ(*tensor.dtype, tensor.shape.size() == 2 ? quant::Dtype::kQ8_0 : quant::Dtype::kF32)
        << tensor.name;
  }
  EXPECT_GE(values, 4'000'000u);
  EXPECT_LE(values, 12'000'000u);
}

}  // namespace
}  // namespace gantry
