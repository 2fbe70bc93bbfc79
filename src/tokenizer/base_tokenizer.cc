#include "tokenizer/base_tokenizer.h"

#include <algorithm>
#include <atomic>

#include "base/interrupt.h"
#include "text/unicode.h"
#include "text/utf8.h"

namespace gantry::tokenizer {
namespace {

// The algorithms number characters with 32 bits; a longer text is cut, far beyond any context.
constexpr size_t kPlainBytesMax = size_t{1} << 28;

// Where the white space begins that `text` ends with.
size_t trailing_white_space(std::string_view text) {
  size_t end = text.size();
  while (end > 0) {
    size_t start = end - 1;
    while (start > 0 && (static_cast<uint8_t>(text[start]) & 0xC0) == 0x80) --start;
    const text::DecodedChar c = text::decode_utf8(text.substr(0, end), start);
    if (!c.valid || c.bytes != end - start || !text::is_white_space(c.code)) return end;
    end = start;
  }
  return end;
}

// Bytes of white space that `text` begins with.
size_t leading_white_space(std::string_view text) {
  size_t end = 0;
  while (end < text.size()) {
    const text::DecodedChar c = text::decode_utf8(text, end);
    if (!c.valid || !text::is_white_space(c.code)) return end;
    end += c.bytes;
  }
  return end;
}

}  // namespace

BaseTokenizer::BaseTokenizer(const VocabData& data) : vocab_(data), model_(data.model), pre_(data.pre) {
  static std::atomic<uint32_t> made{0};
  number_ = ++made;
  for (TokenId token = 0; token < static_cast<TokenId>(vocab_.size()); ++token) {
    const TokenKind kind = vocab_.kind(token);
    if (vocab_.text(token).empty()) continue;
    const auto first = static_cast<uint8_t>(vocab_.text(token)[0]);
    user_begins_[first] |= kind == TokenKind::kUserDefined;
    marker_begins_[first] |=
        kind == TokenKind::kUserDefined || kind == TokenKind::kControl || kind == TokenKind::kUnknown;
  }
}

// Up to where a text is not given, asked for places in order.
class BaseTokenizer::Own {
 public:
  explicit Own(std::span<const Range> given) : given_(given) {}
  // From `at` on; `at` itself where that byte is given.
  size_t end(size_t at) {
    while (!given_.empty() && given_.front().end <= at) given_ = given_.subspan(1);
    return given_.empty() ? std::string_view::npos : std::max(at, given_.front().begin);
  }
  // The first place from `at` on that is not given.
  size_t next(size_t at) {
    while (end(at) == at) at = given_.front().end;
    return at;
  }

