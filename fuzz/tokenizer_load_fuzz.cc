// Any bytes as a GGUF file, and its vocabulary: an Error, or a tokenizer that works.
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "base/error.h"
#include "base/log.h"
#include "gguf/gguf.h"
#include "tokenizer/tokenizer.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  gantry::log::set_level(gantry::log::Level::kOff);
  try {
    const auto file = gantry::gguf::GgufFile::parse(std::as_bytes(std::span(data, size)), "fuzz",
                                                    {.check_tensor_data = false});
    const auto tokenizer = gantry::tokenizer::Tokenizer::from_gguf(file->metadata());
    const auto ids = tokenizer->encode("Hello  \xE4\xB8\xAD\xE6\x96\x87 123<s>\xFF",
                                       {.add_special = true, .parse_special = true});
    for (const auto id : ids) tokenizer->token_bytes(id, true);
    tokenizer->decode(ids);
  } catch (const gantry::Error&) {
    // What the file says is wrong or not known.
  }
  return 0;
}
