#include "completion/stop_matcher.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace gantry::completion {

StopStrings::StopStrings(const std::vector<std::string>& stops) {
  std::vector<std::string_view> sorted(stops.begin(), stops.end());
  std::ranges::sort(sorted);  // by unsigned bytes, as char_traits compares
  const auto twice = std::ranges::unique(sorted);
  sorted.erase(twice.begin(), twice.end());
  if (!sorted.empty() && sorted.front().empty()) sorted.erase(sorted.begin());

  // Node i is the beginning that the strings from first to end have in common.
  struct Range {
    uint32_t first, end;
  };
  std::vector<Range> ranges{{0, static_cast<uint32_t>(sorted.size())}};
  nodes_.emplace_back();
  for (State at = 0; at < nodes_.size(); ++at) {
    auto [first, end] = ranges[at];
    const uint16_t length = nodes_[at].length;
    // In the order of the alphabet the string that ends here comes first.
    if (first < end && sorted[first].size() == length) {
      nodes_[at].complete = length;
      ++first;
    }
    if (nodes_[at].complete == 0) nodes_[at].complete = nodes_[nodes_[at].fall].complete;
    nodes_[at].first_child = static_cast<uint32_t>(nodes_.size());
    while (first < end) {
      GANTRY_CHECK(sorted[first].size() <= kLengthMax);
      const char byte = sorted[first][length];
      uint32_t last = first;
      while (last < end && sorted[last][length] == byte) ++last;
      Node node;
      node.byte = static_cast<unsigned char>(byte);
      node.length = static_cast<uint16_t>(length + 1);
      // All that is shorter stands already, but for the children of this node itself, which is no end of
      // them.
      if (at != kStart) node.fall = next(nodes_[at].fall, byte);
      nodes_.push_back(node);
      ranges.push_back({first, last});
      ++nodes_[at].children;
      first = last;
    }
  }
  nodes_.shrink_to_fit();
}

StopStrings::State StopStrings::child(State state, unsigned char byte) const {
  const Node& node = nodes_[state];
  const auto begin = nodes_.begin() + node.first_child, end = begin + node.children;
  const auto found = std::lower_bound(
      begin, end, byte, [](const Node& one, unsigned char wanted) { return one.byte < wanted; });
  return found == end || found->byte != byte ? kStart : static_cast<State>(found - nodes_.begin());
}

// Each fall shortens the state, and each byte lengthens it by one: as many steps as bytes.
StopStrings::State StopStrings::next(State state, char c) const {
  const auto byte = static_cast<unsigned char>(c);
  while (true) {
    if (const State found = child(state, byte); found != kStart) return found;
    if (state == kStart) return kStart;
    state = nodes_[state].fall;
  }
}

std::string StopMatcher::give(size_t bytes) {
  std::string out = held_.substr(0, bytes);
  held_.erase(0, bytes);
  shown_bytes_ += out.size();
  return out;
}

std::string StopMatcher::push(std::string_view piece) {
  if (found()) return {};
  if (stops_ == nullptr) {
    shown_bytes_ += piece.size();
    return std::string(piece);
  }
  for (const char c : piece) {
    held_ += c;
    state_ = stops_->next(state_, c);
    if (const uint32_t complete = stops_->complete(state_); complete > 0) {
      std::string out = give(held_.size() - complete);
      found_text_.swap(held_);
      return out;
    }
  }
  return give(held_.size() - stops_->length(state_));
}

std::string StopMatcher::finish() {
  state_ = StopStrings::kStart;
  return give(held_.size());
}

}  // namespace gantry::completion
