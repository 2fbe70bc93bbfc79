#include "chat/conversation.h"

#include <utility>

#include <fmt/format.h>

#include "base/error.h"
#include "chat/messages.h"

namespace gantry::chat {
namespace {

[[noreturn]] void refuse_template(const TemplateError& error) {
  std::string where =
      error.line() != 0 ? fmt::format("chat template, line {}", error.line()) : "chat template";
  if (error.kind() == TemplateErrorKind::kRaise) throw Error(ErrorCode::kTemplate, error.message(), where);
  if (error.kind() == TemplateErrorKind::kLimit) throw Error(ErrorCode::kTooLarge, error.message(), where);
  throw Error(ErrorCode::kTemplate, error.message(), where,
              "the model's chat template does not fit this conversation");
}

bool has_null_content(const Json& messages) {
  for (const Json& message : messages) {
    auto content = message.is_object() ? message.find("content") : message.end();
    if (message.is_object() && content != message.end() && content->is_null()) return true;
  }
  return false;
}

// Templates that add texts cannot add null: an assistant that only called tools said "".
Json with_empty_content(Json context) {
  for (Json& message : context["messages"]) {
    if (message.is_object() && message.contains("content") && message["content"].is_null())
      message["content"] = "";
  }
  return context;
}

}  // namespace

ConversationRenderer::ConversationRenderer(std::shared_ptr<const ChatTemplate> chat_template,
                                           std::string bos_token, std::string eos_token,
                                           const RenderLimits& limits)
    : template_(std::move(chat_template)),
      bos_token_(std::move(bos_token)),
      eos_token_(std::move(eos_token)),
      limits_(limits),
      keeps_developer_(knows_developer(*template_)) {}

std::optional<ConversationRenderer> ConversationRenderer::create(std::string_view template_source,
                                                                 std::string bos_token, std::string eos_token,
                                                                 const RenderLimits& limits) {
  if (template_source.empty()) return std::nullopt;
  try {
    return ConversationRenderer(ChatTemplate::parse(template_source), std::move(bos_token),
                                std::move(eos_token), limits);
  } catch (const TemplateError& error) {
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
                  "chat_template_kwargs." + key);
    }
    context[key] = value;
  }
  return context;
}

std::string ConversationRenderer::render(const Conversation& conversation, std::optional<int64_t> now) const {
  Json variables = context(conversation);
  try {
    return template_->render(variables, limits_, now);
  } catch (const TemplateError& error) {
    if (error.kind() != TemplateErrorKind::kType || !has_null_content(conversation.messages)) {
      refuse_template(error);
    }
  }
  try {
    return template_->render(with_empty_content(std::move(variables)), limits_, now);
  } catch (const TemplateError& error) {
    refuse_template(error);
  }
}

}  // namespace gantry::chat
