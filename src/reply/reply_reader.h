// Parses a model's reply while it is being generated: content, reasoning and tool calls. The result depends
// on the text alone, not on how it was split into pieces: what may still become a marker waits for the next
// piece, everything else is reported at once. Nothing of the reply is lost: what looks like a call but is
// none is content, and a call that is cut off is reported as far as it came. One reply, one thread.
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
  // Look for calls of the request's tools; otherwise calls are content.
  bool tools = false;
  Json tool_list = nullptr;
  // The end of the prompt, where the template may have opened the reasoning.
  std::string_view prompt = {};
};

class ReplyReader {
 public:
  // `format` outlives this.
  explicit ReplyReader(const ReplyFormat& format, const ReplyOptions& options = {});
  ReplyReader(const ReplyReader&) = delete;
  ReplyReader& operator=(const ReplyReader&) = delete;

  std::vector<ReplyEvent> push(std::string_view piece);
  // The reply has ended: reports what was held back. `complete`: the model ended it, not a token limit or a
  // stop string.
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

  ReplyReader(const ReplyFormat& format, const ToolTypes& types);  // for text that may be calls

  const ReplyFormat& format_;
  const bool tools_;
  const ToolTypes types_;
  CallReader reader_;
  ReplyEvents events_;
  std::vector<std::string> markers_;  // of text outside calls
  std::vector<Meaning> meanings_;     // of each of them

  State state_ = State::kText;
  bool over_ = false;
  bool complete_ = false;
  std::string buffer_;       // text whose meaning is not yet certain
  std::string space_;        // white space that may belong to the content
  bool spoken_ = false;      // there was content since the beginning or the last marker
  bool structured_ = false;  // there was a marker: white space before content is not part of it
  bool in_section_ = false;
  bool in_answer_ = false;
  std::string opening_;  // a section's marker, until a call is found in the section
  // In reasoning: the markers of its end, of its beginning, and those that may begin a call.
  std::vector<std::string> reasoning_marks_;
  bool reasoned_ = false;  // this span of reasoning is not empty
  size_t deaf_ = 0;        // bytes of the text in which no call can begin
  // Possible calls that end the reasoning without its closing marker: their text is held back and parsed.
  std::unique_ptr<ReplyReader> perhaps_;
  std::vector<ReplyEvent> perhaps_found_;
  size_t perhaps_read_ = 0;  // bytes of the text
  std::string reasoning_space_;

  // The message being parsed, where the family has headers.
  enum class Body : uint8_t { kContent, kReasoning, kCall } body_ = Body::kContent;
  bool may_call_ = false;  // calls with markers of their own may occur in it
  std::string called_;     // the tool that gets the body as its arguments
  std::string addressed_;  // the tool that a header named, until the call in its body is reported
  ValueScan arguments_;
  enum class ArgumentsKind : uint8_t { kUnknown, kJson, kText } arguments_kind_ = ArgumentsKind::kUnknown;
};

}  // namespace gantry::reply
