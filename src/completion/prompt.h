// From what a client said to the tokens that the model reads.
#pragma once

#include <string>
#include <vector>

#include "completion/completion.h"

namespace gantry::completion {

// The conversation through the model's own template. Error kInvalidRequest when the model has none, kTemplate
// with the template's words when it refuses.
std::string render_chat(const CompleterParts& parts, const ChatInput& input);

// Text that spells a control token becomes that token, as in every chat template; one BOS stands in front
// where the vocabulary asks for one and the text does not begin with it. Token ids are taken as they are,
// Error kInvalidRequest for one outside the vocabulary.
std::vector<TokenId> prompt_tokens(const CompleterParts& parts, const Prompt& prompt);

}  // namespace gantry::completion
