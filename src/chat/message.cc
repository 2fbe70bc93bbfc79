#include "chat/message.h"

#include <utility>

namespace gantry::chat {
namespace {

constexpr std::string_view kContent = "content", kCalls = "tool_calls";

}  // namespace

Message::Message(std::string_view role, const text::Words& content)
    : fields_(Json::object({{"role", role}})) {
  say(content);
}

text::Words Message::words() const {
  text::Words out;
  const auto content = fields_.find(kContent);
  if (content == fields_.end()) return out;
  if (content->is_array())
    for (const Json& part : *content)
      if (part.contains("text") && part["text"].is_string()) out.given(part["text"].get<std::string_view>());
  if (!content->is_string()) return out;
  const auto text = content->get<std::string_view>();
  size_t at = 0;
  for (const Range& range : owned_) {
    out.given(text.substr(at, range.begin - at)).own(text.substr(range.begin, range.size()));
    at = range.end;
  }
  out.given(text.substr(at));
  return out;
}

void Message::say(const text::Words& content) {
  fields_[kContent] = content.text();
  owned_ = content.owned();
}

void Message::set(std::string_view member, Json value) {
  fields_[member] = std::move(value);
  if (member == kContent) owned_.clear();
}

void Message::erase(std::string_view member) {
  fields_.erase(member);
  if (member == kContent) owned_.clear();
}

Json& Message::calls() { return fields_[kCalls]; }

}  // namespace gantry::chat
