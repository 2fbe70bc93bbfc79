// A whole reply in a family's words, put together from what it says: by the same rows by which replies are
// read, so that a new row needs no words of its own here. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "reply/call_writer.h"

namespace gantry::reply::testing {

struct Spoken {
  std::string thought = {};  // said only where can_think()
  std::string words = {};
  std::vector<WrittenCall> calls = {};
};

// The family reasons, and the prompt has not closed the reasoning already.
bool can_think(const ReplyFormat& format, std::string_view prompt);

// What the model writes behind `prompt`, which may have opened a header or the reasoning.
std::string speak(const ReplyFormat& format, const Spoken& spoken, std::string_view prompt,
                  const ToolTypes& types);

}  // namespace gantry::reply::testing
