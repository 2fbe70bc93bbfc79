#include "tokenizer/unigram.h"

#include <algorithm>
#include <cmath>

#include "text/utf8.h"
#include "tokenizer/spm.h"

namespace gantry::tokenizer {
namespace {

// An unknown character scores this much less than the least likely piece.
constexpr float kUnknownPenalty = 10.0f;

std::string_view without_leading(std::string_view s, char c) {
  return s.substr(std::min(s.find_first_not_of(c), s.size()));
}

}  // namespace

UnigramTokenizer::UnigramTokenizer(const VocabData& data)
    : BaseTokenizer(data),
      charsmap_(data.charsmap, data.where + ": tokenizer.ggml.precompiled_charsmap"),
      unknown_score_(0),
      add_space_prefix_(data.add_space_prefix),
      space_as_suffix_(data.treat_whitespace_as_suffix),
      remove_extra_whitespaces_(data.remove_extra_whitespaces) {
  std::vector<std::pair<std::string_view, TokenId>> pieces;
  float lowest = 0;
  for (TokenId token = 0; token < static_cast<TokenId>(vocab().size()); ++token) {
    const TokenKind kind = vocab().kind(token);
    if (kind != TokenKind::kNormal && kind != TokenKind::kUserDefined) continue;
    pieces.emplace_back(vocab().text(token), token);
    if (std::isfinite(vocab().score(token))) lowest = std::min(lowest, vocab().score(token));
  }
  pieces_ = Trie(std::move(pieces));
  unknown_score_ = lowest - kUnknownPenalty;
}

LeadingSpace UnigramTokenizer::leading_space() const {
  if (remove_extra_whitespaces_) return LeadingSpace::kDropped;
  return add_space_prefix_ ? LeadingSpace::kPutInFront : LeadingSpace::kOwn;
}

std::string UnigramTokenizer::normalize(std::string_view text) const {
  const bool merge = remove_extra_whitespaces_;
  std::string out;
  out.reserve(text.size() + text.size() / 2);
  bool after_space = merge;  // spaces here are left out
  bool begun = false;
  while (!text.empty()) {
    std::string_view part;
    if (text.front() != ' ' && text.size() > 1 && charsmap_.leaves(text[0], text[1])) {
      part = text.substr(0, 1);
      text.remove_prefix(1);
    } else if (const auto replaced = charsmap_.longest_prefix(text)) {
      part = replaced->text;
      text.remove_prefix(replaced->consumed);
    } else {
      const text::DecodedChar c = text::decode_utf8(text, 0);
      const size_t bytes = c.valid ? c.bytes : 1;
      part = c.valid ? text.substr(0, bytes) : std::string_view("\xEF\xBF\xBD");
      text.remove_prefix(bytes);
    }
    if (after_space && part.starts_with(' ')) part = without_leading(part, ' ');
    if (part.empty()) continue;
    if (!begun && add_space_prefix_ && !space_as_suffix_) out += kSpaceMark;
    begun = true;
    if (part.find(' ') == std::string_view::npos)
      out += part;
    else
      out += mark_spaces(part);
    after_space = merge && part.ends_with(' ');
  }
  if (merge) {
    while (out.ends_with(kSpaceMark)) out.resize(out.size() - kSpaceMark.size());
  }
  if (begun && add_space_prefix_ && space_as_suffix_) out += kSpaceMark;
  return out;
}

std::vector<UnigramTokenizer::Best> UnigramTokenizer::best_paths(std::string_view text,
                                                                 uint64_t& steps) const {
  std::vector<Best> best(text.size() + 1);
  const auto offer = [&](size_t end, size_t start, float score, TokenId token) {
    if (best[end].start == kUnreached || score > best[end].score) {
      best[end] = {score, static_cast<uint32_t>(start), token};
    }
  };
  for (size_t start = 0; start < text.size();) {
    const bool ascii = static_cast<uint8_t>(text[start]) < 0x80;
    const size_t bytes = ascii ? 1 : text::decode_utf8(text, start).bytes;
    const float score = best[start].score;
    bool character_known = false;
    Trie::Node node = Trie::kRoot;
    for (size_t end = start; end < text.size();) {
      ++steps;
      node = pieces_.step(node, text[end++]);
      if (node == Trie::kNowhere) break;
      const TokenId token = pieces_.value(node);
      if (token == kNoToken) continue;
      offer(end, start, score + vocab().score(token), token);
      character_known |= end - start == bytes;
    }
    if (!character_known) offer(start + bytes, start, score + unknown_score_, kNoToken);
    start += bytes;
  }
  return best;
}

void UnigramTokenizer::push_unknown(std::string_view character, std::vector<TokenId>& reversed) const {
  const bool spelled = std::all_of(character.begin(), character.end(), [this](char c) {
    return vocab().byte_token(static_cast<uint8_t>(c)) != kNoToken;
  });
  if (spelled) {
    for (auto c = character.rbegin(); c != character.rend(); ++c) {
      reversed.push_back(vocab().byte_token(static_cast<uint8_t>(*c)));
    }
  } else if (special().unk != kNoToken && (reversed.empty() || reversed.back() != special().unk)) {
    reversed.push_back(special().unk);  // unknown characters in a row are one unknown token
  }
}

void UnigramTokenizer::encode_plain(std::string_view text, bool /*first*/, std::vector<TokenId>& out,
                                    uint64_t& steps) const {
  const std::string normalized = normalize(text);
  const std::vector<Best> best = best_paths(normalized, steps);
  std::vector<TokenId> reversed;
  for (size_t end = normalized.size(); end > 0; end = best[end].start) {
    if (best[end].token != kNoToken) {
      reversed.push_back(best[end].token);
    } else {
      push_unknown(std::string_view(normalized).substr(best[end].start, end - best[end].start), reversed);
    }
  }
  out.insert(out.end(), reversed.rbegin(), reversed.rend());
}

std::string UnigramTokenizer::spell(TokenId token) const { return unmark_spaces(vocab().text(token)); }

}  // namespace gantry::tokenizer
