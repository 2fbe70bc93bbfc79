// A set of byte strings with a number each, for longest-prefix walks. Built once; then constant, any thread.
// Nodes, their edges sorted by byte, and for those with many edges a table.
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
  // kNowhere: no such edge.
  Node step(Node node, char byte) const {
    const auto wanted = static_cast<uint8_t>(byte);
    const Entry& entry = nodes_[node];
    if (entry.table != kNowhere) return tables_[size_t{entry.table} * 256 + wanted];
    const Edge* edge = edges_.data() + entry.first_edge;
    for (const Edge* const last = edge + entry.edges; edge != last; ++edge)
      if (edge->byte >= wanted) return edge->byte == wanted ? edge->target : kNowhere;
    return kNowhere;
  }
  TokenId value(Node node) const { return nodes_[node].value; }  // kNoToken: no entry ends here

 private:
  struct Entry {
    uint32_t first_edge = 0;
    uint32_t edges = 0;
    TokenId value = kNoToken;
    uint32_t table = kNowhere;  // of a node with many edges: which of the tables
  };
  struct Edge {
    uint8_t byte;
    Node target;
  };
  std::vector<Entry> nodes_ = {Entry{}};
  std::vector<Edge> edges_;
  std::vector<Node> tables_;  // 256 targets each
};

}  // namespace gantry::tokenizer
