#include "tokenizer/token_list.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "base/error.h"

namespace gantry::tokenizer {

std::vector<TokenId> parse_token_list(std::string_view text, const std::string& where) {
  constexpr std::string_view kBetween = " \t\r\n,";
  std::vector<TokenId> tokens;
  size_t at = 0;
  while ((at = text.find_first_not_of(kBetween, at)) != std::string_view::npos) {
    const size_t end = std::min(text.find_first_of(kBetween, at), text.size());
    TokenId token = 0;
    const auto [rest, error] = std::from_chars(text.data() + at, text.data() + end, token);
    if (error != std::errc() || rest != text.data() + end || token < 0) {
      const auto line = 1 + std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(at), '\n');
      throw Error(ErrorCode::kBadFile,
                  fmt::format("'{}' is no token id", text.substr(at, std::min<size_t>(end - at, 32))),
                  fmt::format("{}, line {}", where, line));
    }
    tokens.push_back(token);
    at = end;
  }
  return tokens;
}

std::string in_quotes(std::string_view bytes) {
  std::string text = "'";
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '\n') {
      text += "\\n";
    } else if (c == '\\' || c == '\'') {
      text += fmt::format("\\{}", c);
    } else if (byte < 0x20 || byte >= 0x7f) {
      text += fmt::format("\\x{:02x}", byte);
    } else {
      text += c;
    }
  }
  return text + "'";
}

}  // namespace gantry::tokenizer
