// Where merging can never reach across: two neighbouring characters that stand side by side in no token. Text
// may be cut there before merging and the outcome is the same, because a symbol that spanned the place would
// be a token with both in it. Built once, then constant; any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace gantry::tokenizer {

class Joints {
 public:
  // `tokens_bytes`: of all tokens together; sizes the table.
  void reserve(size_t tokens_bytes);
  // The bytes of a token that merging may make. They may begin or end within a character.
  void add(std::string_view token);
  // The end of the stretch from `from` on that may be merged apart from what follows. from < text.size().
  size_t island_end(std::string_view text, size_t from) const;

 private:
  // A character, or what a token has of it: its bytes, the last one lowest.
  struct Char {
    uint32_t packed = 0;
    uint8_t bytes = 0;  // 0: broken UTF-8
  };
  static Char char_at(std::string_view text, size_t at);
  bool may_join(const Char& left, const Char& right) const;
  bool has(uint32_t left, uint32_t right) const;
  void put(uint32_t left, uint32_t right);
  static size_t hash(uint32_t left, uint32_t right);

  std::array<std::array<bool, 128>, 128> ascii_{};  // both ASCII: exact
  // The others: a bit per hash, so that some pairs seem to join that do not; that only costs time.
  std::vector<uint64_t> bits_ = std::vector<uint64_t>(1);
  int shift_ = 63;
  // Tokens were added that have only the last (first) n bytes of the character left (right) of a joint; n = 0
  // stands for the whole character.
  std::array<std::array<bool, 4>, 4> cut_{};
};

}  // namespace gantry::tokenizer
