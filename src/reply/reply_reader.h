// Takes a model's reply apart as it comes: content, reasoning and tool calls. What it finds depends on the
// text alone, not on the pieces; what may still become a marker waits for the next piece, everything else
// is told at once. Nothing of the reply is lost: what looks like a call and is none is content, a call that
// the end cuts off is told as far as it came. One reply, one thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "reply/call_reader.h"
#include "reply/markers.h"
#include "reply/reply_event.h"
#include "reply/reply_format.h"
#include "reply/tool_types.h"

namespace gantry::reply {

struct ReplyOptions {
  // Tool calls are looked for (they are content otherwise), with what the request's tools say.
  bool tools = false;
  Json tool_list = nullptr;
  // The end of the prompt: a template may have opened the reasoning there.
  std::string_view prompt = {};
};

class ReplyReader {
 public:
  // `format` outlives this.
  explicit ReplyReader(const ReplyFormat& format, const ReplyOptions& options = {});
  ReplyReader(const ReplyReader&) = delete;
  ReplyReader& operator=(const ReplyReader&) = delete;

  std::vector<ReplyEvent> push(std::string_view piece);
  // The end of the reply: what was kept back. `complete`: the model ended it, not its budget or a stop
  // string.
  std::vector<ReplyEvent> finish(bool complete = false);

  uint32_t calls() const { return events_.calls(); }

 private:
  enum class State : uint8_t { kText, kReasoning, kPerhapsCall, kSection, kCall, kClose, kHeader, kBody };
  enum class Role : uint8_t {
    kReasoning,
    kReasoningEnd,
    kAnswer,
    kAnswerEnd,
    kSection,
    kSectionEnd,
    kCall,
    kCallBegins,
    kSilent,
    kHeader,
    kEnd
  };
  struct Meaning {
    Role role;
    size_t index;
  };

  void add_markers(const std::vector<std::string>& texts, Role role);
  bool open_in(std::string_view prompt);
  bool advance(std::string_view& rest);
  bool text(std::string_view& rest);
  bool marker(std::string_view& rest, size_t which);
  bool bare_call(std::string_view& rest);
  bool reasoning(std::string_view& rest);
  void begin_reasoning(const Span& span);
  void end_reasoning();
  bool perhaps_call(std::string_view& rest);
  bool only_calls(std::vector<ReplyEvent> found);
  bool section(std::string_view& rest);
  bool call(std::string_view& rest);
  bool close(std::string_view& rest);
  bool header(std::string_view& rest);
  void read_header(std::string_view header);
  bool is_header(std::string_view header) const;
  std::string_view recipient_in(std::string_view header) const;
  std::string_view tool_in(std::string_view header) const;
  bool cut_header(std::string_view header);
  void begin_arguments(std::string_view text);
  void give_arguments(std::string_view text);
  void end_arguments(bool marked);
  bool call_body(std::string_view& rest);
  bool body(std::string_view& rest);
  void leave_call();
  void after_structure();
  void say(std::string_view text);
  void reason(std::string_view text);

  ReplyReader(const ReplyFormat& format, const ToolTypes& types);  // reads what may be calls

  const ReplyFormat& format_;
  const bool tools_;
  const ToolTypes types_;
  CallReader reader_;
  ReplyEvents events_;
  std::vector<std::string> markers_;  // in text, and
  std::vector<Meaning> meanings_;     // what each means

  State state_ = State::kText;
  bool over_ = false;
  bool complete_ = false;
  std::string buffer_;       // not yet certain
  std::string space_;        // white space that may belong to content
  bool spoken_ = false;      // content since the beginning or the last structure
  bool structured_ = false;  // there was structure: space before content is not its own
  bool in_section_ = false;
  bool in_answer_ = false;
  std::string opening_;  // a section's marker, until a call was found in it
  // In reasoning: its end, its beginning, and what may begin a call.
  std::vector<std::string> reasoning_marks_;
  bool reasoned_ = false;  // something, in this span
  size_t deaf_ = 0;        // bytes of the text in which nothing begins a call
  // What may be calls that end the reasoning without its closing marker: their text is kept back, and read.
  std::unique_ptr<ReplyReader> perhaps_;
  std::vector<ReplyEvent> perhaps_found_;
  size_t perhaps_read_ = 0;  // bytes of the text
  std::string reasoning_space_;

  // Of the message that is being read, where the family has headers.
  enum class Body : uint8_t { kContent, kReasoning, kCall } body_ = Body::kContent;
  bool may_call_ = false;  // calls with markers of their own may stand in it
  std::string called_;     // the tool whose arguments it is
  std::string addressed_;  // the tool a header named, until the call in its body is told
  ValueScan arguments_;
  enum class ArgumentsKind : uint8_t { kUnknown, kJson, kText } arguments_kind_ = ArgumentsKind::kUnknown;
};

}  // namespace gantry::reply
