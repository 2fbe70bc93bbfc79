// Files of test cases for tokenizers: texts separated by the line `__ggml_vocab_test__`, and the ids wanted
// for each, a line per text.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"

namespace gantry::tokenizer {

// The texts, without the newline that ends each before its separator. A text may be empty; what follows the
// last separator is no text when it is empty.
std::vector<std::string> split_cases(std::string_view file);

// The ids of each line, for comparison; Error kBadFile (naming `where` and the line) for anything but numbers
// and spaces.
std::vector<std::vector<TokenId>> parse_expected(std::string_view file, std::string_view where);

}  // namespace gantry::tokenizer
