// What the choices of an answer say before anything of them was generated: their prompts, where those are
// echoed, and their ends, where nothing is to be generated.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "api/generate_request.h"
#include "api/text_parts.h"
#include "completion/completion.h"
#include "tokenizer/tokenizer.h"

namespace gantry::api {

class Opening {
 public:
  // `request` and `prompts`, which are the request's, prepared, outlive it.
  Opening(const GenerateRequest& request, const std::vector<completion::PreparedPtr>& prompts,
          std::shared_ptr<const tokenizer::Tokenizer> tokenizer)
      : request_(request), prompts_(prompts), tokenizer_(std::move(tokenizer)) {}

  // Which choice says what, in their order; echoes come in parts. Nothing at the end.
  std::optional<std::pair<uint32_t, completion::Delta>> next();

 private:
  TextParts text_of(const completion::Prepared& prompt) const;

  const GenerateRequest& request_;
  const std::vector<completion::PreparedPtr>& prompts_;
  const std::shared_ptr<const tokenizer::Tokenizer> tokenizer_;
  uint32_t choice_ = 0;
  std::optional<TextParts> echo_;  // of this choice, once it has begun
};

}  // namespace gantry::api
