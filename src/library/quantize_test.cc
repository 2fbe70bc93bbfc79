// Whole conversions: bytes, metadata, splits, refusals, and the error against the reference's files.
#include "library/quantize.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <limits>
#include <set>

#include <gtest/gtest.h>

#include "base/error.h"
#include "gguf/writer.h"
#include "library/testing.h"
#include "tests/shared_data.h"

namespace gantry::library {
namespace {

using quant::Dtype;

constexpr const char* kModels = "conformance/logits/quantized";

class Folder : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = ::testing::TempDir() + "/quantize-XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    dir_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(dir_); }

  std::string path(const std::string& name) const { return dir_ + "/" + name; }
  std::string put(const std::string& name, std::span<const std::byte> bytes) const {
    std::ofstream out(path(name), std::ios::binary);
    out.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    return path(name);
  }
  std::set<std::string> listing() const {
    std::set<std::string> out;
    for (const auto& entry : std::filesystem::directory_iterator(dir_)) out.insert(entry.path().filename());
    return out;
  }
  static QuantizeOptions to(const char* recipe, unsigned threads = 2) {
    QuantizeOptions options;
    options.recipe = recipe;
    options.threads = threads;
    return options;
  }

  std::string dir_;
};

TEST_F(Folder, EveryRecipeGivesAFileWithThePlannedTypes) {
  const std::string in = put("in.gguf", model({}));
  const auto source = gguf::GgufFile::open(in);
  for (const Recipe& recipe : recipe_table()) {
    const QuantizePlan plan = quantize(in, path("out.gguf"), to(recipe.name));
    const auto out = gguf::GgufFile::open(path("out.gguf"));
    EXPECT_EQ(out->metadata().need_uint("general.file_type"), recipe.file_type);
    EXPECT_EQ(out->metadata().need_uint("general.quantization_version"), 2u);
    EXPECT_EQ(out->metadata().need_string("general.architecture"), "llama");
    EXPECT_EQ(out->metadata().need_array("tokenizer.ggml.tokens", gguf::ValueType::kString).strings[1], "b");
    ASSERT_EQ(out->tensors().size(), source->tensors().size());
    for (size_t i = 0; i < plan.tensors.size(); ++i) {
      const gguf::TensorInfo& tensor = out->tensors()[i];
      EXPECT_EQ(tensor.name, plan.tensors[i].name);
      EXPECT_EQ(tensor.dtype, plan.tensors[i].to);
      EXPECT_EQ(tensor.bytes, plan.tensors[i].bytes_after);
      EXPECT_EQ(tensor.shape, source->tensors()[i].shape);
      // What is in it is what the source holds, as near as the type comes.
      std::vector<float> before(tensor.values()), after(tensor.values());
      quant::decode_row(*source->tensors()[i].dtype, source->data(source->tensors()[i]), before);
      quant::decode_row(*tensor.dtype, out->data(tensor), after);
      double error = 0, power = 0;
      for (size_t k = 0; k < before.size(); ++k) {
        error += std::pow(static_cast<double>(before[k]) - static_cast<double>(after[k]), 2);
        power += std::pow(static_cast<double>(before[k]), 2);
      }
      EXPECT_LE(error, 0.3 * power) << recipe.name << " " << tensor.name;
    }
  }
}

TEST_F(Folder, BytesDoNotDependOnThreads) {
  Outline o;
  o.rows = 700;  // several batches
  o.layers = 1;
  o.dtype = Dtype::kBF16;
  const std::string in = put("in.gguf", model(o));
  quantize(in, path("one.gguf"), to("Q4_0", 1));
  for (const unsigned threads : {2u, 7u, 0u}) {
    quantize(in, path("many.gguf"), to("Q4_0", threads));
    EXPECT_EQ(testing::read_bytes(path("one.gguf")), testing::read_bytes(path("many.gguf"))) << threads;
  }
}

TEST_F(Folder, PartsAreReadAsOne) {
  const Outline o;
  gguf::Writer first, second;
  add_head(first, o);
  for (gguf::Writer* writer : {&first, &second}) {
    writer->add_value("split.no", [&] {
      gguf::Value value;
      value.type = gguf::ValueType::kU16;
      value.bits = writer == &second;
      return value;
    }());
    gguf::Value count;
    count.type = gguf::ValueType::kU16;
    count.bits = 2;
    writer->add_value("split.count", count);
    writer->add_int("split.tensors.count", 10);
  }
  add_matrix(first, "token_embd.weight", {256, 4}, Dtype::kF16);
  add_layer(first, o, 0);
  add_matrix(second, "output.weight", {256, 4}, Dtype::kF16);
  put("m-00001-of-00002.gguf", first.to_bytes());
  put("m-00002-of-00002.gguf", second.to_bytes());
  quantize(path("m-00002-of-00002.gguf"), path("whole.gguf"), to("Q8_0"));
  const auto whole = gguf::GgufFile::open(path("whole.gguf"));
  EXPECT_EQ(whole->tensors().size(), 10u);
  EXPECT_EQ(whole->metadata().find("split.count"), nullptr);
  EXPECT_EQ(whole->metadata().find("split.no"), nullptr);
  EXPECT_EQ(whole->metadata().find("split.tensors.count"), nullptr);
  EXPECT_EQ(whole->find_tensor("output.weight")->dtype, Dtype::kQ8_0);
  EXPECT_EQ(
      code_of([&] { quantize(path("m-00001-of-00002.gguf"), path("m-00002-of-00002.gguf"), to("Q8_0")); }),
      ErrorCode::kUsage);
}

TEST_F(Folder, QuantizedSourcesAreRefusedUnlessWanted) {
  Outline o;
  o.dtype = Dtype::kQ8_0;
  const std::string in = put("in.gguf", model(o));
  std::string what;
  EXPECT_EQ(code_of([&] { quantize(in, path("out.gguf"), to("Q4_0")); }, &what), ErrorCode::kUnsupported);
  EXPECT_NE(what.find("token_embd.weight"), std::string::npos) << what;
  EXPECT_EQ(listing(), std::set<std::string>{"in.gguf"});
  QuantizeOptions wanted = to("Q4_0");
  wanted.from_quantized = true;
  quantize(in, path("out.gguf"), wanted);
  EXPECT_EQ(gguf::GgufFile::open(path("out.gguf"))->find_tensor("blk.0.attn_q.weight")->dtype, Dtype::kQ4_0);
  // What has the type already is copied as it is, and needs no leave.
  quantize(in, path("same.gguf"), to("Q8_0"));
  const auto source = gguf::GgufFile::open(in), same = gguf::GgufFile::open(path("same.gguf"));
  for (size_t i = 0; i < source->tensors().size(); ++i) {
    const auto a = source->data(source->tensors()[i]), b = same->data(same->tensors()[i]);
    ASSERT_TRUE(std::equal(a.begin(), a.end(), b.begin(), b.end()));
  }
}

TEST_F(Folder, AValueThatNoBlockHoldsIsNamedAndNothingIsWritten) {
  for (const char* recipe : {"Q4_K_M", "F16"}) {
    gguf::Writer writer;
    add_head(writer, {});
    std::vector<float> values(256 * 300, 0.5f);
    values[256 * 123 + 45] = std::numeric_limits<float>::infinity();
    values[256 * 299 + 1] = std::numeric_limits<float>::quiet_NaN();
    writer.add_tensor("blk.0.ffn_up.weight", {256, 300}, Dtype::kF32, std::as_bytes(std::span(values)));
    const std::string in = put("in.gguf", writer.to_bytes());
    put("out.gguf", std::as_bytes(std::span(std::string_view("old"))));
    std::string what;
    EXPECT_EQ(code_of([&] { quantize(in, path("out.gguf"), to(recipe, 3)); }, &what), ErrorCode::kBadFile);
    EXPECT_NE(what.find("blk.0.ffn_up.weight"), std::string::npos) << what;
    EXPECT_NE(what.find("row 123: value 45"), std::string::npos) << what;
    EXPECT_EQ(testing::read_bytes(path("out.gguf")), "old");
    EXPECT_EQ(listing(), (std::set<std::string>{"in.gguf", "out.gguf"}));
  }
}

TEST_F(Folder, WhatBinary16CannotReachIsRefused) {
  gguf::Writer writer;
  std::vector<float> values(64, 1e6f);
  writer.add_tensor("blk.0.ffn_up.weight", {32, 2}, Dtype::kF32, std::as_bytes(std::span(values)));
  const std::string in = put("in.gguf", writer.to_bytes());
  EXPECT_EQ(code_of([&] { quantize(in, path("out.gguf"), to("F16")); }), ErrorCode::kBadFile);
  quantize(in, path("out.gguf"), to("BF16"));
}

TEST_F(Folder, ProgressCountsToTheEndAndMayStopTheWork) {
  const std::string in = put("in.gguf", model({}));
  QuantizeOptions options = to("Q8_0");
  size_t calls = 0;
  uint64_t bytes = 0;
  options.progress = [&](const QuantizeProgress& progress) {
    EXPECT_EQ(progress.done, ++calls);
    EXPECT_GT(progress.bytes_done, bytes);
    bytes = progress.bytes_done;
    if (progress.done == progress.count) {
      EXPECT_EQ(progress.bytes_done, progress.bytes);
    }
  };
  const QuantizePlan plan = quantize(in, path("out.gguf"), options);
  EXPECT_EQ(calls, plan.tensors.size());
  EXPECT_EQ(bytes, plan.bytes_after);
  EXPECT_GT(plan.bits_per_weight, 8.4);
  options.progress = [](const QuantizeProgress& progress) {
    if (progress.done == 3) throw Error(ErrorCode::kCancelled, "enough");
  };
  EXPECT_EQ(code_of([&] { quantize(in, path("other.gguf"), options); }), ErrorCode::kCancelled);
  EXPECT_EQ(listing(), (std::set<std::string>{"in.gguf", "out.gguf"}));
}

TEST_F(Folder, AWishToStopIsHeardWithinATensor) {
  const std::string in = put("in.gguf", model({.row = 4096, .rows = 256}));
  for (const char* recipe : {"Q8_0", "F32"}) {  // the other one is copied
    QuantizeOptions options = to(recipe);
    std::atomic<int> asked{0};
    size_t tensors = 0;
    options.progress = [&](const QuantizeProgress&) { ++tensors; };
    options.stopped = [&] { return ++asked > 3; };
    EXPECT_EQ(code_of([&] { quantize(in, path("out.gguf"), options); }), ErrorCode::kCancelled);
    EXPECT_LE(tensors, 2u);
    EXPECT_EQ(listing(), std::set<std::string>{"in.gguf"});
  }
}

TEST_F(Folder, ASourceCutShortWhileItIsReadIsAnError) {
  // To the header, into the last page, and to nothing: with bus errors and without.
  for (const uint64_t left : {uint64_t{4096}, uint64_t{1} << 20, uint64_t{0}}) {
    const std::string in = put("in.gguf", model({.row = 4096, .rows = 32}));
    ASSERT_GT(std::filesystem::file_size(in), uint64_t{1} << 20);
    put("out.gguf", std::as_bytes(std::span(std::string_view("old"))));
    QuantizeOptions options = to("Q8_0");
    options.progress = [&](const QuantizeProgress& progress) {
      if (progress.done == 1) std::filesystem::resize_file(in, left);
    };
    std::string what;
    EXPECT_EQ(code_of([&] { quantize(in, path("out.gguf"), options); }, &what), ErrorCode::kIo);
    EXPECT_NE(what.find(in), std::string::npos) << what;
    EXPECT_NE(what.find("cut off at byte " + std::to_string(left)), std::string::npos) << what;
    EXPECT_EQ(testing::read_bytes(path("out.gguf")), "old");
    EXPECT_EQ(listing(), (std::set<std::string>{"in.gguf", "out.gguf"}));
  }
}

TEST_F(Folder, TheSourceIsNotWrittenOver) {
  const std::string in = put("in.gguf", model({}));
  std::filesystem::create_hard_link(in, path("link.gguf"));
  std::filesystem::create_symlink(in, path("soft.gguf"));
  for (const char* name : {"in.gguf", "link.gguf", "soft.gguf"})
    EXPECT_EQ(code_of([&] { quantize(in, path(name), to("Q8_0")); }), ErrorCode::kUsage) << name;
  EXPECT_EQ(code_of([&] { quantize(path("none.gguf"), path("out.gguf"), to("Q8_0")); }),
            ErrorCode::kNotFound);
}

// The same model through the reference's encoder: ours may not lose more in any tensor.
TEST_F(Folder, LosesNoMoreThanTheReferencesFiles) {
  GANTRY_NEED_SHARED(kModels);
  const std::string in = testing::shared_path(std::string(kModels) + "/llama256.gguf");
  const auto source = gguf::GgufFile::open(in);
  size_t compared = 0;
  for (const Recipe& recipe : recipe_table()) {
    const std::string name = std::string(kModels) + "/llama256-" + recipe.name + ".gguf";
    if (!testing::shared_has(name)) continue;
    quantize(in, path("out.gguf"), to(recipe.name));
    const auto ours = gguf::GgufFile::open(path("out.gguf"));
    const auto theirs = gguf::GgufFile::open(testing::shared_path(name));
    for (const gguf::TensorInfo& tensor : source->tensors()) {
      std::vector<float> exact(tensor.values());
      quant::decode_row(*tensor.dtype, source->data(tensor), exact);
      const auto error_of = [&](const gguf::GgufFile& file) {
        const gguf::TensorInfo* other = file.find_tensor(tensor.name);
        std::vector<float> values(other->values());
        quant::decode_row(*other->dtype, file.data(*other), values);
        double error = 0;
        for (size_t i = 0; i < values.size(); ++i)
          error += std::pow(static_cast<double>(values[i]) - static_cast<double>(exact[i]), 2);
        return error;
      };
      EXPECT_LE(error_of(*ours), error_of(*theirs)) << recipe.name << " " << tensor.name;
    }
    ++compared;
  }
  EXPECT_GE(compared, 10u);
}

}  // namespace
}  // namespace gantry::library
