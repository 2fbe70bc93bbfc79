#include "tokenizer/trie.h"

#include <algorithm>

namespace gantry::tokenizer {
namespace {

// The sorted entries that share the first `depth` bytes, which are those of one node.
struct Span {
  size_t first, end, depth;
};

}  // namespace

Trie::Trie(std::vector<std::pair<std::string_view, TokenId>> entries) {
  std::erase_if(entries, [](const auto& entry) { return entry.first.empty(); });
  std::stable_sort(entries.begin(), entries.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  entries.erase(std::unique(entries.begin(), entries.end(),
                            [](const auto& a, const auto& b) { return a.first == b.first; }),
                entries.end());
  // Breadth first: spans[n] belongs to nodes_[n].
  std::vector<Span> spans = {{0, entries.size(), 0}};
  for (size_t node = 0; node < spans.size(); ++node) {
    Span span = spans[node];
    if (span.first < span.end && entries[span.first].first.size() == span.depth) {
      nodes_[node].value = entries[span.first++].second;
    }
    nodes_[node].first_edge = static_cast<uint32_t>(edges_.size());
    while (span.first < span.end) {
      const char byte = entries[span.first].first[span.depth];
      size_t end = span.first + 1;
      while (end < span.end && entries[end].first[span.depth] == byte) ++end;
      edges_.push_back({static_cast<uint8_t>(byte), static_cast<Node>(nodes_.size())});
      spans.push_back({span.first, end, span.depth + 1});
      nodes_.push_back({});
      span.first = end;
    }
    nodes_[node].edges = static_cast<uint32_t>(edges_.size()) - nodes_[node].first_edge;
  }
  constexpr uint32_t kEdgesInRow = 24;  // more are looked up in a table
  for (Entry& entry : nodes_) {
    if (entry.edges <= kEdgesInRow) continue;
    entry.table = static_cast<uint32_t>(tables_.size() / 256);
    tables_.resize(tables_.size() + 256, kNowhere);
    for (uint32_t i = 0; i < entry.edges; ++i) {
      const Edge& edge = edges_[entry.first_edge + i];
      tables_[size_t{entry.table} * 256 + edge.byte] = edge.target;
    }
  }
}

}  // namespace gantry::tokenizer
