#include "chat/shape.h"

#include <algorithm>
#include <array>
#include <map>

#include <fmt/format.h>

#include "chat/source.h"
#include "chat/turns.h"

namespace gantry::chat {
namespace {

// Nine letters and digits, always the same ones for the same id.
std::string nine_letters(std::string_view id) {
  if (reply::is_nine(id)) return std::string(id);
  constexpr std::string_view kLetters = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
  constexpr uint64_t kOffset = 0xcbf29ce484222325, kPrime = 0x100000001b3;  // FNV-1a
  uint64_t hash = kOffset;
  for (const char c : id) hash = (hash ^ static_cast<unsigned char>(c)) * kPrime;
  std::string out;
  for (size_t i = 0; i < reply::kNineLetters; ++i, hash /= kLetters.size())
    out += kLetters[hash % kLetters.size()];
  return out;
}

bool is_numbered(std::string_view id, std::string_view before) {
  return id.size() > before.size() && id.starts_with(before) &&
         id.find_first_not_of("0123456789", before.size()) == std::string_view::npos;
}

template <typename Map>
bool map_each_id(Messages& messages, const Map& map) {
  bool changed = false;
  std::map<std::string, std::string> now;  // of the nearest calls
  for (Message& message : messages) {
    if (calls_tools(message)) {
      now.clear();
      for (Json& call : message.calls()) {
        const std::string id = call.value("id", ""), wanted = map(id, call["function"].value("name", ""));
        now[id] = wanted;
        if (id == wanted) continue;
        call["id"] = wanted;
        changed = true;
      }
    } else if (is_result(message)) {
      const std::string id = message.fields().value("tool_call_id", "");
      const auto known = now.find(id);
      const std::string wanted =
          known != now.end() ? known->second : map(id, message.fields().value("name", ""));
      if (id == wanted) continue;
      message.set("tool_call_id", wanted);
      changed = true;
    }
  }
  return changed;
}

}  // namespace

bool set_effort(std::string_view source, const std::string& effort, Json& kwargs) {
  if (effort.empty()) return true;
  const bool wanted = effort != "none";
  bool taken = false;
  const auto set = [&](const char* name, Json value) {
    if (!names(source, name)) return;
    taken = true;
    if (kwargs.is_null()) kwargs = Json::object();
    if (kwargs.is_object() && !kwargs.contains(name)) kwargs[name] = std::move(value);
  };
  for (const char* name : {"enable_thinking", "thinking"}) set(name, wanted);
  if (effort != "on") set("reasoning_effort", effort);
  return taken;
}

std::vector<std::string> drop_unknown_kwargs(std::string_view source, Json& kwargs) {
  std::vector<std::string> dropped;
  if (!kwargs.is_object()) return dropped;
  for (const auto& [key, value] : kwargs.items())
    if (!mentions(source, key)) dropped.emplace_back(key);
  for (const std::string& key : dropped) kwargs.erase(key);
  return dropped;
}

bool rename_developers(Messages& messages) {
  bool changed = false;
  for (Message& message : messages) {
    if (role_of(message) != "developer") continue;
    message.set("role", "system");
    changed = true;
  }
  return changed;
}

void take_back_ids(Messages& messages, const reply::ReplyFormat& format) {
  if (format.ids != reply::CallIds::kNine) return;
  map_each_id(messages, [](const std::string& id, const std::string&) {
    constexpr std::string_view kCall = "call_";
    const bool ours = id.starts_with(kCall) && reply::is_nine(std::string_view(id).substr(kCall.size()));
    return ours ? id.substr(kCall.size()) : id;
  });
}

bool map_ids(Messages& messages, const Ground& ground) {
  if (ground.format.name_is_numbered) {
    // The name stands in the id, and nowhere else.
    size_t count = 0;
    return map_each_id(messages, [&](const std::string& id, const std::string& name) {
      const std::string before = ground.format.name_prefix + name + ':';
      const size_t number = count++;
      return is_numbered(id, before) ? id : before + std::to_string(number);
    });
  }
  if (ground.knowledge.can(Can::kAnyIds)) return false;
  return map_each_id(messages, [](const std::string& id, const std::string&) { return nine_letters(id); });
}

void silence_empty_words(Messages& messages, const Knowledge& knowledge) {
  if (knowledge.can(Can::kEmptyWordsWithCalls)) return;
  for (Message& message : messages)
    if (calls_tools(message) && text_of(message).empty()) message.set("content", nullptr);
}

bool place_reasoning(Messages& messages, const Knowledge& knowledge) {
  bool placed = true;
  for (Message& message : messages) {
    const auto reasoning = message.fields().find("reasoning_content");
    if (reasoning == message.fields().end() || reasoning->get<std::string_view>().empty()) continue;
    if (!knowledge.can(Can::kReasoning)) placed = false;
    if (knowledge.reasoning() == "reasoning_content") continue;
    Json text = *reasoning;
    message.erase("reasoning_content");
    message.set(knowledge.reasoning(), std::move(text));
  }
  return placed;
}

}  // namespace gantry::chat
