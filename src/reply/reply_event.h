// The events that parsing a reply gives, in order.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gantry::reply {

enum class ReplyKind : uint8_t { kContent, kReasoning, kCallBegin, kArguments, kCallEnd };

struct ReplyEvent {
  ReplyKind kind;
  std::string text = {};  // of the content or reasoning; a piece of the arguments' JSON; kCallBegin: the name
  std::string id = {};    // kCallBegin: as the model wrote it, may be empty
  uint32_t call = 0;      // which one, from 0; calls never overlap
  bool whole = true;      // kCallEnd: false when the call was cut off or is malformed

  bool operator==(const ReplyEvent&) const = default;
};

// Collects events: joins adjacent pieces of one kind, and numbers the calls.
class ReplyEvents {
 public:
  void text(ReplyKind kind, std::string_view piece) {
    if (piece.empty()) return;
    if (!list_.empty() && list_.back().kind == kind)
      list_.back().text += piece;
    else
      list_.push_back(
          {.kind = kind, .text = std::string(piece), .call = kind == ReplyKind::kArguments ? call() : 0});
  }
  void begin(std::string name, std::string id) {
    ++calls_;
    list_.push_back(
        {.kind = ReplyKind::kCallBegin, .text = std::move(name), .id = std::move(id), .call = call()});
  }
  // Adds the events of another reader after those so far.
  void append(std::vector<ReplyEvent> found) {
    for (ReplyEvent& event : found) {
      if (event.kind == ReplyKind::kCallBegin)
        begin(std::move(event.text), std::move(event.id));
      else if (event.kind == ReplyKind::kCallEnd)
        end(event.whole);
      else
        text(event.kind, event.text);
    }
  }
  void end(bool whole) { list_.push_back({.kind = ReplyKind::kCallEnd, .call = call(), .whole = whole}); }

  uint32_t calls() const { return calls_; }
  std::vector<ReplyEvent> take() { return std::exchange(list_, {}); }

 private:
  uint32_t call() const { return calls_ - 1; }

  std::vector<ReplyEvent> list_;
  uint32_t calls_ = 0;
};

}  // namespace gantry::reply
