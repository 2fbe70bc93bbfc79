#include "chat/conversation.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/error.h"
#include "chat/expressed.h"
#include "chat/messages.h"

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
Json with_texts(Json context, bool arguments) {
  for (Json& message : context["messages"]) {
    if (message.is_object() && message.contains("content") && message["content"].is_null())
      message["content"] = "";
    if (arguments && message.is_object() && message.contains("tool_calls") &&
        message["tool_calls"].is_array())
      write_arguments(message);
  }
  return context;
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
                                           const jinja::RenderLimits& limits)
    : template_(std::move(chat_template)),
      bos_token_(std::move(bos_token)),
      eos_token_(std::move(eos_token)),
      limits_(limits),
      keeps_developer_(knows_developer(*template_)),
      tools_in_system_(wants_tools_in_system(template_->source())) {}

std::optional<ConversationRenderer> ConversationRenderer::create(std::string_view template_source,
                                                                 std::string bos_token, std::string eos_token,
                                                                 const jinja::RenderLimits& limits) {
  if (template_source.empty()) return std::nullopt;
  // Some templates (Kimi K2) append to their own lists, which transformers forbids and other servers allow.
  jinja::TemplateOptions options;
  options.mutable_containers = true;
  try {
    return ConversationRenderer(jinja::ChatTemplate::parse(template_source, options), std::move(bos_token),
                                std::move(eos_token), limits);
  } catch (const jinja::TemplateError& error) {
    throw Error(ErrorCode::kTemplate, error.message(), fmt::format("chat template, line {}", error.line()),
                "the model's chat template is no Jinja that Gantry understands");
  }
}

Json ConversationRenderer::context(const Conversation& conversation) const {
  Json context = {{"messages", conversation.messages},
                  {"tools", conversation.tools},
                  {"documents", conversation.documents},
                  {"add_generation_prompt", conversation.add_generation_prompt},
                  {"bos_token", bos_token_},
                  {"eos_token", eos_token_}};
  const Json& extra = conversation.chat_template_kwargs;
  if (extra.is_null()) return context;
  if (!extra.is_object()) {
    throw Error(ErrorCode::kInvalidRequest, "it has to be an object", "chat_template_kwargs");
  }
  for (const auto& [key, value] : extra.items()) {
    if (key == "messages" || key == "tools" || key == "bos_token" || key == "eos_token") {
      throw Error(ErrorCode::kInvalidRequest, "it is not the request's to set",
                  fmt::format("chat_template_kwargs.{}", key));
    }
    context[key] = value;
  }
  return context;
}

Rendered ConversationRenderer::render(const Conversation& conversation, std::optional<int64_t> now) const {
  jinja::Rendering prompt = render_as_given(conversation, now);
  check_expressed(template_->source(), conversation, prompt.text, [&](const Conversation& other) {
    // A template may refuse what is left (roles that have to alternate): then the message was seen.
    try {
      return render_as_given(other, now).text;
    } catch (const Error&) {
      return std::string();
    }
  });
  return {std::move(prompt.text), std::move(prompt.given)};
}

jinja::Rendering ConversationRenderer::without_nones(const Json& variables, const jinja::HouseWords& house,
                                                     jinja::Rendering prompt,
                                                     std::optional<int64_t> now) const {
  try {
    jinja::Rendering spoken = template_->render_marked(with_texts(variables, false), house, limits_, now);
    return nones(spoken.text) < nones(prompt.text) ? spoken : prompt;
  } catch (const jinja::TemplateError&) {  // it wants the null, and somebody did say it
    return prompt;
  }
}

jinja::Rendering ConversationRenderer::render_as_given(const Conversation& conversation,
                                                       std::optional<int64_t> now) const {
  Json variables = context(conversation);
  jinja::HouseWords house{
      .variables = {"bos_token", "eos_token"}, .members = {"role"}, .words = conversation.own_words};
  try {
    if (tools_in_system_ && write_tools(variables, limits_))
      for (jinja::OwnWords& words : house.words) ++words.message;
  } catch (const jinja::TemplateError& error) {
    refuse_template(error);
  }
  const bool calls = has_calls(conversation.messages);
  // Object and null as they are, then no null, then no object: what a template cannot take, another needs.
  const int tries = calls ? 3 : has_null_content(conversation.messages) ? 2 : 1;
  std::optional<jinja::TemplateError> first;
  for (int attempt = 1;; ++attempt) {
    try {
      if (attempt == 1) {
        jinja::Rendering prompt = template_->render_marked(variables, house, limits_, now);
        if (!has_null_content(conversation.messages) || nones(prompt.text) == 0) return prompt;
        // It may have printed the null: nobody said "None".
        return without_nones(variables, house, std::move(prompt), now);
      }
      return template_->render_marked(with_texts(variables, attempt == 3), house, limits_, now);
    } catch (const jinja::TemplateError& error) {
      if (error.kind() != jinja::TemplateErrorKind::kType) refuse_template(error);
      if (!first) first = error;
      if (attempt >= tries) refuse_template(*first);
    }
  }
}

}  // namespace gantry::chat
