// From a file's metadata to VocabData: every key checked, the defaults of the model filled in, the tokens
// that end a generation found.
#pragma once

#include <memory>
#include <string_view>

#include "gguf/gguf.h"
#include "tokenizer/vocab.h"

namespace gantry::tokenizer {

// Error kBadFile naming the key, kUnsupported naming the model. The result views into `metadata`.
VocabData load_vocab(const gguf::Metadata& metadata, std::string_view pre_override);

// Fills special.end_of_generation from eos, eot, eom and known texts, and special.eot and eom where the file
// leaves them out; a known end marker that the file calls user-defined becomes a control token, so that plain
// text cannot spell it. Needs tokens, kinds and the other special ids.
void find_end_markers(VocabData& data);

// The tokenizer that data.model names; kUnsupported, listing the known ones. (tokenizer.cc)
std::unique_ptr<Tokenizer> make_tokenizer(const VocabData& data);

}  // namespace gantry::tokenizer
