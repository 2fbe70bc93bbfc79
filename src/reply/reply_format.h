// How a family of models writes reasoning and tool calls, as data: one row for each family, all parsed by one
// state machine (reply_reader.h). The row is chosen by what the model's chat template contains. Immutable;
// any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "reply/literal_reader.h"

namespace gantry::reply {

// Text between two markers.
struct Span {
  std::string open, close;
  // These markers never occur in ordinary text: the span may begin anywhere, and a marker without its other
  // half is dropped.
  bool anywhere = false;
};

// The syntax of a call after its opening marker, step by step. White space between steps is ignored.
enum class StepKind : uint8_t {
  // JSON with the call's name and its arguments: an object, several, or an array of them. Text that is not
  // JSON is left to the steps that follow.
  kJson,
  kText,      // one of `texts`, required
  kMayText,   // one of `texts`, optional
  kName,      // the name: everything before the first of `texts`
  kId,        // the call's id: likewise; may be empty
  kSkip,      // ignored: likewise; `written` stands there
  kPython,    // calls in Python syntax: one, several, or a list of them
  kCode,      // after kPython: source code, for the request's tool that runs code
  kArguments  // the arguments: a JSON object, or in the notation of the row's `literal` or `pairs`
};
struct CallStep {
  StepKind kind;
  std::vector<std::string> texts = {};
  std::string written = {};
};

// Arguments as pairs of key and value between markers. Attributes are written between key_close and
// value_open.
struct Pairs {
  std::string key_open = {}, key_close = {}, value_open = {}, value_close = {};
  std::string string_attribute = {};  // the attribute of a value that is text, not JSON
  std::string json_attribute = {};    // the attribute of a value that is JSON
  bool newline_padded = false;        // one newline on each side of a value is not part of it
  Span verbatim = {};                 // optional around a value, which may then contain anything but its end
};

// A reply that consists of messages with headers: HEADER message BODY end HEADER message BODY ...
struct Channels {
  std::string message = {};                 // ends a header; empty: the family has none
  std::string channel = {};                 // the channel's name follows
  std::string recipient = {};               // the recipient's name follows
  std::string recipient_prefix = {};        // of recipients that are tools
  std::vector<std::string> begins = {};     // begin a header; the prompt may end with the first of them
  std::vector<std::string> ends = {};       // end a body; none: a header or the call's JSON ends it
  std::vector<std::string> reasoning = {};  // channels and recipients that are reasoning
  std::vector<std::string> content = {};    // recipients that are not tools
  bool only_known = false;  // it is a header only if the recipient is in `content` or a tool of the request
};

// Where a family has several ways of writing calls: the one of its templates. All of them are read.
struct Writing {
  bool listed = false;    // all calls in one list between one pair of markers; else each between its own
  bool in_steps = false;  // by the steps that follow the JSON step, not in JSON
  std::string gap = {};   // between a marker and what it encloses
  std::string separator = "\n";  // between calls
  Span header = {};              // of a message to a tool: what stands around its name
  std::string header_end = {};   // ends such a message
  Span result = {};              // around the result of a call; none: plain words
  // Around calls that are bare where nothing stands before them: around all of them, or around each.
  Span behind_words = {}, each_behind_words = {};
};

enum class CallIds : uint8_t {
  kRandom,  // "call_" and letters and digits
  kNine,    // "call_" and nine: of these the family's templates print the nine, and accept nothing else
  kWritten  // the one that the model wrote: its templates print it again
};

// Nine letters and digits.
inline constexpr size_t kNineLetters = 9;
bool is_nine(std::string_view id);

struct ReplyFormat {
  std::string name = {};
  // A template is of this family if it contains all texts of one of these sets.
  std::vector<std::vector<std::string>> signs = {};
  std::vector<Span> reasoning = {};
  std::vector<std::string> section_open = {}, section_close = {};  // around all calls; optional
  std::vector<std::string> call_open = {}, call_close = {};
  // What a call begins with when the model left out its opening marker; only for tools of the request.
  std::vector<std::string> call_begins = {};
  std::vector<CallStep> call = {};  // empty: the family calls no tools
  Pairs pairs = {};
  LiteralRules literal = {};  // none if it has no quotes
  std::vector<std::string> name_keys{"name"};
  std::vector<std::string> arguments_keys{"arguments", "parameters"};
  bool name_is_key = false;       // {"NAME": {...}}
  std::string name_prefix = {};   // written before the name
  bool name_is_numbered = false;  // ":N" is written after the name; prefix, name and ":N" are the call's id
  bool bare = false;              // a reply may consist of calls in JSON alone, without a marker
  CallIds ids = CallIds::kRandom;
  std::vector<Span> answer = {};         // optional around the content
  std::vector<std::string> silent = {};  // markers without meaning: dropped
  Channels channels = {};
  Writing writing = {};
};

// All rows, the more specific ones first; then "plain": <think>, no calls; then "none": everything is
// content.
const std::vector<ReplyFormat>& reply_formats();

// nullptr when no row has this name.
const ReplyFormat* find_reply_format(std::string_view name);

// The row whose signs the template's source contains; "plain" when there is none.
const ReplyFormat& reply_format_of(std::string_view template_source);

// The markers that mean something: all of them with tools, else those of reasoning and channels. A control
// token that is one of them, or a part of one, must be passed to the reader as text.
std::vector<std::string> reply_markers(const ReplyFormat& format, bool tools);

}  // namespace gantry::reply
