// How a family of models writes reasoning and tool calls, as data: one row for each family, read by one
// machine (reply_reader.h). A row is chosen by what stands in the model's chat template. Immutable; any
// thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "reply/literal_reader.h"

namespace gantry::reply {

// What stands between two markers.
struct Span {
  std::string open, close;
  // Nobody speaks of these markers: the span may begin anywhere, and a marker without its other half says
  // nothing.
  bool anywhere = false;
};

// A call's text after its opening marker, step by step. White space between steps does not count.
enum class StepKind : uint8_t {
  // JSON that names the call and its arguments: an object, several, or an array of them. Text that is no
  // JSON is left to the steps after it.
  kJson,
  kText,      // one of `texts` must stand here
  kMayText,   // one of `texts` may stand here
  kName,      // the name: everything before the first of `texts`
  kId,        // the call's id: likewise; empty where there is nothing
  kSkip,      // something without meaning: likewise
  kPython,    // calls in Python's words, one, several, or a list of them
  kCode,      // after kPython: code for the tool of the request that runs some
  kArguments  // the arguments: a JSON object, or what `literal` or `pairs` of the row say
};
struct CallStep {
  StepKind kind;
  std::vector<std::string> texts = {};
};

// Arguments as pairs of marked texts. What stands between key_close and value_open are attributes.
struct Pairs {
  std::string key_open = {}, key_close = {}, value_open = {}, value_close = {};
  std::string string_attribute = {};  // the attribute that says that a value is text, not JSON
  std::string json_attribute = {};    // and the one that says that it is JSON
  bool newline_padded = false;        // one newline on each side of a value is not its own
  Span verbatim = {};                 // may stand around a value, which then has any text but its end
};

// A reply of messages with headers: HEADER message BODY end HEADER message BODY ...
struct Channels {
  std::string message = {};              // ends a header; empty: the family has none
  std::string channel = {};              // the channel's name follows
  std::string recipient = {};            // whom it is for follows
  std::string recipient_prefix = {};     // of a recipient that is a tool
  std::vector<std::string> begins = {};  // how a header may begin; the prompt may have ended with the first
  std::vector<std::string> ends = {};    // end a body; none: the next header does, a call's end is its JSON's
  std::vector<std::string> reasoning = {};  // channels and recipients that are reasoning
  std::vector<std::string> content = {};    // recipients that are no tools
  bool only_known = false;  // a header is one only with a recipient of `content` or a tool of the request
};

enum class CallIds : uint8_t {
  kRandom,  // "call_" and letters and digits
  kNine,    // nine letters and digits: what the family's templates insist on
  kWritten  // what the model wrote: its templates give it back
};

struct ReplyFormat {
  std::string name = {};
  // The template is of this family when all texts of one of these sets stand in it.
  std::vector<std::vector<std::string>> signs = {};
  std::vector<Span> reasoning = {};
  std::vector<std::string> section_open = {}, section_close = {};  // around all calls; may be absent
  std::vector<std::string> call_open = {}, call_close = {};
  // With what a call begins whose opening marker was left out: only one of a tool of the request.
  std::vector<std::string> call_begins = {};
  std::vector<CallStep> call = {};  // empty: the family calls no tools
  Pairs pairs = {};
  LiteralRules literal = {};  // without quotes: none
  std::vector<std::string> name_keys{"name"};
  std::vector<std::string> arguments_keys{"arguments", "parameters"};
  bool name_is_key = false;       // {"NAME": {...}}
  std::string name_prefix = {};   // before the name, not a part of it
  bool name_is_numbered = false;  // ":N" follows the name, not a part of it; with the prefix it is the id
  bool bare = false;              // a reply may be nothing but calls in JSON, without a marker
  CallIds ids = CallIds::kRandom;
  std::vector<Span> answer = {};         // may stand around the content
  std::vector<std::string> silent = {};  // neither text nor structure
  Channels channels = {};
};

// All rows, the more special ones first; then "plain": <think> and no calls; then "none": all is text.
const std::vector<ReplyFormat>& reply_formats();

// nullptr for a name that no row has.
const ReplyFormat* find_reply_format(std::string_view name);

// The row whose signs stand in the template's source; "plain" where there is none.
const ReplyFormat& reply_format_of(std::string_view template_source);

// The texts with a meaning: with tools all of them, otherwise those of reasoning and channels. A control
// token that is one of them, or a part of one, has to reach the reader.
std::vector<std::string> reply_markers(const ReplyFormat& format, bool tools);

}  // namespace gantry::reply
