#include "tokenizer/wordpiece.h"

#include <algorithm>

#include "base/interrupt.h"
#include "text/unicode.h"
#include "text/utf8.h"
#include "tokenizer/lower_case.h"
#include "tokenizer/spm.h"

namespace gantry::tokenizer {
namespace {

using text::Category;

// The blocks that BERT calls Chinese; the gap and the odd start of the last but two are in its own code.
bool is_ideograph(char32_t code) {
  return (code >= 0x4E00 && code <= 0x9FFF) || (code >= 0x3400 && code <= 0x4DBF) ||
         (code >= 0x20000 && code <= 0x2A6DF) || (code >= 0x2A700 && code <= 0x2B73F) ||
         (code >= 0x2B740 && code <= 0x2B81F) || (code >= 0x2B920 && code <= 0x2CEAF) ||
         (code >= 0xF900 && code <= 0xFAFF) || (code >= 0x2F800 && code <= 0x2FA1F);
}

// BERT removes controls before it looks for white space: of those that are both, three count as white space.
bool is_dropped(char32_t code) {
  if (code == U'\t' || code == U'\n' || code == U'\r') return false;
  const Category category = text::category(code);
  return code == 0 || code == text::kReplacement || category == Category::kControl ||
         category == Category::kFormat || category == Category::kPrivateUse ||
         category == Category::kSurrogate;
}

bool stands_alone(char32_t code) {
  return text::is_punctuation(code) || (code < 0x80 && text::is_symbol(code)) || is_ideograph(code);
}

// Words that have more characters are one unknown token, whatever they are made of.
constexpr size_t kWordCharactersMax = 100;

bool is_too_long(std::string_view word) {
  const auto characters = std::count_if(word.begin(), word.end(),
                                        [](char c) { return (static_cast<uint8_t>(c) & 0xC0) != 0x80; });
  return static_cast<size_t>(characters) > kWordCharactersMax + 1;  // and the mark in front
}

// How much of a text is looked at in one go: up to before a byte of ASCII, which no mark reaches over.
size_t stretch_bytes(std::string_view text) {
  constexpr size_t kStretchBytes = size_t{64} << 10;
  size_t end = kStretchBytes;
  while (end < text.size() && static_cast<uint8_t>(text[end]) >= 0x80) ++end;
  return std::min(end, text.size());
}

}  // namespace

WordPieceTokenizer::WordPieceTokenizer(const VocabData& data)
    : BaseTokenizer(data),
      add_sep_(data.add_sep),
      lowercase_(data.lowercase),
      strip_accents_(data.strip_accents) {
  std::vector<std::pair<std::string_view, TokenId>> pieces;
  for (TokenId token = 0; token < static_cast<TokenId>(vocab().size()); ++token) {
    if (vocab().kind(token) == TokenKind::kNormal) pieces.emplace_back(vocab().text(token), token);
  }
  pieces_ = Trie(std::move(pieces));
}

void WordPieceTokenizer::encode_plain(std::string_view text, bool /*first*/, Encoding& to) const {
  std::string word;  // U+2581 and its characters; empty: between words
  const auto end_word = [&] {
    if (!word.empty()) encode_word(word, to.out, to.steps);
    word.clear();
  };
  const auto take = [&](char32_t code) {
    if (is_dropped(code)) return;
    if (text::is_white_space(code)) return end_word();
    if (strip_accents_ && text::category(code) == Category::kNonspacingMark) return;
    const bool alone = stands_alone(code);
    if (alone) end_word();
    if (word.empty()) word = kSpaceMark;
    if (lowercase_) {
      append_lower(word, code);
    } else {
      text::append_utf8(word, code);
    }
    if (alone) end_word();
  };
  while (!text.empty() && to.pass_on()) {
    check_interrupt();
    const std::string_view part = text.substr(0, stretch_bytes(text));
    text.remove_prefix(part.size());
    for (const char32_t code : text::to_utf32(strip_accents_ ? text::nfd(part) : std::string(part)))
      take(code);
  }
  end_word();
}

void WordPieceTokenizer::encode_word(std::string_view word, std::vector<TokenId>& out,
                                     uint64_t& steps) const {
  const size_t before = out.size();
  if (is_too_long(word)) {
    if (special().unk != kNoToken) out.push_back(special().unk);
    return;
  }
  for (size_t at = 0; at < word.size();) {
    size_t longest_end = at;
    TokenId longest = kNoToken;
    Trie::Node node = Trie::kRoot;
    for (size_t end = at; end < word.size();) {
      ++steps;
      node = pieces_.step(node, word[end++]);
      if (node == Trie::kNowhere) break;
      if (pieces_.value(node) == kNoToken) continue;
      longest = pieces_.value(node);
      longest_end = end;
    }
    if (longest == kNoToken) {
      out.resize(before);
      if (special().unk != kNoToken) out.push_back(special().unk);
      return;
    }
    out.push_back(longest);
    at = longest_end;
  }
}

std::string WordPieceTokenizer::spell(TokenId token) const { return unmark_spaces(vocab().text(token)); }

}  // namespace gantry::tokenizer
