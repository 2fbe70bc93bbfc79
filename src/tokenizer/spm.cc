#include "tokenizer/spm.h"

#include <bit>

#include "text/utf8.h"
#include "tokenizer/merges.h"

namespace gantry::tokenizer {
namespace {

// A number that is lower where the score is higher, for every float: order of the bits, turned for negatives.
uint32_t order_of(float score) {
  constexpr uint32_t kSign = 0x80000000;
  const uint32_t bits = std::bit_cast<uint32_t>(score + 0.0f);  // -0 becomes 0
  const uint32_t ascending = (bits & kSign) != 0 ? ~bits : bits | kSign;
  return ~ascending;
}

}  // namespace

std::string mark_spaces(std::string_view text) {
  std::string marked;
  marked.reserve(text.size() + text.size() / 3);
  for (const char c : text) {
    if (c == ' ') {
      marked += kSpaceMark;
    } else {
      marked.push_back(c);
    }
  }
  return marked;
}

std::string unmark_spaces(std::string_view text) {
  std::string plain;
  plain.reserve(text.size());
  for (size_t at = 0; at < text.size();) {
    if (text.substr(at).starts_with(kSpaceMark)) {
      plain.push_back(' ');
      at += kSpaceMark.size();
    } else {
      plain.push_back(text[at++]);
    }
  }
  return plain;
}

SpmTokenizer::SpmTokenizer(const VocabData& data)
    : BaseTokenizer(data), add_space_prefix_(data.add_space_prefix) {}

void SpmTokenizer::encode_plain(std::string_view text, bool first, std::vector<TokenId>& out,
                                uint64_t& steps) const {
  std::string marked;
  if (first && add_space_prefix_) marked += kSpaceMark;
  marked += mark_spaces(text);

  Merger merger;
  for (size_t at = 0; at < marked.size();) {
    const text::DecodedChar c = text::decode_utf8(marked, at);
    const uint32_t bytes = c.valid ? c.bytes : 1;
    const TokenId token = vocab().find_plain(std::string_view(marked).substr(at, bytes));
    merger.add(static_cast<uint32_t>(at), bytes, token);
    at += bytes;
  }
  const auto look_up = [&](const Symbol& left, const Symbol& right) -> std::optional<Merge> {
    const size_t bytes = size_t{left.bytes} + right.bytes;
    const TokenId token = vocab().find_plain(std::string_view(marked).substr(left.start, bytes));
    if (token == kNoToken) return std::nullopt;
    return Merge{order_of(vocab().score(token)), token};
  };
  merger.run(look_up, steps);

  bool after_unknown = false;  // unknown characters in a row are one unknown token
  merger.for_each([&](const Symbol& symbol) {
    if (symbol.token != kNoToken) {
      out.push_back(symbol.token);
      after_unknown = false;
      return;
    }
    for (uint32_t i = 0; i < symbol.bytes; ++i) {
      const TokenId byte = vocab().byte_token(static_cast<uint8_t>(marked[symbol.start + i]));
      const TokenId token = byte != kNoToken ? byte : special().unk;
      const bool unknown = byte == kNoToken;
      if (token != kNoToken && !(unknown && after_unknown)) out.push_back(token);
      after_unknown = unknown;
    }
  });
}

std::string SpmTokenizer::spell(TokenId token) const { return unmark_spaces(vocab().text(token)); }

}  // namespace gantry::tokenizer
