#include "tokenizer/reserved.h"

#include <algorithm>
#include <cstdint>
#include <iterator>

namespace gantry::tokenizer {
namespace {

// The elements of HTML that texts are made of.
constexpr std::string_view kElements[] = {
    "a",       "abbr",       "article", "b",      "blockquote", "body",    "br",       "button", "caption",
    "center",  "cite",       "code",    "dd",     "del",        "details", "div",      "dl",     "dt",
    "em",      "figcaption", "figure",  "font",   "footer",     "form",    "h1",       "h2",     "h3",
    "h4",      "h5",         "h6",      "head",   "header",     "hr",      "html",     "i",      "iframe",
    "img",     "input",      "ins",     "kbd",    "label",      "li",      "link",     "main",   "mark",
    "meta",    "nav",        "ol",      "option", "p",          "pre",     "q",        "s",      "samp",
    "script",  "section",    "select",  "small",  "span",       "strike",  "strong",   "style",  "sub",
    "summary", "sup",        "svg",     "table",  "tbody",      "td",      "textarea", "tfoot",  "th",
    "thead",   "title",      "tr",      "tt",     "u",          "ul",      "var",      "video"};

bool is_blank(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
bool is_bracket(char c) { return c == '<' || c == '>' || c == '[' || c == ']'; }
bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || static_cast<uint8_t>(c) >= 0x80;
}

// <name>, </name> or <name/>.
bool is_html_tag(std::string_view text) {
  if (!text.starts_with('<') || !text.ends_with('>')) return false;
  std::string_view name = text.substr(1, text.size() - 2);
  if (name.starts_with('/')) {
    name.remove_prefix(1);
  } else if (name.ends_with('/')) {
    name.remove_suffix(1);
  }
  return std::find(std::begin(kElements), std::end(kElements), name) != std::end(kElements);
}

}  // namespace

bool is_bracketed_word(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  if (text.size() < 3 || !is_bracket(text.front()) || !is_bracket(text.back())) return false;
  return std::any_of(text.begin(), text.end(), is_letter) && std::none_of(text.begin(), text.end(), is_blank);
}

bool is_reserved(TokenKind kind, std::string_view text) {
  switch (kind) {
    case TokenKind::kControl:
    case TokenKind::kUnknown:
      return true;
    case TokenKind::kUserDefined:
      return is_bracketed_word(text) && !is_html_tag(text);
    case TokenKind::kNormal:
    case TokenKind::kUnused:
    case TokenKind::kByte:
      break;
  }
  return false;
}

}  // namespace gantry::tokenizer
