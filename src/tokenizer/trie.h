// A set of byte strings with a number each, for longest-prefix walks. Built once; then constant, any thread.
// Two arrays: nodes, and their edges sorted by byte.
#pragma once

#include <cstddef>
#include <cstdint>
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

  bool empty() const { return edges_.empty(); }
  Node step(Node node, char byte) const;                         // kNowhere: no such edge
  TokenId value(Node node) const { return nodes_[node].value; }  // kNoToken: no entry ends here

 private:
  struct Entry {
    uint32_t first_edge = 0;
    uint32_t edges = 0;
    TokenId value = kNoToken;
  };
  struct Edge {
    uint8_t byte;
    Node target;
  };
  std::vector<Entry> nodes_ = {Entry{}};
  std::vector<Edge> edges_;
  std::vector<Node> root_edges_;  // by byte: most walks end at the first
};

}  // namespace gantry::tokenizer
