// For tests: small models of many families, made in memory with random weights that know nothing. Every kind
// of layer is among them, three layers or four, wide enough to be shared out between `ranks` ranks (part.h).
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "gguf/gguf.h"

namespace gantry::arch {

inline constexpr uint32_t kTinyVocab = 286;  // all bytes, 26 letters and four more
inline constexpr uint32_t kTinyContext = 512;

struct TinyFile {
  std::string name;  // "llama", "llama-q8_0", "gemma2", ...
  std::vector<std::byte> bytes;
  // Points into `bytes`.
  std::unique_ptr<gguf::GgufFile> open() const { return gguf::GgufFile::parse(bytes, name + ".gguf"); }
};

std::vector<TinyFile> tiny_families(uint32_t ranks = 2);

}  // namespace gantry::arch
