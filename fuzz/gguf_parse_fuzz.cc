// Any bytes as a GGUF file: it opens or is refused with an Error; what opens can be read to the last byte.
// The first byte chooses the options. No corpus is needed: inputs grow from the sample file of
// gguf/testing.h.
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

#include "base/error.h"
#include "gguf/gguf.h"
#include "gguf/testing.h"

namespace {

void parse(std::span<const std::byte> bytes, uint8_t choice) {
  gantry::gguf::OpenOptions options;
  options.check_tensor_data = (choice & 1) == 0;
  options.single_part = (choice & 2) == 0;
  try {
    const auto file = gantry::gguf::GgufFile::parse(bytes, "fuzz.gguf", options);
    gantry::gguf::touch_everything(*file);
  } catch (const gantry::Error& error) {
    if (error.code() == gantry::ErrorCode::kInternal) __builtin_trap();
  }
}

}  // namespace

extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size);

// An input that is no GGUF file at all teaches nothing after the first few: begin again from the sample.
extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned int seed) {
  static const std::vector<std::byte> sample = gantry::gguf::make_sample_file();
  const bool is_gguf = size > 5 && std::memcmp(data + 1, "GGUF", 4) == 0;
  if (!is_gguf && seed % 8 != 0 && sample.size() < max_size) {
    data[0] = static_cast<uint8_t>(seed >> 8);
    std::memcpy(data + 1, sample.data(), sample.size());
    size = sample.size() + 1;
  }
  return LLVMFuzzerMutate(data, size, max_size);
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  parse(std::as_bytes(std::span(data, size)).subspan(1), data[0]);
  return 0;
}
