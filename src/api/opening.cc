#include "api/opening.h"

#include <string>
#include <string_view>
#include <variant>

namespace gantry::api {

using completion::Delta;

// What was given, as text; nothing of a chat.
TextParts Opening::text_of(const completion::Prepared& prompt) const {
  if (const auto* text = std::get_if<std::string>(&prompt.request.prompt)) return TextParts(*text);
  if (std::holds_alternative<std::vector<TokenId>>(prompt.request.prompt))
    return {*tokenizer_, prompt.job.prompt, false};
  return TextParts(std::string_view());
}

std::optional<std::pair<uint32_t, Delta>> Opening::next() {
  for (; choice_ < request_.choices(); ++choice_, echo_.reset()) {
    const completion::Prepared& prompt = *prompts_[choice_ / request_.n];
    if (request_.echo) {
      if (!echo_) echo_.emplace(text_of(prompt));
      Delta part;
      part.is_echo = true;
      part.text = echo_->next();
      if (!part.text.empty()) return std::pair(choice_, std::move(part));
    }
    if (request_.nothing_to_generate) {
      Delta end;
      end.finish = completion::Finish::kLength;
      end.usage.prompt_tokens = static_cast<uint32_t>(prompt.job.prompt.size());
      echo_.reset();
      return std::pair(choice_++, std::move(end));
    }
  }
  return std::nullopt;
}

}  // namespace gantry::api
