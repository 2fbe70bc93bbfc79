// Token ids as people write them into a file.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"

namespace gantry::tokenizer {

// Decimal ids between spaces, commas and line ends. Error kBadFile names `where` and the line.
std::vector<TokenId> parse_token_list(std::string_view text, const std::string& where);

// The bytes of a token in quotes: what is no printable ASCII as \xNN.
std::string in_quotes(std::string_view bytes);

}  // namespace gantry::tokenizer
