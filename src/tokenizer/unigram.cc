#include "tokenizer/unigram.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>

#include "base/interrupt.h"
#include "text/utf8.h"
#include "tokenizer/piece_cache.h"
#include "tokenizer/spm.h"

namespace gantry::tokenizer {
namespace {

// An unknown character scores this much less than the least likely piece.
constexpr float kUnknownPenalty = 10.0f;
constexpr float kInfinity = std::numeric_limits<float>::infinity();

bool mark_at(std::string_view text, size_t at) {
  static_assert(kSpaceMark.size() == 3);
  return text.size() - at >= 3 && text[at] == kSpaceMark[0] && text[at + 1] == kSpaceMark[1] &&
         text[at + 2] == kSpaceMark[2];
}

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
      remove_extra_whitespaces_(data.remove_extra_whitespaces),
      sums_by_word_(data.sums_by_word) {
  std::vector<std::pair<std::string_view, TokenId>> pieces;
  float lowest = 0;
  for (TokenId token = 0; token < static_cast<TokenId>(vocab().size()); ++token) {
    if (vocab().kind(token) == TokenKind::kUnused || !vocab().is_plain(token)) continue;
    pieces.emplace_back(vocab().text(token), token);
    const float score = vocab().score(token);
    if (std::isfinite(score)) lowest = std::min(lowest, score);
    longest_piece_ = std::max(longest_piece_, vocab().text(token).size());
    largest_score_ = std::isnan(score) ? kInfinity : std::max(largest_score_, std::fabs(score));
  }
  words_apart_ = std::none_of(pieces.begin(), pieces.end(), [this](const auto& piece) {
    return word_bytes(piece.first) < piece.first.size();
  });
  pieces_ = Trie(std::move(pieces));
  unknown_score_ = lowest - kUnknownPenalty;
  largest_score_ = std::max(largest_score_, std::fabs(unknown_score_));
}

LeadingSpace UnigramTokenizer::leading_space() const {
  if (remove_extra_whitespaces_) return LeadingSpace::kDropped;
  return add_space_prefix_ ? LeadingSpace::kPutInFront : LeadingSpace::kOwn;
}

std::string UnigramTokenizer::normalize(std::string_view text) const {
  const bool merge = remove_extra_whitespaces_;
  std::string out;
  out.reserve(text.size() + text.size() / 2);
  if (!text.empty() && add_space_prefix_ && !space_as_suffix_) out += kSpaceMark;
  bool after_space = merge;  // spaces here are left out
  bool nothing = text.empty() || merge;
  while (!text.empty()) {
    std::string_view part;
    if (const size_t run = charsmap_.untouched(text)) {
      part = text.substr(0, run);
      text.remove_prefix(run);
    } else if (const auto replaced = charsmap_.longest_prefix(text)) {
      part = replaced->text;
      text.remove_prefix(replaced->consumed);
    } else {
      const text::DecodedChar c = text::decode_utf8(text, 0);
      const size_t bytes = c.valid ? c.bytes : 1;
      part = c.valid ? text.substr(0, bytes) : std::string_view("\xEF\xBF\xBD");
      text.remove_prefix(bytes);
    }
    nothing = nothing && part == " ";
    if (after_space) part = without_leading(part, ' ');
    if (part.empty()) continue;
    append_marked(out, part);
    after_space = merge && part.ends_with(' ');
  }
  if (merge) {
    while (out.ends_with(kSpaceMark)) out.resize(out.size() - kSpaceMark.size());
  }
  if (!nothing && add_space_prefix_ && space_as_suffix_) out += kSpaceMark;
  return out;
}

// Cuts one text, word for word. Scores add up from its beginning, in float as SentencePiece adds them: late
// in a long text the last digits are gone, and which of two cuts of nearly one score wins depends on that.
// With sums_by_word each word begins anew, and nothing is rounded to float.
// Where no piece reaches over a place, the best way up to there is settled: so only the paths of a short
// stretch, from settled_ on, are kept.
class UnigramTokenizer::Cutter {
 public:
  Cutter(const UnigramTokenizer& tokenizer, Encoding& to)
      : tokenizer_(tokenizer), vocab_(tokenizer.vocab()), to_(to), begin_(to.out.size()), best_(64) {}

  // True: the same tokens for this word after any other words, while steady().
  bool cut(std::string_view word) {
    text_ = word;
    size_t kept = kKept;
    settled_ = reached_ = 0;
    if (tokenizer_.sums_by_word_) best_[0].score = 0;
    lasts_ = true;
    for (size_t start = 0; start < word.size();) {
      if (start == reached_) {
        settle();
        start = settled_ = reached_ = skip_unknown(start);
        if (start == word.size()) break;
      }
      if (start - settled_ > kept) {
        settle_common(start);
        kept = std::max(kKept, 2 * (start - settled_));
      }
      const size_t bytes = character_bytes(start);
      if (!extend(start, bytes)) extend_unknown(start, bytes);
      start += bytes;
    }
    settle();
    return lasts_;
  }

