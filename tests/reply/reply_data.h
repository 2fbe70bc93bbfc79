// Replies as the families write them, for tests: what is said and what has to be heard.
#pragma once

#include <ostream>
#include <string>
#include <vector>

#include "reply/reply_reader.h"

namespace gantry::reply::testing {

struct HeardCall {
  std::string name, arguments;
  bool whole = true;
  std::string id = {};
  bool operator==(const HeardCall&) const = default;
};
struct Heard {
  std::string reasoning, content;
  std::vector<HeardCall> calls;
  bool operator==(const Heard&) const = default;
  std::string show() const;
};

struct FamilyReply {
  std::string name, format, prompt, text;
  Heard heard;
  bool tools = true;
};

inline void PrintTo(const Heard& heard, std::ostream* out) { *out << heard.show(); }
inline void PrintTo(const FamilyReply& reply, std::ostream* out) { *out << reply.name; }

const std::vector<FamilyReply>& family_replies();

// get_current_weather(location, unit: string), get_time(), python(code: string, tries: integer).
const Json& test_tools();

// Also checks what holds of all events: begin and end of calls, their order and numbers.
Heard read_reply(const ReplyFormat& format, const std::vector<std::string>& pieces, bool tools,
                 std::string_view prompt, const Json& tool_list = test_tools());

// A word of letters and digits (five at least) of `text` that is neither heard nor a word of any format's
// markers; "" where there is none.
std::string missing_word(std::string_view text, const Heard& heard);

}  // namespace gantry::reply::testing
