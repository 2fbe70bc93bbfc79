// From what a client said to the tokens that the model reads. Immutable: any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "chat/conversation.h"
#include "completion/completion.h"

namespace gantry::completion {

// What a request's prompt came to.
struct ReadPrompt {
  std::vector<TokenId> tokens;
  chat::Rendered chat;         // of a chat: as the template wrote it
  size_t continued_bytes = 0;  // of its end: the last message, where the answer goes on with it
};

class PromptMaker {
 public:
  // Tokenizer and template outlive it. Error kTemplate for a template that does not parse.
  explicit PromptMaker(const CompleterParts& parts);

  // The conversation through the model's own template. Error kInvalidRequest, naming the field, for messages
  // that are none and for a model without a template; kTemplate with the template's words when it refuses.
  // Where the answer goes on with the last message, the text ends with it, whatever the template writes
  // behind.
  chat::Rendered render(const ChatInput& input) const { return read_chat(input).chat; }

  // Text that spells a control token becomes that token, in a prompt as it is sent, in a chat where the
  // template or, where it has no words, the server wrote it: never what messages, tools and documents say
  // (contract T2). One BOS stands in front where the vocabulary asks for one and the text does not begin with
  // it. Token ids are taken as they are, Error kInvalidRequest for one outside the vocabulary.
  std::vector<TokenId> tokens(const Prompt& prompt) const { return read(prompt).tokens; }
  // A text of more than `most` tokens may be read so far only.
  ReadPrompt read(const Prompt& prompt, size_t most = SIZE_MAX) const;

 private:
  struct Read {
    chat::Rendered chat;
    size_t continued_bytes = 0;
  };
  Read read_chat(const ChatInput& input) const;
  Read read_unfinished(chat::Conversation conversation) const;

  const tokenizer::Tokenizer& tokenizer_;
  std::optional<chat::ConversationRenderer> renderer_;
};

}  // namespace gantry::completion
