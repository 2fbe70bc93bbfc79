// Models that need nothing but this tree: the one in the box, and small ones of many families, made here.
#pragma once

#include <cctype>
#include <string>
#include <vector>

#include "arch/tiny_families.h"
#include "base/rng.h"
#include "tests/model/fixture.h"

namespace gantry::testing {

struct OwnModel {
  std::string name;
  std::vector<std::byte> bytes;
  fleet::LoadSettings settings() const {
    fleet::LoadSettings settings;
    settings.model_path = name + ".gguf";
    settings.model_bytes = bytes;
    settings.kv_type = "f32";
    return settings;
  }
};

inline const std::vector<OwnModel>& own_models() {
  static const std::vector<OwnModel> models = [] {
    const std::string box = read_bytes(GANTRY_SOURCE_DIR "/models/gantry-box.gguf");
    const auto bytes = std::as_bytes(std::span(box));
    std::vector<OwnModel> all = {{"box", {bytes.begin(), bytes.end()}}};
    for (arch::TinyFile& tiny : arch::tiny_families()) all.push_back({tiny.name, std::move(tiny.bytes)});
    return all;
  }();
  return models;
}

inline std::vector<TokenId> random_tokens(uint64_t seed, size_t count, uint32_t vocab) {
  std::vector<TokenId> tokens;
  for (size_t i = 0; i < count; ++i) tokens.push_back(static_cast<TokenId>(uniform_at(seed, i, 3) * vocab));
  return tokens;
}

// As GoogleTest wants it.
inline std::string test_name(const OwnModel& model) {
  std::string name = model.name;
  for (char& c : name) c = std::isalnum(static_cast<unsigned char>(c)) != 0 ? c : '_';
  return name;
}

}  // namespace gantry::testing
