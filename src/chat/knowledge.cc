#include "chat/knowledge.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "chat/tools.h"
#include "chat/turns.h"

namespace gantry::chat {
namespace {

// Words that no template has of its own.
constexpr const char *kUser = "larkspurs", *kUser2 = "saxifrages", *kAnswer = "cornflowers",
                     *kAnswer2 = "hellebores", *kSystem = "bindweeds", *kSystem2 = "foxgloves",
                     *kResult = "celandines", *kResult2 = "gentians", *kThought = "speedwells",
                     *kName = "ask_for_tansies", *kName2 = "ask_for_yarrows", *kValue = "pimpernels",
                     *kValue2 = "valerians", *kTool = "ask_for_teasels";

Json says(const char* role, const char* text) { return Json::object({{"role", role}, {"content", text}}); }
Json user(const char* text = kUser) { return says("user", text); }
Json answer(const char* text = kAnswer) { return says("assistant", text); }
Json system(const char* text = kSystem) { return says("system", text); }

class Probes {
 public:
  Probes(const Knowledge::Render& render, const reply::ReplyFormat& format)
      : render_(render), numbered_(format.name_is_numbered ? format.name_prefix : "") {
    const Json schema = Json::object({{"type", "object"},
                                      {"properties", {{"about", {{"type", "string"}, {"description", "x"}}}}},
                                      {"required", Json::array({"about"})}});
    const Json function =
        Json::object({{"name", kTool}, {"description", "It asks."}, {"parameters", schema}});
    tools_.push_back(Json::object({{"type", "function"}, {"function", function}}));
  }

  // All words come out. Without tools first: few templates fail without any.
  bool shows(const Json& messages, const std::vector<const char*>& words) const {
    return has(render_(messages, nullptr), words);
  }
  // Calls that the tools do not announce by themselves.
  bool shows_with_tools(const Json& messages, const std::vector<const char*>& words) const {
    return has(render_(messages, tools_), words);
  }
  bool shows_tools() const { return has(render_(Json::array({user()}), tools_), {kTool}); }
  // What schemas say that stand elsewhere, or among others. A template that goes through the schemas itself
  // may leave that out, and not once they are simple.
  bool shows_schemas() const {
    const Json elsewhere = Json::object({{"type", "string"}, {"description", kValue}});
    const Json among = Json::object({{"type", "string"}, {"description", kValue2}});
    const Json null = Json::object({{"type", "null"}});
    Json tools = tools_;
    Json& parameters = tools[0]["function"]["parameters"];
    parameters["properties"] = Json::object(
        {{"about", {{"$ref", "#/$defs/About"}}}, {"other", {{"anyOf", Json::array({among, null})}}}});
    parameters["$defs"] = Json::object({{"About", elsewhere}});
    const auto shown = [&] { return has(render_(Json::array({user()}), tools), {kValue, kValue2}); };
    if (shown()) return true;
    simplify_tools(tools);
    return !shown();
  }
  bool takes(const Json& messages) const { return render_(messages, tools_).has_value(); }

  Json call(const char* name, const char* value, const char* id) const {
    return Json::object({{"id", id_of(name, id)},
                         {"type", "function"},
                         {"function", {{"name", name}, {"arguments", {{"about", value}}}}}});
  }
  Json calling(const Json& calls, const Json& content = nullptr) const {
    return Json::object({{"role", "assistant"}, {"content", content}, {"tool_calls", calls}});
  }
  Json one(const Json& content = nullptr, const char* id = kId) const {
    return calling(Json::array({call(kName, kValue, id)}), content);
  }
  // In the API's older words.
  static Json old_call() {
    const Json function = Json::object({{"name", kName}, {"arguments", {{"about", kValue}}}});
    return Json::object({{"role", "assistant"}, {"content", nullptr}, {"function_call", function}});
  }
  static Json old_result() {
    return Json::object({{"role", "function"}, {"name", kName}, {"content", kResult}});
  }
  Json result(const char* text = kResult, const char* name = kName, const char* id = kId) const {
    return Json::object(
        {{"role", "tool"}, {"tool_call_id", id_of(name, id)}, {"name", name}, {"content", text}});
  }

  static constexpr const char *kId = "abc123def", *kId2 = "abc123deg", *kLongId = "call_abcdefghijklmnop";

 private:
  static bool has(const std::optional<std::string>& prompt, const std::vector<const char*>& words) {
    return prompt && std::ranges::all_of(
                         words, [&](const char* word) { return prompt->find(word) != std::string::npos; });
  }
  std::string id_of(const char* name, const char* id) const {
    return numbered_.empty() ? std::string(id)
                             : numbered_ + name + (std::string_view(id) == kId2 ? ":1" : ":0");
  }

