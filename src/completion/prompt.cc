#include "completion/prompt.h"

#include <algorithm>
#include <span>
#include <utility>

#include "base/random_id.h"
#include "chat/messages.h"
#include "chat/tools.h"
#include "chat/turns.h"
#include "engine/job_check.h"

namespace gantry::completion {
namespace {

// The words of a token that templates write themselves; "" where the vocabulary has none.
std::string word_of(const tokenizer::Tokenizer& tokenizer, TokenId token) {
  return token == kNoToken ? std::string() : std::string(tokenizer.text(token));
}

// No more are made than `most` and some.
std::vector<TokenId> text_tokens(const tokenizer::Tokenizer& tokenizer, const std::string& text,
                                 std::span<const Range> given, size_t most) {
  std::vector<TokenId> tokens;
  const tokenizer::SpecialTokens& special = tokenizer.special();
  const bool wants_bos = special.add_bos && special.bos != kNoToken;
  const auto take = [&](std::span<const TokenId> some) {
    if (tokens.empty() && wants_bos && !some.empty() && some.front() != special.bos)
      tokens.push_back(special.bos);
    tokens.insert(tokens.end(), some.begin(), some.end());
    return tokens.size() <= most;
  };
  tokenizer.encode_to(text, {.add_special = false, .parse_special = true, .given = given}, take);
  if (tokens.empty() && wants_bos) tokens.push_back(special.bos);
  return tokens;
}

}  // namespace

PromptMaker::PromptMaker(const CompleterParts& parts) : tokenizer_(*parts.tokenizer) {
  const tokenizer::SpecialTokens& special = tokenizer_.special();
  if (parts.chat_template != nullptr)
    renderer_ = chat::ConversationRenderer::create(
        parts.chat_template->source(), word_of(tokenizer_, special.bos), word_of(tokenizer_, special.eos),
        {.format = parts.reply_format, .strict = parts.strict_chat});
}

PromptMaker::Read PromptMaker::read_chat(const ChatInput& input) const {
  if (!renderer_)
    throw Error(ErrorCode::kInvalidRequest,
                "this model has no chat template, so messages cannot be turned into a prompt", "messages",
                "send a prompt as text, or serve a model whose file carries tokenizer.chat_template");
  chat::Conversation conversation;
  conversation.messages = chat::normalise_messages(input.messages, {.keep_developer = true});
  conversation.tools = chat::normalise_tools(input.tools);
  conversation.chat_template_kwargs = input.template_kwargs;
  conversation.add_generation_prompt = input.add_generation_prompt;
  conversation.reasoning_effort = input.reasoning_effort;
  if (input.continue_final) return read_unfinished(std::move(conversation));
  return {renderer_->render(std::move(conversation)), 0};
}

// A word that nobody else says is put behind the message: what the template writes from there on is the end
// of the turn. So the message keeps its last spaces, too.
PromptMaker::Read PromptMaker::read_unfinished(chat::Conversation conversation) const {
  const auto refuse = [](std::string what, std::string mend) {
    throw Error(ErrorCode::kInvalidRequest, std::move(what), "continue_final_message", std::move(mend));
  };
  chat::Message& message = conversation.messages.back();
  const Json& last = message;
  const auto content = last.find("content");
  if (last.value("role", "") != "assistant" || content == last.end() || !content->is_string() ||
      chat::calls_tools(last) || last.contains("function_call"))
    refuse("the last message is no text of the assistant",
           "send the beginning of the answer as the last message");
  const std::string beginning = content->get<std::string>();
  const std::string word = random_id("continued");
  message.set("content", beginning + word);
  conversation.add_generation_prompt = false;
  chat::Rendered chat = renderer_->render(std::move(conversation));
  const size_t end = chat.text.find(word);
  if (end == std::string::npos || chat.text.find(word, end + 1) != std::string::npos)
    refuse("this model's chat template does not write the last message as it stands",
           "ask for the answer as a whole");
  chat.text.resize(end);
  std::erase_if(chat.given, [&](const Range& range) { return range.begin >= end; });
  if (!chat.given.empty()) chat.given.back().end = std::min(chat.given.back().end, end);
  return {std::move(chat), std::min(beginning.size(), end)};
}

ReadPrompt PromptMaker::read(const Prompt& prompt, size_t most) const {
  if (const auto* tokens = std::get_if<std::vector<TokenId>>(&prompt)) {
    engine::check_tokens(*tokens, tokenizer_.size(), "prompt");
    return {*tokens, {}, 0};
  }
  if (const auto* text = std::get_if<std::string>(&prompt))
    return {text_tokens(tokenizer_, *text, {}, most), {}, 0};
  Read read = read_chat(std::get<ChatInput>(prompt));
  std::vector<TokenId> tokens = text_tokens(tokenizer_, read.chat.text, read.chat.given, most);
  return {std::move(tokens), std::move(read.chat), read.continued_bytes};
}

}  // namespace gantry::completion
