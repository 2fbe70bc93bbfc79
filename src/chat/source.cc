#include "chat/source.h"

namespace gantry::chat {
namespace {

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

// The template has `word`, not only a longer one that begins or ends so, behind a character that `fits`.
template <typename Fits>
bool has_word(std::string_view source, std::string_view word, const Fits& fits) {
  for (size_t at = source.find(word); at != std::string_view::npos; at = source.find(word, at + 1)) {
    const size_t end = at + word.size();
    const char before = at == 0 ? ' ' : source[at - 1];
    if (!is_letter(before) && fits(before) && (end == source.size() || !is_letter(source[end]))) return true;
  }
  return false;
}

bool begins_member(char c) { return c == '.' || c == '\'' || c == '"'; }

}  // namespace

bool mentions(std::string_view source, std::string_view word) {
  return !word.empty() && has_word(source, word, [](char) { return true; });
}

bool reads(std::string_view source, std::string_view member) {
  return has_word(source, member, begins_member);
}

bool names(std::string_view source, std::string_view variable) {
  return has_word(source, variable, [](char c) { return !begins_member(c); });
}

}  // namespace gantry::chat
