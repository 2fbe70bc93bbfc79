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
  labels_.push_back(0);
  for (size_t node = 0; node < spans.size(); ++node) {
    Span span = spans[node];
    if (span.first < span.end && entries[span.first].first.size() == span.depth) {
      nodes_[node].value = entries[span.first++].second;
    }
    nodes_[node].first = static_cast<uint32_t>(nodes_.size());
    while (span.first < span.end) {
      const char byte = entries[span.first].first[span.depth];
      size_t end = span.first + 1;
      while (end < span.end && entries[end].first[span.depth] == byte) ++end;
      labels_.push_back(static_cast<uint8_t>(byte));
      spans.push_back({span.first, end, span.depth + 1});
      nodes_.push_back({});
      ++nodes_[node].children;
      span.first = end;
    }
  }
  labels_.resize(labels_.size() + kAtOnce);
  constexpr uint32_t kInRow = 2 * kAtOnce;  // more children are looked up in a table
  for (Entry& entry : nodes_) {
    if (entry.children <= kInRow) continue;
    const size_t table = tables_.size();
    tables_.resize(table + 256, kNowhere);
    for (Node child = entry.first; child < entry.first + entry.children; ++child)
      tables_[table + labels_[child]] = child;
    entry.first = static_cast<uint32_t>(table / 256);
    entry.children = kInTable;
  }
}

}  // namespace gantry::tokenizer