  const Knowledge::Render& render_;
  const std::string numbered_;
  Json tools_ = Json::array();
};

Json with_text_arguments(Json call) {
  call["function"]["arguments"] = std::string("{") + kValue;
  return call;
}

Json with(Json message, std::string_view member, const char* text) {
  message[member] = text;
  return message;
}

}  // namespace

void put_in_parts(Json& messages) {
  for (Json& message : messages) {
    const auto content = message.find("content");
    if (content == message.end() || !content->is_string()) continue;
    Json part = Json::object({{"type", "text"}, {"text", *content}});
    *content = Json::array({std::move(part)});
  }
}

Knowledge Knowledge::probe(const Render& given, const reply::ReplyFormat& format) {
  Knowledge out;
  out.can_.set();
  Render render = given;
  if (!Probes(render, format).shows(Json::array({user()}), {kUser})) {
    render = [&](const Json& messages, const Json& tools) {
      Json parts = messages;
      put_in_parts(parts);
      return given(parts, tools);
    };
    if (!Probes(render, format).shows(Json::array({user()}), {kUser})) return out;
    out.parts_only_ = true;
  }
  const Probes ask(render, format);
  const auto set = [&](Can what, bool can) { out.can_[static_cast<size_t>(what)] = can; };
  const Json two = ask.calling(
      Json::array({ask.call(kName, kValue, Probes::kId), ask.call(kName2, kValue2, Probes::kId2)}));

  set(Can::kSystem, ask.shows({system(), user()}, {kSystem, kUser}));
  set(Can::kSystems, ask.shows({system(), system(kSystem2), user()}, {kSystem, kSystem2, kUser}));
  set(Can::kSystemAlone, ask.shows(Json::array({system()}), {kSystem}));
  set(Can::kLateSystem,
      ask.shows({system(kSystem2), user(), answer(), system(), user(kUser2)}, {kSystem, kSystem2, kUser2}));
  set(Can::kUsersInARow, ask.shows({user(), user(kUser2)}, {kUser, kUser2}));
  set(Can::kAssistantsInARow,
      ask.shows({user(), answer(), answer(kAnswer2), user(kUser2)}, {kAnswer, kAnswer2}));
  set(Can::kAssistantFirst, ask.shows({answer(), user()}, {kAnswer, kUser}));
  set(Can::kTools, ask.shows_tools());
  set(Can::kSchemas, ask.shows_schemas());
  set(Can::kCalls, ask.shows_with_tools({user(), ask.one(), ask.result()}, {kName, kValue}));
  set(Can::kFunctions, ask.shows({user(), Probes::old_call(), Probes::old_result(), user(kUser2)},
                                 {kName, kValue, kResult, kUser2}));
  const Json text = ask.calling(Json::array({with_text_arguments(ask.call(kName, kValue, Probes::kId))}));
  set(Can::kTextArguments, ask.shows_with_tools({user(), text, ask.result()}, {kName, kValue}));
  set(Can::kCallsTogether,
      ask.shows_with_tools({user(), two, ask.result(), ask.result(kResult2, kName2, Probes::kId2)},
                           {kName, kValue, kName2, kValue2, kResult, kResult2}));
  const Json second = ask.calling(Json::array({ask.call(kName2, kValue2, Probes::kId2)}), kAnswer2);
  set(Can::kWordsWithCalls, ask.shows_with_tools({user(), ask.one(kAnswer), ask.result(), second,
                                                  ask.result(kResult2, kName2, Probes::kId2)},
                                                 {kName, kValue, kAnswer, kName2, kValue2, kAnswer2}));
  set(Can::kEmptyWordsWithCalls,
      !out.can(Can::kCalls) || ask.shows_with_tools({user(), ask.one(""), ask.result()}, {kName, kValue}));
  set(Can::kOldWordsWithCalls,
      ask.shows_with_tools({user(), ask.one(kAnswer), ask.result(), answer(kAnswer2), user(kUser2)},
                           {kAnswer, kAnswer2}));
  set(Can::kResults, ask.shows_with_tools({user(), ask.one(), ask.result()}, {kResult}));
  set(Can::kLoneResults,
      ask.shows_with_tools({user(), answer(), ask.result(), user(kUser2)}, {kAnswer, kResult, kUser2}));
  set(Can::kUserAfterResult, ask.takes({user(), ask.one(), ask.result(), user(kUser2)}));
  set(Can::kAnyIds,
      ask.takes({user(), ask.one(nullptr, Probes::kLongId), ask.result(kResult, kName, Probes::kLongId)}) ||
          !out.can(Can::kCalls));
  set(Can::kReasoning, false);
  for (const char* name : {"reasoning_content", "reasoning", "thinking", "thought", "thoughts"}) {
    const bool shows =
        ask.shows_with_tools({user(), with(ask.one(), name, kThought), ask.result()}, {kThought}) ||
        ask.shows({user(), with(answer(), name, kThought), user(kUser2)}, {kThought});
    if (!shows) continue;
    set(Can::kReasoning, true);
    out.reasoning_ = name;
    break;
  }
  set(Can::kReasoningAndWords,
      !out.can(Can::kReasoning) ||
          ask.takes({user(), with(ask.one(kAnswer), out.reasoning_, kThought), ask.result()}));
  return out;
}

}  // namespace gantry::chat
