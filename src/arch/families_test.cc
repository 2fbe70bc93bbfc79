// Every family on files of its own: the tiny reference models, whole and damaged one tensor or key at a time.
#include <algorithm>
#include <cstring>
#include <filesystem>
#include <functional>
#include <regex>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "arch/blueprint.h"
#include "base/error.h"
#include "tests/shared_data.h"

namespace gantry::arch {
namespace {

constexpr const char* kLogits = "conformance/logits";

struct File {
  std::string name;
  std::string bytes;
};

Blueprint read(const std::string& bytes, const std::function<void(const Blueprint&)>& use = {}) {
  const auto file = gguf::GgufFile::parse(std::as_bytes(std::span(bytes)), "damaged.gguf");
  Blueprint blueprint = read_blueprint(*file);
  if (use) use(blueprint);
  return blueprint;
}

// The files of families that this version reads.
std::vector<File> files() {
  std::vector<File> found;
  for (const auto& entry : std::filesystem::directory_iterator(testing::shared_path(kLogits))) {
    if (entry.path().extension() != ".gguf") continue;
    File file{entry.path().stem().string(), testing::read_bytes(entry.path().string())};
    try {
      read(file.bytes);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kUnsupported) << file.name << ": " << error.what();
      continue;
    }
    found.push_back(std::move(file));
  }
  return found;
}

// Where a string stands in the file with its length before it: a key or a tensor's name.
size_t find_string(const std::string& bytes, const std::string& text) {
  std::string wanted(8, '\0');
  const uint64_t length = text.size();
  std::memcpy(wanted.data(), &length, sizeof(length));
  const size_t at = bytes.find(wanted + text);
  return at == std::string::npos ? at : at + 8;
}

std::vector<std::pair<std::string, std::vector<uint64_t>>> tensors_of(const std::string& bytes) {
  const auto file = gguf::GgufFile::parse(std::as_bytes(std::span(bytes)), "whole.gguf");
  std::vector<std::pair<std::string, std::vector<uint64_t>>> out;
  for (const gguf::TensorInfo& tensor : file->tensors()) out.emplace_back(tensor.name, tensor.shape);
  return out;
}

// What a family can do without: biases, factors of the rotation, norms and outputs that only some models
// have.
bool may_be_missing(const std::string& name) {
  static const std::regex kOptional(
      "rope_.*|output\\.weight|.*\\.bias|blk\\.\\d+\\.(attn_norm_2|attn_[qk]_norm|ffn_norm)\\.weight");
  return std::regex_match(name, kOptional);
}

TEST(Families, EveryTensorIsUsedAndKnownByName) {
  GANTRY_NEED_SHARED(kLogits);
  for (const File& file : files()) {
    EXPECT_TRUE(read(file.bytes).unused_tensors.empty()) << file.name;
    for (const auto& [name, shape] : tensors_of(file.bytes)) {
      std::string damaged = file.bytes;
      damaged[find_string(damaged, name)] = '#';
      try {
        read(damaged);
        EXPECT_TRUE(may_be_missing(name)) << file.name << " was read without " << name;
      } catch (const Error& error) {
        EXPECT_EQ(error.code(), ErrorCode::kBadFile) << file.name << ": " << error.what();
        EXPECT_NE(std::string(error.what()).find(name), std::string::npos) << error.what();
      }
    }
  }
}

TEST(Families, EveryMisshapenTensorIsNamedWithBothShapes) {
  GANTRY_NEED_SHARED(kLogits);
  for (const File& file : files()) {
    for (const auto& [name, shape] : tensors_of(file.bytes)) {
      if (shape[0] == 1) continue;  // nothing is less, and more runs into the next tensor
      std::string damaged = file.bytes;
      const uint64_t less = shape[0] / 2;
      std::memcpy(damaged.data() + find_string(damaged, name) + name.size() + 4, &less, sizeof(less));
      try {
        read(damaged);
        ADD_FAILURE() << file.name << " was read with a misshapen " << name;
      } catch (const Error& error) {
        EXPECT_EQ(error.code(), ErrorCode::kBadFile) << file.name << ": " << error.what();
        const std::string text = error.what();
        EXPECT_NE(text.find(name), std::string::npos) << text;
        EXPECT_NE(text.find(std::to_string(less)), std::string::npos) << text;
        EXPECT_NE(text.find(std::to_string(shape[0])), std::string::npos) << text;
      }
    }
  }
}

TEST(Families, EveryNeededKeyIsNamed) {
  GANTRY_NEED_SHARED(kLogits);
  for (const File& file : files()) {
    const std::string arch = read(file.bytes).arch;
    for (const char* suffix : {"block_count", "embedding_length", "context_length", "feed_forward_length",
                               "attention.head_count", "attention.layer_norm_rms_epsilon",
                               "attention.layer_norm_epsilon", "logit_scale", "use_parallel_residual"}) {
      const std::string key = arch + "." + suffix;
      const size_t at = find_string(file.bytes, key);
      if (at == std::string::npos) continue;
      // Layers that are a scan and nothing else need neither.
      if (arch == "mamba2" && (key.ends_with("head_count") || key.ends_with("feed_forward_length"))) continue;
      std::string damaged = file.bytes;
      damaged[at] = '#';
      try {
        read(damaged);
        ADD_FAILURE() << file.name << " was read without " << key;
      } catch (const Error& error) {
        EXPECT_EQ(error.code(), ErrorCode::kBadFile) << error.what();
        EXPECT_NE(std::string(error.what()).find(key), std::string::npos) << error.what();
      }
    }
  }
}

}  // namespace
}  // namespace gantry::arch
