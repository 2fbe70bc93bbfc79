// JSON that arrives in pieces: finding the end of a value, decoding and encoding strings. Nothing here needs
// the whole value, and memory does not grow with its depth. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace gantry::reply {

inline constexpr std::string_view kSpace = " \t\r\n";

// Finds the end of one value that may arrive in pieces. White space before the value is not part of it.
class ValueScan {
 public:
  // How many bytes of `text` belong to the value; done() says whether it has ended.
  size_t feed(std::string_view text);
  bool done() const { return done_; }
  // There is markup where JSON allows none: the value ends before it, incomplete.
  bool broken() const { return broken_; }

 private:
  bool take(char c);

  enum class Kind : uint8_t { kUnknown, kContainer, kString, kWord } kind_ = Kind::kUnknown;
  uint64_t depth_ = 0;
  bool in_string_ = false, escaped_ = false, done_ = false, broken_ = false;
};

// Length of the string literal at the beginning of `text`, quotes included; nullopt when it is not closed.
std::optional<size_t> string_literal(std::string_view text);

// Decodes a literal that string_literal() found; sequences that are no JSON escapes stay as they are.
std::string unquoted(std::string_view literal);

// `text` encoded as the inside of a string literal.
std::string escaped(std::string_view text);

}  // namespace gantry::reply
