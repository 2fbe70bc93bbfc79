#include "completion/prompt.h"

#include <utility>

#include "chat/messages.h"
#include "engine/job_check.h"

namespace gantry::completion {
namespace {

// The words of a token that templates write themselves; "" where the vocabulary has none.
std::string word_of(const tokenizer::Tokenizer& tokenizer, TokenId token) {
  return token == kNoToken ? std::string() : std::string(tokenizer.text(token));
}

std::vector<TokenId> text_tokens(const tokenizer::Tokenizer& tokenizer, const std::string& text) {
  std::vector<TokenId> tokens = tokenizer.encode(text, {.add_special = false, .parse_special = true});
  const tokenizer::SpecialTokens& special = tokenizer.special();
  if (special.add_bos && special.bos != kNoToken && (tokens.empty() || tokens.front() != special.bos))
    tokens.insert(tokens.begin(), special.bos);
  return tokens;
}

}  // namespace

PromptMaker::PromptMaker(const CompleterParts& parts) : tokenizer_(*parts.tokenizer) {
  const tokenizer::SpecialTokens& special = tokenizer_.special();
  if (parts.chat_template != nullptr)
    renderer_ = chat::ConversationRenderer::create(
        parts.chat_template->source(), word_of(tokenizer_, special.bos), word_of(tokenizer_, special.eos));
}

std::string PromptMaker::render(const ChatInput& input) const {
  if (!renderer_)
    throw Error(ErrorCode::kInvalidRequest,
                "this model has no chat template, so messages cannot be turned into a prompt", "messages",
                "send a prompt as text, or serve a model whose file carries tokenizer.chat_template");
  chat::check_tools(input.tools);
  chat::Conversation conversation;
  conversation.messages =
      chat::normalise_messages(input.messages, {.keep_developer = renderer_->keeps_developer()});
  if (!input.tools.empty()) conversation.tools = input.tools;
  conversation.chat_template_kwargs = input.template_kwargs;
  conversation.add_generation_prompt = input.add_generation_prompt;
  return renderer_->render(conversation);
}

ReadPrompt PromptMaker::read(const Prompt& prompt) const {
  if (const auto* tokens = std::get_if<std::vector<TokenId>>(&prompt)) {
    engine::check_tokens(*tokens, tokenizer_.size(), "prompt");
    return {*tokens, {}};
  }
  if (const auto* text = std::get_if<std::string>(&prompt)) return {text_tokens(tokenizer_, *text), {}};
  std::string text = render(std::get<ChatInput>(prompt));
  std::vector<TokenId> tokens = text_tokens(tokenizer_, text);
  return {std::move(tokens), std::move(text)};
}

}  // namespace gantry::completion
