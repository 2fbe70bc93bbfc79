#include "tests/scenario/loops.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <set>
#include <vector>

#include "api/call.h"
#include "api/openai/error.h"
#include "tests/reply/spoken_reply.h"
#include "tests/scenario/scripted_model.h"

namespace gantry::testing {
namespace {

constexpr const char *kPlace = "Quillmouth", *kFirstResult = "harbourside", *kSecondResult = "gusty",
                     *kThirdResult = "half past nine";

struct Loop {
  std::string model, template_name, source;
  const reply::ReplyFormat* format;
};

std::vector<Loop>& loops() {
  static std::vector<Loop> list;
  return list;
}

const Json& tools() {
  static const Json list = Json::parse(R"([
    {"type": "function", "function": {"name": "look_up", "parameters": {"type": "object", "properties":
      {"place": {"type": "string"}, "thought": {"type": "boolean"}}}}},
    {"type": "function", "function": {"name": "forecast", "parameters": {"type": "object", "properties":
      {"place": {"type": "string"}, "days": {"type": "integer"}, "thought": {"type": "boolean"}}}}},
    {"type": "function", "function": {"name": "clock"}}])");
  return list;
}

std::string bytes_of(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

// The words of `wanted` stand in the prompt in this order; else the first that does not.
std::optional<std::string> lost(std::string_view prompt, const std::vector<std::string>& wanted) {
  size_t at = 0;
  for (const std::string& word : wanted) {
    at = prompt.find(word, at);
    if (at == std::string_view::npos) return word;
    at += word.size();
  }
  return std::nullopt;
}

// What a call is recognised by in a prompt: an argument of it, or its name.
std::string reply_to(const reply::ReplyFormat& format, std::string_view prompt) {
  const bool thinks = reply::testing::can_think(format, prompt);
  const reply::ToolTypes types(tools());
  reply::testing::Spoken spoken;
  Json first = Json::object({{"place", kPlace}, {"thought", thinks}});
  Json second = first;
  const Json none = Json::object();
  const auto say = [&] { return reply::testing::speak(format, spoken, prompt, types); };
  const auto has = [&](const char* word) { return prompt.find(word) != std::string_view::npos; };

  if (!has(kFirstResult)) {
    spoken.thought = "First of all, where that is.";
    spoken.words = "I look it up.";
    spoken.calls = {{"look_up", &first, "abc123def"}};
    return say();
  }
  std::vector<std::string> said = {"look_up", kPlace, kFirstResult};
  if (!has(kSecondResult) && !has(kThirdResult)) {
    if (const auto word = lost(prompt, said)) return "lost: " + *word;
    spoken.thought = "Now the weather and the time.";
    second["days"] = 3;
    spoken.calls = {{"forecast", &second, "abc123deg"}, {"clock", &none, "abc123deh"}};
    return say();
  }
  said.insert(said.end(), {"forecast", kPlace, kSecondResult});
  if (const auto word = lost(prompt, said)) return "lost: " + *word;
  if (const auto word = lost(prompt, {kFirstResult, "clock", kThirdResult})) return "lost: " + *word;
  spoken.thought = "That is all.";
  spoken.words = thinks ? "Gusty, I thought." : "Gusty.";
  return say();
}

ScriptedEngine::Script script_of(const reply::ReplyFormat& format) {
  return [&format](const engine::Job& job) {
    std::string prompt;
    for (const TokenId token : job.prompt) prompt += token < kBos ? static_cast<char>(token) : '\n';
    return say_text(reply_to(format, prompt))(job);
  };
}

void list_loops(api::Call& call) {
  Json list = Json::array();
  for (const Loop& loop : loops())
    list.push_back(Json::object({{"model", loop.model},
                                 {"row", loop.format->name},
                                 {"template", loop.template_name},
                                 {"calls", !loop.format->call.empty()},
                                 {"own_ids", loop.format->ids == reply::CallIds::kWritten},
                                 {"thinks", reply::testing::can_think(*loop.format, {})}}));
  call.asker.answer_json(list.dump());
}

class LoopsDialect final : public api::Dialect {
 public:
  std::string_view name() const override { return "loops"; }
  std::span<const api::Route> routes() const override {
    static constexpr std::array kRoutes = {
        api::Route{"GET", "/loops", api::Key::kFree, api::Cost::kAtOnce, list_loops}};
    return kRoutes;
  }
  http::Response error(const http::Refusal& refusal) const override { return api::openai::error(refusal); }
};

}  // namespace

void find_loops(const std::string& templates) {
  std::vector<Loop>& list = loops();
  list.clear();
  for (const reply::ReplyFormat& format : reply::reply_formats())
    list.push_back({"loop-" + format.name, "", std::string(kPlainTemplate), &format});
  if (templates.empty()) return;
  std::set<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(templates))
    if (entry.path().extension() == ".jinja") paths.insert(entry.path());
  for (const auto& path : paths) {
    std::string source = bytes_of(path);
    const reply::ReplyFormat& format = reply::reply_format_of(source);
    const std::string name = std::filesystem::relative(path, templates).string();
    list.push_back({"loop-" + name, name, std::move(source), &format});
  }
}

std::map<std::string, std::function<std::unique_ptr<fleet::LiveModel>()>> loop_models() {
  std::map<std::string, std::function<std::unique_ptr<fleet::LiveModel>()>> out;
  for (const Loop& loop : loops())
    out[loop.model] = [&loop] {
      return std::make_unique<ScriptedModel>(loop.model, loop.source, loop.format, script_of(*loop.format));
    };
  return out;
}

const api::Dialect& loops_dialect() {
  static const LoopsDialect dialect;
  return dialect;
}

}  // namespace gantry::testing