  // As if the tokens of a word, none unknown, had been cut here.
  void pass(const TokenId* first, const TokenId* last) {
    for (; first != last; ++first) best_[0].score = rounded(best_[0].score + vocab_.score(*first));
  }
  // Between two words, or settled places of a long one.
  bool pass_on() {
    const size_t had = to_.out.size();
    const bool wanted = to_.pass_on();
    if (to_.out.size() < had) begin_ = 0;
    return wanted;
  }
  bool steady() const {
    return tokenizer_.sums_by_word_ ||
           std::fabs(best_[0].score) + PieceKey::kBytesMax * tokenizer_.largest_score_ < kSteadyScore;
  }

 private:
  // Up to this sum an addition is wrong by 2^-8 at most; two ways through a word, of PieceKey::kBytesMax
  // pieces each, summed at two places of texts, by less than the margin.
  static constexpr double kSteadyScore = 131072;
  static constexpr double kSteadyMargin = 0.5;
  static_assert(kSteadyMargin > 4 * (PieceKey::kBytesMax + 1) / 256.0);

  // The best way to cut from settled_ to some place: its score, that of the next best, and its last piece.
  struct Best {
    double score = 0;
    double second = -kInfinity;
    uint32_t start = kUnreached;  // from settled_
    TokenId token = kNoToken;     // kNoToken: an unknown character
  };
  static constexpr uint32_t kUnreached = 0xFFFFFFFF;
  static constexpr size_t kKept = size_t{1} << 14;  // places of a word that are kept before it is looked back

  // As the first byte says: the text is UTF-8, unless a map of a bad file wrote into it.
  size_t character_bytes(size_t start) const {
    constexpr uint8_t kBytes[16] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 3, 4};
    return std::min<size_t>(kBytes[static_cast<uint8_t>(text_[start]) >> 4], text_.size() - start);
  }

  // Offers every piece that begins at `start`. True: the character of so many bytes there is one of them.
  bool extend(size_t start, size_t character_bytes) {
    const std::string_view rest = text_.substr(start);
    const size_t from = start - settled_;
    if (from + tokenizer_.longest_piece_ >= best_.size())
      best_.resize(2 * (from + tokenizer_.longest_piece_));
    Best* const best = best_.data() + from;
    const double score = best->score;
    bool character_known = false;
    Trie::Node node = Trie::kRoot;
    size_t bytes = 0, farthest = 0;
    while (bytes < rest.size()) {
      node = tokenizer_.pieces_.step(node, rest[bytes++]);
      if (node == Trie::kNowhere) break;
      const TokenId token = tokenizer_.pieces_.value(node);
      if (token == kNoToken) continue;
      offer(best[bytes], score + vocab_.score(token), from, token);
      farthest = bytes;
      character_known |= bytes == character_bytes;
    }
    to_.steps += bytes;
    reached_ = std::max(reached_, start + farthest);
    return character_known;
  }

  void extend_unknown(size_t start, size_t character_bytes) {
    const size_t from = start - settled_, end = from + character_bytes;
    if (end >= best_.size()) best_.resize(2 * end);
    offer(best_[end], rounded(best_[from].score + tokenizer_.unknown_score_), from, kNoToken);
    reached_ = std::max(reached_, start + character_bytes);
    lasts_ = false;  // pass() cannot tell how many unknown characters became one token
  }

  // Characters at a settled place that no piece begins with: there is but one way on.
  size_t skip_unknown(size_t start) {
    while (start < text_.size() && tokenizer_.pieces_.step(Trie::kRoot, text_[start]) == Trie::kNowhere) {
      const size_t bytes = character_bytes(start);
      push_unknown(text_.substr(start, bytes));
      best_[0].score = rounded(best_[0].score + tokenizer_.unknown_score_);
      lasts_ = false;
      start += bytes;
    }
    return start;
  }

  double rounded(double score) const {
    return tokenizer_.sums_by_word_ ? score : double{static_cast<float>(score)};
  }

  // A sum is compared before it is rounded.
  void offer(Best& best, double score, size_t from, TokenId token) const {
    const bool reached = best.start != kUnreached;
    if (!reached || score > best.score)
      best = {rounded(score), reached ? best.score : -kInfinity, static_cast<uint32_t>(from), token};
    else
      best.second = std::max(best.second, score);
  }

  // The best way to a place, so far from settled_.
  void write_way(size_t length) {
    reversed_.clear();
    for (size_t end = length; end > 0; end = best_[end].start)
      reversed_.push_back(static_cast<uint32_t>(end));
    for (size_t i = reversed_.size(); i-- > 0;) {
      const Best& best = best_[reversed_[i]];
      lasts_ = lasts_ && (tokenizer_.sums_by_word_ || best.score - best.second >= kSteadyMargin);
      if (best.token != kNoToken)
        to_.out.push_back(best.token);
      else
        push_unknown(text_.substr(settled_ + best.start, reversed_[i] - best.start));
    }
  }

