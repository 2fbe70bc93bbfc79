// Calls in JSON: {"name": ..., "arguments": {...}}, one, several, or an array of them.
#include <algorithm>

#include "reply/call_reader.h"

namespace gantry::reply {
namespace {

bool is_one_of(const std::vector<std::string>& names, std::string_view name) {
  return std::ranges::find(names, name) != names.end();
}

}  // namespace

CallReader::Went CallReader::json_step(Stage& stage) {
  while (true) {
    const Went went = json_part(stage);
    if (went != Went::kOn)
      return went == Went::kDone ? Went::kOther : went == Went::kOther ? Went::kOn : went;
  }
}

CallReader::Went CallReader::json_part(Stage& stage) {
  switch (json_) {
    case Json::kOpen:
    case Json::kElement:
      return json_open(stage);
    case Json::kKey:
      return json_key(stage);
    case Json::kColon:
      skip_space(stage);
      if (stage.rest.empty()) return Went::kWait;
      if (stage.rest.front() != ':') return Went::kFail;
      take(stage, 1);
      json_ = Json::kValue;
      return Went::kOn;
    case Json::kValue:
      return json_value(stage);
    case Json::kSkipped: {
      take(stage, scan_.feed(stage.rest));
      if (!scan_.done()) return scan_.broken() ? Went::kFail : Went::kWait;
      json_ = Json::kKey;
      return Went::kOn;
    }
    case Json::kArguments:
      return json_arguments(stage);
    case Json::kText:
      return json_text(stage);
    case Json::kAfter:
      return json_after(stage);
  }
  return Went::kFail;
}

CallReader::Went CallReader::json_open(Stage& stage) {
  skip_space(stage, json_ == Json::kElement ? "," : "");
  if (stage.rest.empty()) return Went::kWait;
  const char c = stage.rest.front();
  if (c == '{') {
    json_ = Json::kKey;
  } else if (json_ == Json::kOpen && c == '[') {
    // A list of other things: left to the format's other syntax, if it has one.
    const size_t next = stage.rest.find_first_not_of(" \t\r\n", 1);
    if (next == std::string_view::npos) return Went::kWait;
    if (stage.rest[next] != '{') return step_ + 1 < format_.call.size() ? Went::kOther : Went::kFail;
    in_array_ = true;
    json_ = Json::kElement;
  } else if (json_ == Json::kElement && c == ']' && told_) {
    take(stage, 1);
    return Went::kDone;
  } else {
    // Not JSON: left to the format's other syntax, if it has one.
    return json_ == Json::kOpen && step_ + 1 < format_.call.size() ? Went::kOther : Went::kFail;
  }
  take(stage, 1);
  return Went::kOn;
}

CallReader::Went CallReader::json_key(Stage& stage) {
  skip_space(stage, ",");
  if (stage.rest.empty()) return Went::kWait;
  if (stage.rest.front() == '}') return json_end(stage);
  if (stage.rest.front() != '"') return Went::kFail;
  const auto size = string_literal(stage.rest.substr(0, kCallKeyBytesMax));
  if (!size) return stage.rest.size() >= kCallKeyBytesMax ? Went::kFail : Went::kWait;
  key_ = unquoted(stage.rest.substr(0, *size));
  take(stage, *size);
  json_ = Json::kColon;
  return Went::kOn;
}

CallReader::Went CallReader::json_name(Stage& stage) {
  if (stage.rest.front() != '"') return Went::kFail;
  const auto size = string_literal(stage.rest.substr(0, kCallKeyBytesMax));
  if (!size) return stage.rest.size() >= kCallKeyBytesMax ? Went::kFail : Went::kWait;
  if (!set_name(unquoted(stage.rest.substr(0, *size)))) return Went::kFail;
  if (bare_ && !tools_.knows(name_)) return Went::kFail;
  take(stage, *size);
  // Without a marker, a name alone is not a call yet.
  if (!bare_ || arguments_begun_) tell(stage.events);
  json_ = Json::kKey;
  return Went::kOn;
}

CallReader::Went CallReader::json_value(Stage& stage) {
  skip_space(stage);
  if (stage.rest.empty()) return Went::kWait;
  if (name_.empty() && is_one_of(format_.name_keys, key_)) return json_name(stage);
  // As OpenAI writes it: {"type": "function", "function": {...}}.
  if (name_.empty() && !format_.name_is_key && !wrapped_ && key_ == "function" && stage.rest.front() == '{') {
    take(stage, 1);
    wrapped_ = true;
    json_ = Json::kKey;
    return Went::kOn;
  }
  scan_ = {};
  scanned_ = 0;
  const bool named = format_.name_is_key && name_.empty();
  if (named && !set_name(key_)) return Went::kFail;
  const char c = stage.rest.front();
  if (c == ',' || c == '}' || c == ']') return Went::kFail;
  const bool arguments = named || (!arguments_begun_ && is_one_of(format_.arguments_keys, key_));
  if (bare_ && arguments && c == '{') {
    const size_t next = stage.rest.find_first_not_of(" \t\r\n", 1);
    if (next == std::string_view::npos) return Went::kWait;
    if (stage.rest[next] != '"' && stage.rest[next] != '}') return Went::kFail;
  }
  json_ = Json::kSkipped;
  if (!arguments) return Went::kOn;
  if (c == 'n' || c == 'N') return Went::kOn;  // null: no arguments
  // Arguments that are not an object are passed on as they are; without a marker this is no call.
  if (c != '{' && c != '"' && (bare_ || std::string_view("[-0123456789tf").find(c) == std::string_view::npos))
    return Went::kFail;
  arguments_begun_ = true;
  if (!name_.empty() && !open_ && c != '"') tell(stage.events);
  json_ = c == '"' ? Json::kText : Json::kArguments;
  return Went::kOn;
}

CallReader::Went CallReader::json_arguments(Stage& stage) {
  const size_t bytes = scan_.feed(stage.rest);
  const std::string_view piece = stage.rest.substr(0, bytes);
  if (open_)
    stage.events.text(ReplyKind::kArguments, piece);
  else
    early_ += piece;
  take(stage, bytes);
  if (!scan_.done()) return scan_.broken() ? Went::kFail : Went::kWait;
  arguments_whole_ = true;
  json_ = Json::kKey;
  return Went::kOn;
}

// Arguments in a string: the object encoded in it; a string that encodes none is passed on as it is.
CallReader::Went CallReader::json_text(Stage& stage) {
  scanned_ += scan_.feed(stage.rest.substr(scanned_));
  if (!scan_.done() && !stage.over) return Went::kWait;
  const std::string_view literal = stage.rest.substr(0, scanned_);
  std::string text = unquoted(scan_.done() ? std::string(literal) : std::string(literal) + '"');
  if (scan_.done()) {
    const bool nothing = text.find_first_not_of(" \t\r\n") == std::string::npos;
    const auto parsed = gantry::Json::try_parse(text);
    const bool object = parsed && parsed->is_object();
    if (!nothing && !object && bare_) return Went::kFail;
    if (nothing)
      text = "{}";
    else if (!object)
      text = literal;
  }
  if (bare_ && !text.starts_with('{')) return Went::kFail;
  if (!name_.empty() && !open_) tell(stage.events);
  if (open_)
    stage.events.text(ReplyKind::kArguments, text);
  else
    early_ += text;
  take(stage, scanned_);
  scanned_ = 0;
  if (!scan_.done()) return Went::kWait;
  arguments_whole_ = true;
  json_ = Json::kKey;
  return Went::kOn;
}

CallReader::Went CallReader::json_end(Stage& stage) {
  if (name_.empty() || (bare_ && !arguments_begun_)) return Went::kFail;
  take(stage, 1);
  if (wrapped_) {
    wrapped_ = false;
    return Went::kOn;
  }
  if (!arguments_begun_) stage.events.text(ReplyKind::kArguments, "{}");
  end_call(stage.events, true);
  json_ = Json::kAfter;
  return Went::kOn;
}

// Another call may follow. Text that does not belong to it is not consumed.
CallReader::Went CallReader::json_after(Stage& stage) {
  if (in_array_) {
    json_ = Json::kElement;
    return Went::kOn;
  }
  const size_t next = stage.rest.find_first_not_of(" \t\r\n,;");
  if (next == std::string_view::npos) return stage.over ? Went::kDone : Went::kWait;
  if (stage.rest[next] != '{') return Went::kDone;
  take(stage, next);
  json_ = Json::kOpen;
  return Went::kOn;
}

}  // namespace gantry::reply
