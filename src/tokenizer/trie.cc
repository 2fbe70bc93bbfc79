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
  root_edges_.assign(256, kNowhere);
  for (uint32_t i = 0; i < nodes_[kRoot].edges; ++i) root_edges_[edges_[i].byte] = edges_[i].target;
}

Trie::Node Trie::step(Node node, char byte) const {
  const auto wanted = static_cast<uint8_t>(byte);
  if (node == kRoot) return root_edges_.empty() ? kNowhere : root_edges_[wanted];
  const Entry& entry = nodes_[node];
  const auto first = edges_.begin() + entry.first_edge;
  const auto last = first + entry.edges;
  const auto found =
      std::lower_bound(first, last, wanted, [](const Edge& e, uint8_t b) { return e.byte < b; });
  return found != last && found->byte == wanted ? found->target : kNowhere;
}

}  // namespace gantry::tokenizer
