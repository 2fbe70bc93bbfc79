#include "chat/conversation.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/error.h"
#include "chat/changes.h"
#include "chat/expressed.h"
#include "chat/knowledge.h"
#include "chat/messages.h"
#include "chat/shape.h"
#include "chat/source.h"
#include "chat/tools.h"

namespace gantry::chat {
namespace {

[[noreturn]] void refuse_template(const jinja::TemplateError& error) {
  std::string where =
      error.line() != 0 ? fmt::format("chat template, line {}", error.line()) : "chat template";
  if (error.kind() == jinja::TemplateErrorKind::kRaise)
    throw Error(ErrorCode::kTemplate, error.message(), where);
  if (error.kind() == jinja::TemplateErrorKind::kLimit)
    throw Error(ErrorCode::kTooLarge, error.message(), where);
  throw Error(ErrorCode::kTemplate, error.message(), where,
              "the model's chat template does not fit this conversation");
}

bool has_calls(const Json& messages) {
  return std::ranges::any_of(messages, [](const Json& message) {
    return message.is_object() && message.contains("tool_calls") && message["tool_calls"].is_array();
  });
}

bool has_null_content(const Json& messages) {
  for (const Json& message : messages) {
    auto content = message.is_object() ? message.find("content") : message.end();
    if (message.is_object() && content != message.end() && content->is_null()) return true;
  }
  return false;
}

size_t nones(const std::string& prompt) {
  constexpr std::string_view kNone = "None";
  size_t count = 0;
  for (size_t at = prompt.find(kNone); at != std::string::npos; at = prompt.find(kNone, at + kNone.size()))
    ++count;
  return count;
}

// Templates that add texts cannot add an object: arguments as their JSON text.
void write_arguments(Json& message) {
  for (Json& call : message["tool_calls"]) {
    if (!call.is_object() || !call.contains("function") || !call["function"].is_object()) continue;
    Json& arguments = call["function"]["arguments"];
    if (arguments.is_object()) arguments = arguments.dump();
  }
}

// Nor can they add null: an assistant that only called tools said "".
Json with_texts(Json context, bool content, bool arguments) {
  for (Json& message : context["messages"]) {
    if (!message.is_object()) continue;
    if (content && message.contains("content") && message["content"].is_null()) message["content"] = "";
    if (arguments && message.contains("tool_calls") && message["tool_calls"].is_array())
      write_arguments(message);
  }
  return context;
}

void check_kwargs(const Json& kwargs) {
  if (kwargs.is_null()) return;
  if (!kwargs.is_object())
    throw Error(ErrorCode::kInvalidRequest, "it has to be an object", "chat_template_kwargs");
  for (const auto& [key, value] : kwargs.items())
    if (key == "messages" || key == "tools" || key == "bos_token" || key == "eos_token")
      throw Error(ErrorCode::kInvalidRequest, "it is not the request's to set",
                  fmt::format("chat_template_kwargs.{}", key));
}

// Variables of their own by which a few templates ask for what others are given (firefunction).
void fill_in_variables(std::string_view source, Json& context, const jinja::RenderLimits& limits,
                       std::optional<int64_t> now) {
  static const auto kFunctions =
      jinja::ChatTemplate::parse("{{ (tools or []) | map(attribute='function') | list | tojson(indent=4) }}");
  static const auto kTime = jinja::ChatTemplate::parse("{{ strftime_now('%Y-%m-%d %H:%M:%S') }}");
  if (wants_functions(source) && !context.contains("functions"))
    context["functions"] = kFunctions->render(Json::object({{"tools", context["tools"]}}), limits, 0);
  if (names(source, "datetime") && !context.contains("datetime"))
    context["datetime"] = kTime->render(Json::object(), limits, now);
}

// True: a message was put in front.
bool write_tools(Json& context, const jinja::RenderLimits& limits) {
  const Json& tools = context["tools"];
  Json& messages = context["messages"];
  if (!tools.is_array() || tools.empty()) return false;
  static const auto kFunctions =
      jinja::ChatTemplate::parse("{{ tools | map(attribute='function') | list | tojson }}");
  const bool no_system = messages.empty() || messages[0].value("role", "") != "system";
  if (no_system) messages.insert(messages.begin(), Json::object({{"role", "system"}, {"content", ""}}));
  messages[0]["tools"] = kFunctions->render(Json::object({{"tools", tools}}), limits, 0);
  return no_system;
}

}  // namespace

ConversationRenderer::ConversationRenderer(std::shared_ptr<const jinja::ChatTemplate> chat_template,
                                           std::string bos_token, std::string eos_token,
                                           const RendererOptions& options)
    : template_(std::move(chat_template)),
      bos_token_(std::move(bos_token)),
      eos_token_(std::move(eos_token)),
      limits_(options.limits),
      format_(options.format != nullptr ? options.format : &reply::reply_format_of(template_->source())),
      strict_(options.strict),
      keeps_developer_(knows_developer(*template_)),
      tools_in_system_(wants_tools_in_system(template_->source())) {
  knowledge_ = std::make_shared<const Knowledge>(ask_template());
}

Knowledge ConversationRenderer::ask_template() const {
  constexpr int64_t kSomeTime = 1'700'000'000;
  return Knowledge::probe(
      [&](const Json& messages, const Json& tools) -> std::optional<std::string> {
        Conversation conversation;
        conversation.messages = messages;
        conversation.tools = tools;
        try {
          return render_as_given(conversation, kSomeTime).text;
        } catch (const Error&) {
          return std::nullopt;
        }
      },
      *format_);
}

std::optional<ConversationRenderer> ConversationRenderer::create(std::string_view template_source,
                                                                 std::string bos_token, std::string eos_token,
                                                                 const RendererOptions& wishes) {
  if (template_source.empty()) return std::nullopt;
  // Some templates (Kimi K2) append to their own lists, which transformers forbids and other servers allow.
  jinja::TemplateOptions options;
  options.mutable_containers = true;
  try {
    return ConversationRenderer(jinja::ChatTemplate::parse(template_source, options), std::move(bos_token),
                                std::move(eos_token), wishes);
  } catch (const jinja::TemplateError& error) {
    throw Error(ErrorCode::kTemplate, error.message(), fmt::format("chat template, line {}", error.line()),
                "the model's chat template is no Jinja that Gantry understands");
  }
}

Json ConversationRenderer::context(const Conversation& conversation, std::optional<int64_t> now) const {
  Json messages = Json::array();
  for (const Message& message : conversation.messages) messages.push_back(message.fields());
  Json context = {{"messages", std::move(messages)},
                  {"tools", conversation.tools},
                  {"documents", conversation.documents},
                  {"add_generation_prompt", conversation.add_generation_prompt},
                  {"bos_token", bos_token_},
                  {"eos_token", eos_token_}};
  if (knowledge_ && knowledge_->parts_only()) put_in_parts(context["messages"]);
  const Json& extra = conversation.chat_template_kwargs;
  check_kwargs(extra);
  for (const auto& [key, value] : extra.items()) context[key] = value;
  fill_in_variables(template_->source(), context, limits_, now);
  return context;
}

std::optional<Missing> ConversationRenderer::missing(const Conversation& conversation,
                                                     const std::string& prompt, bool ever,
                                                     std::optional<int64_t> now) const {
  return find_missing(template_->source(), conversation, prompt, ever, [&](const Conversation& other) {
    // A template may refuse what is left (roles that have to alternate): then the message was seen.
    try {
      return render_as_given(other, now).text;
    } catch (const Error&) {
      return std::string();
    }
  });
}

Rendered ConversationRenderer::render_strictly(Conversation conversation, std::optional<int64_t> now) const {
  if (!keeps_developer_) rename_developers(conversation.messages);
  take_back_ids(conversation.messages, *format_);
  set_effort(template_->source(), conversation.reasoning_effort, conversation.chat_template_kwargs);
  place_reasoning(conversation.messages, *knowledge_);
  jinja::Rendering prompt = render_as_given(conversation, now);
  if (const auto missing = this->missing(conversation, prompt.text, true, now))
    throw Error(ErrorCode::kInvalidRequest, "the model's chat template has no words for " + missing->what,
                missing->where, "leave it out, or give the server another template with `chat_template`");
  return {std::move(prompt.text), std::move(prompt.given), {}};
}

struct ConversationRenderer::Attempt {
  std::optional<jinja::Rendering> prompt = {};
  Problem problem = Problem::kRefused;
  bool over = false;  // nothing that could be said otherwise would help
};

ConversationRenderer::Attempt ConversationRenderer::attempt(const Conversation& conversation,
                                                            std::optional<int64_t> now) const {
  try {
    jinja::Rendering prompt = render_as_given(conversation, now);
    if (const auto missing = this->missing(conversation, prompt.text, false, now))
      return {.problem = missing->problem};
    return {.prompt = std::move(prompt)};
  } catch (const Error& error) {
    if (error.code() == ErrorCode::kTooLarge) return {.problem = Problem::kLimits};
    return {.over = error.code() != ErrorCode::kTemplate};
  }
}

// A template may print what a tool does not have: nobody said "None".
void ConversationRenderer::fill_nones(const Conversation& given, jinja::Rendering& prompt,
                                      std::optional<int64_t> now, std::vector<std::string>& names) const {
  if (nones(prompt.text) == 0 || !given.tools.is_array()) return;
  Conversation conversation = given;
  const auto try_with = [&](bool (*mend)(Json&), const char* change) {
    Json before = conversation.tools;
    if (!mend(conversation.tools)) return;
    Attempt filled = attempt(conversation, now);
    if (!filled.prompt || nones(filled.prompt->text) >= nones(prompt.text)) {
      conversation.tools = std::move(before);
      return;
    }
    prompt = std::move(*filled.prompt);
    names.emplace_back(change);
  };
  try_with(fill_in_tools, "tool-defaults");
  try_with(simplify_tools, "tool-types-simplified");
}

Rendered ConversationRenderer::render(Conversation conversation, std::optional<int64_t> now) const {
  if (strict_) return render_strictly(std::move(conversation), now);
  check_kwargs(conversation.chat_template_kwargs);
  const std::string& source = template_->source();
  const Ground ground{source, *knowledge_, *format_};
  take_back_ids(conversation.messages, *format_);
  std::vector<std::string> before;
  for (const std::string& name : drop_unknown_kwargs(source, conversation.chat_template_kwargs))
    before.push_back("ignored:" + name);
  if (!set_effort(source, conversation.reasoning_effort, conversation.chat_template_kwargs))
    before.emplace_back("ignored:reasoning_effort");
  if (!keeps_developer_ && rename_developers(conversation.messages))
    before.emplace_back("developer-as-system");

  ChangeSet set = needed_changes(ground, conversation, true);
  for (bool first = true;; first = false) {
    Conversation changed = conversation;
    std::vector<std::string> names = before;
    // Before calls are written into texts, and after some have got their first ids.
    const bool mapped = map_ids(changed.messages, ground);
    for (std::string& name : apply_changes(set, ground, changed)) names.push_back(std::move(name));
    if (map_ids(changed.messages, ground) || mapped) names.emplace_back("ids-mapped");
    silence_empty_words(changed.messages, *knowledge_);
    if (!place_reasoning(changed.messages, *knowledge_)) names.emplace_back("reasoning-left-out");
    Attempt attempt = this->attempt(changed, now);
    if (attempt.prompt) {
      fill_nones(changed, *attempt.prompt, now, names);
      return {std::move(attempt.prompt->text), std::move(attempt.prompt->given), std::move(names)};
    }
    if (attempt.over) break;
    const ChangeSet all = first ? set | needed_changes(ground, conversation, false) : set;
    if (all != set)
      set = all;
    else if (!add_change(attempt.problem, ground, conversation, set))
      break;
  }
  // No way out: what the template says to the conversation as it came.
  Rendered refused = render_strictly(std::move(conversation), now);
  refused.changes = std::move(before);
  return refused;
}

jinja::Rendering ConversationRenderer::without_nones(const Json& variables, const jinja::HouseWords& house,
                                                     jinja::Rendering prompt,
                                                     std::optional<int64_t> now) const {
  try {
    jinja::Rendering spoken =
        template_->render_marked(with_texts(variables, true, false), house, limits_, now);
    return nones(spoken.text) < nones(prompt.text) ? spoken : prompt;
  } catch (const jinja::TemplateError&) {  // it wants the null, and somebody did say it
    return prompt;
  }
}

// Object and null as they are, then arguments as text, then no null, then neither: what a template cannot
// take, another needs.
jinja::Rendering ConversationRenderer::render_variables(const Json& variables, const jinja::HouseWords& house,
                                                        std::optional<int64_t> now) const {
  using enum jinja::TemplateErrorKind;
  struct Try {
    bool text, arguments;
  };
  const bool calls = has_calls(variables["messages"]), nulls = has_null_content(variables["messages"]);
  std::optional<jinja::TemplateError> first;
  for (const Try one : {Try{false, false}, {false, true}, {true, false}, {true, true}}) {
    if ((one.text && !nulls) || (one.arguments && !calls)) continue;
    try {
      const bool as_given = !one.text && !one.arguments;
      const Json other = as_given ? Json() : with_texts(variables, one.text, one.arguments);
      const Json& spoken = as_given ? variables : other;
      jinja::Rendering prompt = template_->render_marked(spoken, house, limits_, now);
      if (!nulls || one.text || nones(prompt.text) == 0) return prompt;
      // It may have printed the null: nobody said "None".
      return without_nones(spoken, house, std::move(prompt), now);
    } catch (const jinja::TemplateError& error) {
      if (!first) first = error;
      if (error.kind() == kLimit || (error.kind() == kRaise && !nulls)) throw *first;
    }
  }
  throw *first;
}

jinja::Rendering ConversationRenderer::render_as_given(const Conversation& conversation,
                                                       std::optional<int64_t> now) const {
  Json variables = context(conversation, now);
  jinja::HouseWords house{.variables = {"bos_token", "eos_token"}, .members = {"role"}, .words = {}};
  for (size_t i = 0; i < conversation.messages.size(); ++i)
    for (const Range& range : conversation.messages[i].owned()) house.words.push_back({i, "content", range});
  try {
    if (tools_in_system_ && write_tools(variables, limits_))
      for (jinja::OwnWords& words : house.words) ++words.message;
    return render_variables(variables, house, now);
  } catch (const jinja::TemplateError& error) {
    const bool lists = variables["tools"].is_null() || variables["documents"].is_null();
    if (error.kind() != jinja::TemplateErrorKind::kType || !lists) refuse_template(error);
    // Some go through the tools and documents without asking whether there are any.
    for (const char* name : {"tools", "documents"})
      if (variables[name].is_null()) variables[name] = Json::array();
    try {
      return render_variables(variables, house, now);
    } catch (const jinja::TemplateError&) {
      refuse_template(error);
    }
  }
}

}  // namespace gantry::chat
