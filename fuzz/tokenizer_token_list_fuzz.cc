// A file of token ids: any bytes give ids or an Error.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "base/error.h"
#include "tokenizer/token_list.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    for (const gantry::TokenId token : gantry::tokenizer::parse_token_list(text, "fuzz"))
      if (token < 0) std::abort();
  } catch (const gantry::Error&) {
  }
  return 0;
}
