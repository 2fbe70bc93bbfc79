// Small questions to the messages of a conversation, and small ways of putting them together. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "chat/message.h"
#include "text/json.h"
#include "text/words.h"

namespace gantry::chat {

std::string_view role_of(const Json& message);
bool is_system(const Json& message);  // or developer
bool is_result(const Json& message);  // of a tool, or of a function in the older words
bool calls_tools(const Json& message);

// The content's text: a string, or the texts of its parts; "" of null and of what has none.
std::string text_of(const Message& message);
// Puts `more` behind a blank line; in place, so that joining many costs as much as their texts are long.
void append_text(std::string& text, std::string_view more);
void append_words(text::Words& words, const text::Words& more);

// How many systems' messages stand at the beginning.
size_t systems_in_front(const Messages& messages);

// The calls that the results of a conversation belong to. Found once for all of them; the messages outlive it
// unchanged.
class CallsOfResults {
 public:
  explicit CallsOfResults(const Messages& messages);
  // That of its id among the nearest calls before the result `at`, or the only one there; nullptr where there
  // is none.
  const Json* call(size_t at) const { return calls_[at]; }
  // No calls stand before the result.
  bool alone(size_t at) const { return alone_[at]; }
  // What was called; "" where nothing says it.
  std::string name(size_t at) const;

 private:
  const Messages& messages_;
  std::vector<const Json*> calls_;
  std::vector<bool> alone_;
};

}  // namespace gantry::chat
