// What a template can say, found out once by rendering small conversations through it. Immutable: any thread.
#pragma once

#include <bitset>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "reply/reply_format.h"
#include "text/json.h"

namespace gantry::chat {

enum class Can : uint8_t {
  kSystem,       // a first message of the system
  kSystems,      // two of them
  kSystemAlone,  // and nobody else speaks
  kLateSystem,   // one between turns
  kUsersInARow,
  kAssistantsInARow,
  kAssistantFirst,
  kTools,
  kSchemas,              // of tools: what a reference stands for, and one of several
  kFunctions,            // `function_call` and the role `function`, the API's older words
  kCalls,                // an assistant's calls, while it works on them
  kTextArguments,        // their arguments as a text that is no JSON
  kCallsTogether,        // several of one turn
  kWordsWithCalls,       // content beside them, at each step
  kOldWordsWithCalls,    // also when the question is answered
  kEmptyWordsWithCalls,  // "" beside them; else null
  kResults,              // of calls
  kLoneResults,          // without a call before them
  kUserAfterResult,
  kAnyIds,             // calls with ids of any server; else nine letters and digits
  kReasoning,          // an assistant's reasoning, under the member `reasoning`
  kReasoningAndWords,  // beside content and calls
  kCount
};

class Knowledge {
 public:
  // Renders messages with tools; nothing where the template refuses.
  using Render = std::function<std::optional<std::string>(const Json& messages, const Json& tools)>;

  // A template that refuses the plainest question is asked no more: it can do everything then, and says
  // itself what is wrong.
  static Knowledge probe(const Render& render, const reply::ReplyFormat& format);

  bool can(Can what) const { return can_[static_cast<size_t>(what)]; }
  // The member of an assistant's message from which it takes reasoning: "reasoning_content", ...
  const std::string& reasoning() const { return reasoning_; }
  // It reads content in parts only: it goes through a text letter by letter.
  bool parts_only() const { return parts_only_; }

 private:
  std::bitset<static_cast<size_t>(Can::kCount)> can_;
  std::string reasoning_ = "reasoning_content";
  bool parts_only_ = false;
};

// Each text as a list of one part.
void put_in_parts(Json& messages);

}  // namespace gantry::chat
