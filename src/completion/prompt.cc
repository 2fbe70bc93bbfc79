#include "completion/prompt.h"

#include <utility>

#include <fmt/format.h>

namespace gantry::completion {
namespace {

// What transformers hands to a template: special tokens by name where the vocabulary has them, tools as none
// when there are none; the caller's own variables last, so that they win.
chat::Json context_of(const CompleterParts& parts, const ChatInput& input) {
  chat::Json context = chat::Json::object();
  context["messages"] = input.messages;
  context["tools"] = input.tools.is_array() && !input.tools.empty() ? input.tools : chat::Json();
  context["documents"] = nullptr;
  context["add_generation_prompt"] = input.add_generation_prompt;
  const tokenizer::SpecialTokens& special = parts.tokenizer->special();
  const auto name = [&](const char* key, TokenId token) {
    if (token != kNoToken) context[key] = std::string(parts.tokenizer->text(token));
  };
  name("bos_token", special.bos);
  name("eos_token", special.eos);
  name("unk_token", special.unk);
  name("pad_token", special.pad);
  if (input.template_kwargs.is_object())
    for (const auto& [key, value] : input.template_kwargs.items()) context[key] = value;
  return context;
}

std::vector<TokenId> text_tokens(const tokenizer::Tokenizer& tokenizer, const std::string& text) {
  std::vector<TokenId> tokens = tokenizer.encode(text, {.add_special = false, .parse_special = true});
  const tokenizer::SpecialTokens& special = tokenizer.special();
  if (special.add_bos && special.bos != kNoToken && (tokens.empty() || tokens.front() != special.bos))
    tokens.insert(tokens.begin(), special.bos);
  return tokens;
}

void check_tokens(const std::vector<TokenId>& tokens, uint32_t vocabulary) {
  for (const TokenId token : tokens)
    if (token < 0 || static_cast<uint32_t>(token) >= vocabulary)
      throw Error(ErrorCode::kInvalidRequest,
                  fmt::format("there is no token {}, the vocabulary has {}", token, vocabulary), "prompt");
}

}  // namespace

std::string render_chat(const CompleterParts& parts, const ChatInput& input) {
  if (parts.chat_template == nullptr)
    throw Error(
        ErrorCode::kInvalidRequest,
        "this model has no chat template, so messages cannot be turned into a prompt", "messages",
        "send a prompt to /v1/completions, or serve a model whose file carries tokenizer.chat_template");
  try {
    return parts.chat_template->render(context_of(parts, input));
  } catch (const chat::TemplateError& error) {
    throw Error(ErrorCode::kTemplate,
                "the model's chat template refuses the conversation: " + error.message(), "messages");
  }
}

std::vector<TokenId> prompt_tokens(const CompleterParts& parts, const Prompt& prompt) {
  if (const auto* tokens = std::get_if<std::vector<TokenId>>(&prompt)) {
    check_tokens(*tokens, parts.tokenizer->size());
    return *tokens;
  }
  if (const auto* text = std::get_if<std::string>(&prompt)) return text_tokens(*parts.tokenizer, *text);
  return text_tokens(*parts.tokenizer, render_chat(parts, std::get<ChatInput>(prompt)));
}

}  // namespace gantry::completion
