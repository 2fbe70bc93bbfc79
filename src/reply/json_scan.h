// Pieces of JSON as they come: where a value ends, what a string says, how a text is written. Nothing here
// needs the whole value or grows with its depth. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace gantry::reply {

// Finds the end of one value that may come in pieces. White space before it is not its own.
class ValueScan {
 public:
  // How many bytes of `text` belong to the value; done() tells whether it ended.
  size_t feed(std::string_view text);
  bool done() const { return done_; }
  // Markup stands where JSON cannot have it: the value ends before it, unfinished.
  bool broken() const { return broken_; }

 private:
  bool take(char c);

  enum class Kind : uint8_t { kUnknown, kContainer, kString, kWord } kind_ = Kind::kUnknown;
  uint64_t depth_ = 0;
  bool in_string_ = false, escaped_ = false, done_ = false, broken_ = false;
};

// Bytes of the string literal at the beginning of `text`, with its quotes; nullopt when it does not end.
std::optional<size_t> string_literal(std::string_view text);

// What a literal of string_literal() says; what is no escape of JSON stays as it is.
std::string unquoted(std::string_view literal);

// The inside of a string literal that says `text`.
std::string escaped(std::string_view text);

}  // namespace gantry::reply
