// Parses one tool call (in JSON: one or several in a row) after its opening marker, following the steps of a
// ReplyFormat. The text comes in pieces. A call is reported as soon as its name is certain, its arguments as
// they arrive. Until then the text is kept, so that it can be given back as content when it turns out to be
// no call. One reply, one thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "reply/json_scan.h"
#include "reply/literal_reader.h"
#include "reply/markers.h"
#include "reply/reply_event.h"
#include "reply/reply_format.h"
#include "reply/tool_types.h"

namespace gantry::reply {

inline constexpr size_t kCallNameBytesMax = 256;
inline constexpr size_t kCallKeyBytesMax = 1024;

class CallReader {
 public:
  enum class Outcome : uint8_t {
    kMore,   // needs more text; everything certain has been consumed
    kDone,   // the calls are complete
    kFailed  // not a call: kept() has the text
  };

  // Both outlive this.
  CallReader(const ReplyFormat& format, const ToolTypes& tools) : format_(format), tools_(tools) {}

  // `opening`: the text before the call, which is given back with it if there is no call. `bare`: there was
  // no marker, so it is a call only if it names a tool of the request.
  void begin(std::string opening, bool bare);

  // Consumes text from the front of `rest`. `over`: no more text will come, so an unfinished call is reported
  // as far as it came. Every reported call also gets its end event.
  Outcome read(std::string_view& rest, bool over, ReplyEvents& events);

  // The model ended the reply itself: arguments that lack only their closing bracket are completed.
  void expect_nothing_more() { nothing_more_ = true; }

  // The text since the last reported call.
  const std::string& kept() const { return kept_; }
  // Whether a call was reported since begin().
  bool told() const { return told_; }

 private:
  enum class Json : uint8_t { kOpen, kElement, kKey, kColon, kValue, kSkipped, kArguments, kText, kAfter };
  enum class Python : uint8_t { kOpen, kCall, kFirst, kArguments, kAfter };
  enum class Pair : uint8_t { kNext, kKey, kAttributes, kValue };
  // The result of a step, or of a part of one.
  enum class Went : uint8_t { kOn, kWait, kDone, kFail, kOther };

  // The input of a step and where its events go.
  struct Stage {
    std::string_view& rest;
    bool over;
    ReplyEvents& events;
  };

  void take(Stage& stage, size_t bytes);
  void skip_space(Stage& stage, std::string_view more = {});
  bool set_name(std::string_view text);
  void tell(ReplyEvents& events);
  void end_call(ReplyEvents& events, bool whole);
  void clear_call();
  Outcome stop(Stage& stage, bool failed);

  Went step(Stage& stage, const CallStep& step);
  Went text_step(Stage& stage, const CallStep& step);
  Went before_step(Stage& stage, const CallStep& step);
  Went object_step(Stage& stage);
  Went nothing_given(Stage& stage);
  Went code_step(Stage& stage);
  bool may_be_code(const CallStep& failed) const;
  const std::vector<std::string>& ends() const;

  Went json_step(Stage& stage);
  Went json_part(Stage& stage);
  Went json_open(Stage& stage);
  Went json_key(Stage& stage);
  Went json_value(Stage& stage);
  Went json_name(Stage& stage);
  Went json_arguments(Stage& stage);
  Went json_text(Stage& stage);
  Went json_end(Stage& stage);
  Went json_after(Stage& stage);

  Went python_step(Stage& stage);
  Went python_open(Stage& stage);
  Went python_call(Stage& stage);
  Went python_first(Stage& stage);
  Went python_after(Stage& stage);
  Went literal_step(Stage& stage);
  Went literal_part(Stage& stage);

  Went pairs_step(Stage& stage);
  Went pairs_begin(Stage& stage);
  Went pair_next(Stage& stage);
  Went pair_key(Stage& stage);
  Went pair_attributes(Stage& stage);
  Went pair_value(Stage& stage);
  Found value_end(std::string_view text, const std::string& close, bool over) const;
  Match close_left_out(std::string_view text, bool key, bool over) const;
  void give_value(Stage& stage, std::string_view text);
  void cut_pair(Stage& stage);

  const ReplyFormat& format_;
  const ToolTypes& tools_;
  size_t step_ = 0;
  bool bare_ = false;
  std::string kept_;
  size_t opening_ = 0;  // bytes of kept_ before the call
  bool told_ = false;
  bool nothing_more_ = false;

  // The call being parsed.
  bool open_ = false;  // reported, not yet ended
  bool arguments_whole_ = false;
  std::string name_, id_;
  ValueScan scan_;

  Json json_ = Json::kOpen;
  bool in_array_ = false;
  bool wrapped_ = false;  // within {"function": {...}}
  std::string key_;
  std::string early_;  // arguments that came before the name
  bool arguments_begun_ = false;
  size_t scanned_ = 0;  // bytes of the text that scan_ has seen and no step has consumed yet

  Python python_ = Python::kOpen;
  LiteralReader literal_;

  Pair pair_ = Pair::kNext;
  size_t pairs_ = 0;
  std::vector<std::string> keys_;  // so far
  ArgumentTypes types_;
  bool value_begun_ = false;
  bool value_padded_ = false;
  bool value_verbatim_ = false;
  size_t searched_ = 0;  // bytes of the text already searched: the value does not end in them
};

}  // namespace gantry::reply