 private:
  std::span<const Range> given_;
};

void BaseTokenizer::encode_to(std::string_view text, const EncodeOptions& options,
                              const TakeTokens& take) const {
  uint64_t steps = 0;
  Encoding to{take, steps};
  encode_all(text, options, to);
}

std::vector<TokenId> BaseTokenizer::encode_counted(std::string_view text, const EncodeOptions& options,
                                                   uint64_t& steps) const {
  std::vector<TokenId> out;
  const TakeTokens take = [&](std::span<const TokenId> some) {
    out.insert(out.end(), some.begin(), some.end());
    return true;
  };
  Encoding to{take, steps};
  encode_all(text, options, to);
  return out;
}

void BaseTokenizer::encode_all(std::string_view text, const EncodeOptions& options, Encoding& to) const {
  if (options.add_special && opening_token() != kNoToken) to.out.push_back(opening_token());
  bool first = true;
  Own own(options.given);
  for (size_t at = 0; at < text.size() && to.pass_on();) {
    check_interrupt();
    const auto marker = next_marker(text, at, options.parse_special, own, to.steps);
    size_t end = marker ? marker->first : text.size();
    if (marker && vocab_.swallows_left(marker->token)) {
      end = at + trailing_white_space(text.substr(at, end - at));
    }
    if (end > at) {
      encode_between(text.substr(at, end - at), first, to);
      first = false;
    }
    if (!marker) break;
    to.out.push_back(marker->token);
    first = true;
    at = marker->end;
    if (vocab_.swallows_right(marker->token)) {
      at += leading_white_space(text.substr(at));
    }
  }
  if (options.add_special && closing_token() != kNoToken) to.out.push_back(closing_token());
  to.pass_all_on();
}

void BaseTokenizer::encode_between(std::string_view text, bool first, Encoding& to) const {
  while (text.size() > kPlainBytesMax && to.wanted) {
    const size_t cut = text::whole_utf8_prefix(text.substr(0, kPlainBytesMax));
    encode_plain(text.substr(0, cut), first, to);
    text.remove_prefix(cut);
    first = false;
  }
  encode_plain(text, first, to);
}

bool BaseTokenizer::may_mark(TokenId token, bool control) const {
  return control || vocab_.kind(token) == TokenKind::kUserDefined;
}

bool BaseTokenizer::begins_reserved(std::string_view text, bool control, uint64_t& steps) const {
  Trie::Node node = Trie::kRoot;
  for (const char c : text) {
    node = vocab_.markers().step(node, c);
    if (node == Trie::kNowhere) return false;
    ++steps;
    const TokenId token = vocab_.markers().value(node);
    if (token != kNoToken && vocab_.is_reserved(token) && may_mark(token, control)) return true;
  }
  return false;
}

// Whether something that was given, together with its neighbours, would take what is the template's: a
// reserved token that is spelled without it begins in `part`.
bool BaseTokenizer::takes_reserved(std::string_view text, Range part, bool control, Own own,
                                   uint64_t& steps) const {
  if (own.end(part.begin) >= part.end) return false;  // nothing in it is given
  for (size_t at = own.next(part.begin); at < part.end; at = own.next(at + 1))
    if (begins_reserved(text.substr(at, own.end(at) - at), control, steps)) return true;
  return false;
}

// The leftmost marker from `from` on, the longest of those that begin there. User-defined tokens always
// count, control and unknown tokens where `control`, reserved ones of either kind in what is not given. What
// is given takes no part of a reserved one.
std::optional<BaseTokenizer::Marker> BaseTokenizer::next_marker(std::string_view text, size_t from,
                                                                bool control, Own& own,
                                                                uint64_t& steps) const {
  const Trie& markers = vocab_.markers();
  const FirstBytes& begins = control ? marker_begins_ : user_begins_;
  for (size_t start = from; start < text.size(); ++start) {
    if (!begins[static_cast<uint8_t>(text[start])]) continue;
    const size_t own_end = own.end(start);
    const auto counts = [&](TokenId token, size_t end) {
      if (!may_mark(token, control)) return false;
      if (end <= own_end) return true;
      return !vocab_.is_reserved(token) && !takes_reserved(text, {start, end}, control, own, steps);
    };
    Trie::Node node = markers.step(Trie::kRoot, text[start]);
    std::optional<Marker> longest;
    for (size_t end = start + 1; node != Trie::kNowhere; ++end) {
      ++steps;
      const TokenId token = markers.value(node);
      if (token != kNoToken && counts(token, end)) longest = Marker{start, end, token};
      node = end < text.size() ? markers.step(node, text[end]) : Trie::kNowhere;
    }
    if (longest) return longest;
  }
  return std::nullopt;
}

std::string BaseTokenizer::token_bytes(TokenId token, bool special) const {
  if (!vocab_.contains(token)) return {};
  switch (vocab_.kind(token)) {
    case TokenKind::kControl:
      return special ? std::string(vocab_.text(token)) : std::string();
    case TokenKind::kUnknown:
      return std::string(special ? vocab_.text(token) : unknown_text());
    case TokenKind::kUserDefined:
      return std::string(vocab_.text(token));
    case TokenKind::kByte:
      if (const int byte = vocab_.byte_of(token); byte >= 0) return std::string(1, static_cast<char>(byte));
      return std::string(vocab_.text(token));
    case TokenKind::kNormal:
    case TokenKind::kUnused:
      break;
  }
  return spell(token);
}

std::string BaseTokenizer::decode(std::span<const TokenId> tokens, bool special) const {
  StreamDecoder decoder(*this, special);
  std::string out;
  for (const TokenId token : tokens) out += decoder.push(token);
  out += decoder.finish();
  return out;
}

std::string_view BaseTokenizer::text(TokenId token) const {
  return vocab_.contains(token) ? vocab_.text(token) : std::string_view();
}

TokenKind BaseTokenizer::kind(TokenId token) const {
  return vocab_.contains(token) ? vocab_.kind(token) : TokenKind::kUnknown;
}

std::optional<TokenId> BaseTokenizer::find(std::string_view wanted) const {
  const TokenId token = vocab_.find(wanted);
  return token == kNoToken ? std::nullopt : std::optional(token);
}

TokenId BaseTokenizer::opening_token() const { return special().add_bos ? special().bos : kNoToken; }

TokenId BaseTokenizer::closing_token() const { return special().add_eos ? special().eos : kNoToken; }

}  // namespace gantry::tokenizer
