// What other servers take in the bodies of /v1/chat/completions and /v1/completions and OpenAI does not know.
// Each such field is done under our own name for it, refused by its name, or has nothing to do with the
// answer; none that would change an answer is passed over. One table, which the parser and the documentation
// read. Pure; any thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "api/openai/request.h"
#include "text/json.h"

namespace gantry::api::openai {

enum class Treatment : uint8_t {
  kAlias,     // of the field of ours that `words` name: the same meaning and the same arithmetic
  kRefused,   // unless it says one of `harmless`; `words`: what to do instead, or empty
  kNoEffect,  // on the answer, for the reason in `words`
};

enum class Where : uint8_t { kBoth, kChat, kCompletions };

struct OtherField {
  std::string_view name, servers;
  Treatment treatment;
  std::string_view words = {};
  // JSON texts between spaces: values that ask for nothing. null is one of every field.
  std::string_view harmless = {};
  Where where = Where::kBoth;

  bool is_of(Api api) const {
    return where == Where::kBoth || (where == Where::kChat) == (api == Api::kChat);
  }
};

std::span<const OtherField> other_fields();

// Refusal 400 naming the first field of `body` that cannot be done.
void refuse_other_fields(Api api, const Json& body);

// The table of the documentation.
std::string other_fields_markdown();

}  // namespace gantry::api::openai