  // All ways lead through reached_.
  void settle() {
    const size_t length = reached_ - settled_;
    if (length == 0) return;
    write_way(length);
    best_[0].score = best_[length].score;
    std::fill_n(best_.begin() + 1, length, Best{});
    settled_ = reached_;
    if (text_.size() > PieceKey::kBytesMax) pass_on();
  }

  // Where pieces reach over every place, all ways that may still win mostly began as one: up to where they
  // part it is settled. `start` is the first place that was not extended.
  void settle_common(size_t start) {
    ends_.clear();
    for (size_t end = start - settled_; end <= reached_ - settled_; ++end)
      if (best_[end].start != kUnreached) ends_.push_back(static_cast<uint32_t>(end));
    while (ends_.size() > 1) {
      const uint32_t before = best_[ends_.back()].start;
      ends_.pop_back();
      const auto place = std::lower_bound(ends_.begin(), ends_.end(), before);
      if (place == ends_.end() || *place != before) ends_.insert(place, before);
    }
    const size_t length = ends_.front();
    if (length == 0) return;
    write_way(length);
    best_[0].score = best_[length].score;
    const size_t left = reached_ - settled_ - length;
    for (size_t i = 1; i <= left; ++i) {
      best_[i] = best_[i + length];
      // Ways from before cannot win any more.
      const bool goes_on = best_[i].start != kUnreached && best_[i].start >= length;
      best_[i].start = goes_on ? best_[i].start - static_cast<uint32_t>(length) : kUnreached;
    }
    std::fill_n(best_.begin() + static_cast<ptrdiff_t>(left) + 1, length, Best{});
    settled_ += length;
    pass_on();
  }

  void push_unknown(std::string_view character) {
    const auto byte_token = [&](char c) { return vocab_.byte_token(static_cast<uint8_t>(c)); };
    if (std::all_of(character.begin(), character.end(), [&](char c) { return byte_token(c) != kNoToken; })) {
      std::transform(character.begin(), character.end(), std::back_inserter(to_.out), byte_token);
      return;
    }
    const TokenId unknown = tokenizer_.special().unk;
    const bool follows_one = to_.out.size() > begin_ && to_.out.back() == unknown;
    // Unknown characters in a row are one unknown token.
    if (unknown != kNoToken && !follows_one) to_.out.push_back(unknown);
  }

  const UnigramTokenizer& tokenizer_;
  const Vocab& vocab_;
  Encoding& to_;
  std::string_view text_;  // the word
  size_t begin_;           // of what the text gives, in to_.out
  size_t settled_ = 0;     // the word up to here is in to_.out
  size_t reached_ = 0;     // where the longest piece so far ends
  bool lasts_ = true;      // the word would be cut the same after any other words
  std::vector<Best> best_;
  std::vector<uint32_t> reversed_, ends_;
};

void UnigramTokenizer::encode_plain(std::string_view text, bool /*first*/, Encoding& to) const {
  const std::string normalized = normalize(text);
  const char* const end = normalized.data() + normalized.size();
  PieceCache& cache = PieceCache::of_thread();
  Cutter cutter(*this, to);
  for (std::string_view rest = normalized; !rest.empty() && cutter.pass_on();) {
    check_interrupt();
    const std::string_view word = rest.substr(0, word_bytes(rest));
    rest.remove_prefix(word.size());
    ++to.steps;
    const PieceKey key(word, end);
    const bool steady = key.fits() && cutter.steady() && may_be_known(word);
    const size_t before = to.out.size();
    if (steady && cache.replay(key, 2 * number(), to.out))
      cutter.pass(to.out.data() + before, to.out.data() + to.out.size());
    else if (cutter.cut(word) && steady)
      cache.remember(key, 2 * number(), before, to.out);
  }
}

// False: a word that begins in a script without pieces, which a cut is quick with and no cache remembers.
bool UnigramTokenizer::may_be_known(std::string_view word) const {
  const size_t at = mark_at(word, 0) && word.size() > kSpaceMark.size() ? kSpaceMark.size() : 0;
  return pieces_.step(Trie::kRoot, word[at]) != Trie::kNowhere;
}

// Words end before a space mark that follows another character, where no piece has such a place in it.
size_t UnigramTokenizer::word_bytes(std::string_view text) const {
  if (!words_apart_) return text.size();
  size_t at = 0;
  while (mark_at(text, at)) at += kSpaceMark.size();
  while ((at = text.find(kSpaceMark[0], at)) != text.npos && !mark_at(text, at)) ++at;
  return std::min(at, text.size());
}

std::string UnigramTokenizer::spell(TokenId token) const { return unmark_spaces(vocab().text(token)); }

}  // namespace gantry::tokenizer
