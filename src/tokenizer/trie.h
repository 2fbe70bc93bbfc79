// A set of byte strings with a number each, for longest-prefix walks. Built once; then constant, any thread.
// Breadth first, so that a node's children lie side by side: an edge needs only its byte. Nodes with many
// edges have a table besides.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <utility>
#include <vector>

#include "base/ids.h"

namespace gantry::tokenizer {

class Trie {
 public:
  using Node = uint32_t;
  static constexpr Node kRoot = 0;
  static constexpr Node kNowhere = 0xFFFFFFFF;

  Trie() = default;
  // Empty strings are left out; of equal strings the first counts.
  explicit Trie(std::vector<std::pair<std::string_view, TokenId>> entries);

  bool empty() const { return nodes_.size() == 1; }
  // kNowhere: no such edge.
  Node step(Node node, char byte) const {
    const auto wanted = static_cast<uint8_t>(byte);
    const Entry& entry = nodes_[node];
    if (entry.children == kInTable) return tables_[size_t{entry.first} * 256 + wanted];
    for (uint32_t done = 0; done < entry.children; done += kAtOnce) {
      uint64_t labels;
      std::memcpy(&labels, labels_.data() + entry.first + done, kAtOnce);
      // The lowest byte that equals `wanted` is 0 in `other`, and the lowest that gets its top bit in
      // `equal`.
      const uint64_t other = labels ^ (kOnes * wanted);
      const uint64_t equal = (other - kOnes) & ~other & (kOnes << 7);
      if (equal == 0) continue;
      const uint32_t child = done + static_cast<uint32_t>(std::countr_zero(equal)) / 8;
      return child < entry.children ? entry.first + child : kNowhere;
    }
    return kNowhere;
  }
  TokenId value(Node node) const { return nodes_[node].value; }  // kNoToken: no entry ends here

 private:
  static constexpr uint32_t kInTable = 0xFFFF;
  static constexpr uint32_t kAtOnce = 8;  // labels looked at together
  static constexpr uint64_t kOnes = 0x0101010101010101;
  static_assert(std::endian::native == std::endian::little);

  struct Entry {
    uint32_t first = 0;     // child; or, kInTable: which of the tables
    uint16_t children = 0;  // or kInTable
    TokenId value = kNoToken;
  };
  std::vector<Entry> nodes_ = {Entry{}};
  std::vector<uint8_t> labels_;  // the byte that leads to each node; kAtOnce more than nodes
  std::vector<Node> tables_;     // 256 children each
};

}  // namespace gantry::tokenizer
