// Arguments as pairs of key and value between markers, converted to one JSON object.
#include <algorithm>

#include "reply/call_reader.h"
#include "reply/literal_reader.h"
#include "reply/markers.h"

namespace gantry::reply {
namespace {

std::string_view without_space(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r\n") + 1 - first);
}

}  // namespace

CallReader::Went CallReader::pairs_step(Stage& stage) {
  if (!open_) {
    const Went begun = pairs_begin(stage);
    if (begun != Went::kOn) return begun;
  }
  while (true) {
    Went went = Went::kFail;
    switch (pair_) {
      case Pair::kNext:
        went = pair_next(stage);
        break;
      case Pair::kKey:
        went = pair_key(stage);
        break;
      case Pair::kAttributes:
        went = pair_attributes(stage);
        break;
      case Pair::kValue:
        went = pair_value(stage);
        break;
    }
    if (went == Went::kDone) return Went::kOn;
    if (went != Went::kOn) return went;
  }
}

// A name belongs to a call if the first argument or the call's end follows it.
CallReader::Went CallReader::pairs_begin(Stage& stage) {
  skip_space(stage);
  if (stage.rest.empty() && !stage.over) return Went::kWait;
  std::vector<std::string> next = ends();
  next.push_back(format_.pairs.key_open);
  const Found found = match_here(stage.rest, next, false);
  if (found.match == Match::kPart && !stage.over) return Went::kWait;
  if (found.match == Match::kNone && !stage.rest.empty()) return Went::kFail;
  tell(stage.events);
  return Went::kOn;
}

CallReader::Went CallReader::pair_next(Stage& stage) {
  skip_space(stage);
  if (stage.rest.empty()) return Went::kWait;
  // At the end of the text a part of a marker does not end the pairs.
  const Found found = match_here(stage.rest, {&format_.pairs.key_open, 1}, false);
  if (found.match == Match::kPart) return Went::kWait;
  if (found.match == Match::kWhole) {
    take(stage, format_.pairs.key_open.size());
    pair_ = Pair::kKey;
    return Went::kOn;
  }
  stage.events.text(ReplyKind::kArguments, pairs_ > 0 ? "}" : "{}");
  arguments_whole_ = true;
  return Went::kDone;
}

CallReader::Went CallReader::pair_key(Stage& stage) {
  const Found found = find_marker(stage.rest, {&format_.pairs.key_close, 1}, stage.over);
  if (found.at > kCallKeyBytesMax) return Went::kFail;
  if (found.match != Match::kWhole) return Went::kWait;
  key_ = without_space(stage.rest.substr(0, found.at));
  stage.events.text(ReplyKind::kArguments, (pairs_++ > 0 ? ", \"" : "{\"") + escaped(key_) + "\": ");
  take(stage, found.at + format_.pairs.key_close.size());
  keys_.push_back(key_);
  types_ = tools_.types(name_, key_);
  pair_ = Pair::kAttributes;
  return Went::kOn;
}

CallReader::Went CallReader::pair_attributes(Stage& stage) {
  const Pairs& pairs = format_.pairs;
  if (!pairs.value_open.empty()) {
    const Found found = find_marker(stage.rest, {&pairs.value_open, 1}, stage.over);
    if (found.at > kCallKeyBytesMax) return Went::kFail;
    if (found.match != Match::kWhole) return Went::kWait;
    const std::string_view attributes = stage.rest.substr(0, found.at);
    // There are attributes only if the tag continues after the key.
    if (pairs.key_close != "\"" && !without_space(attributes).empty()) return Went::kFail;
    const auto has = [&](const std::string& name) {
      return !name.empty() && attributes.find(name) != std::string_view::npos;
    };
    if (has(pairs.string_attribute))
      types_ = ArgumentTypes::kText;
    else if (has(pairs.json_attribute))
      types_ = {};
    take(stage, found.at + pairs.value_open.size());
  }
  if (types_.only_text()) stage.events.text(ReplyKind::kArguments, "\"");
  value_begun_ = value_padded_ = value_verbatim_ = false;
  searched_ = 0;
  pair_ = Pair::kValue;
  return Went::kOn;
}

// Whether the model left out the closing marker of a value before `text`, which begins with a newline and the
// next argument's marker (`key`) or the call's end: it did if an argument of this tool follows, or the call's
// own marker.
Match CallReader::close_left_out(std::string_view text, bool key, bool over) const {
  const Match unsure = over ? Match::kNone : Match::kPart;
  text.remove_prefix(1 + (key ? format_.pairs.key_open : ends().front()).size());
  if (!key) {
    text.remove_prefix(std::min(text.find_first_not_of(" \t\r\n"), text.size()));
    return text.empty() && over ? Match::kWhole : match_here(text, format_.call_close, over).match;
  }
  const size_t end = text.substr(0, kCallKeyBytesMax).find(format_.pairs.key_close);
  if (end == std::string_view::npos) return text.size() < kCallKeyBytesMax ? unsure : Match::kNone;
  const std::string_view name = without_space(text.substr(0, end));
  const bool known = tools_.has(name_, name) && std::ranges::find(keys_, name) == keys_.end();
  return known ? Match::kWhole : Match::kNone;
}

// `which` is 0 for `close`; otherwise the value ends without it, before a newline.
Found CallReader::value_end(std::string_view text, const std::string& close, bool over) const {
  std::vector<std::string> marks = {close};
  if (format_.pairs.newline_padded)
    marks.insert(marks.end(), {"\n" + format_.pairs.key_open, "\n" + ends().front()});
  for (size_t from = 0;;) {
    Found found = find_marker(text.substr(from), marks, over);
    found.at += from;
    if (found.match != Match::kWhole || found.which == 0) return found;
    const Match left_out = close_left_out(text.substr(found.at), found.which == 1, over);
    if (left_out != Match::kNone) return {left_out, found.at, found.which};
    from = found.at + 1;
  }
}

// Text is reported as it arrives; a value that may be JSON only when it is complete.
CallReader::Went CallReader::pair_value(Stage& stage) {
  const Span& verbatim = format_.pairs.verbatim;
  if (!verbatim.open.empty() && !value_begun_) {
    const Found opens = match_here(stage.rest, {&verbatim.open, 1}, stage.over);
    if (opens.match == Match::kPart) return Went::kWait;
    value_verbatim_ = opens.match == Match::kWhole;
    if (value_verbatim_) take(stage, verbatim.open.size());
    value_begun_ = true;
  }
  const std::string close = (value_verbatim_ ? verbatim.close : "") + format_.pairs.value_close;
  Found found = value_end(stage.rest.substr(searched_), close, stage.over);
  found.at += searched_;
  const bool whole = found.match == Match::kWhole;
  const bool text = types_.only_text(), closed = whole && found.which == 0;
  if (!whole && !text) {
    searched_ = found.at;
    return Went::kWait;
  }
  std::string_view value = stage.rest.substr(0, found.at);
  size_t used = found.at + (closed ? close.size() : 0);
  if (format_.pairs.newline_padded) {
    const bool begins = !value_begun_ && !value.empty();
    value_begun_ = value_begun_ || begins;
    if (begins) {
      value_padded_ = value.front() == '\n';
      if (value_padded_) value.remove_prefix(1);
    }
    // One of the newlines at the end may be padding.
    if (value_padded_ && (closed || !whole) && value.ends_with('\n')) {
      value.remove_suffix(1);
      if (!whole) --used;
    }
  }
  if (text)
    stage.events.text(ReplyKind::kArguments, escaped(value) + (whole ? "\"" : ""));
  else
    give_value(stage, value);
  take(stage, used);
  if (!whole) return Went::kWait;
  pair_ = Pair::kNext;
  return Went::kOn;
}

// JSON, or a Python literal, of a type that the argument may have; everything else is text.
void CallReader::give_value(Stage& stage, std::string_view text) {
  const std::string_view bare = without_space(text);
  const auto allowed = [&](std::string_view json) {
    const auto value = gantry::Json::try_parse(json);
    if (!value) return false;
    // Where plain text is possible, quotes are part of the text.
    return !types_.may(ArgumentTypes::kText) || (!value->is_string() && types_.allow(*value));
  };
  std::string literal;
  if (allowed(bare))
    stage.events.text(ReplyKind::kArguments, bare);
  else if (literal = json_of_literal(bare); !literal.empty() && allowed(literal))
    stage.events.text(ReplyKind::kArguments, literal);
  else
    stage.events.text(ReplyKind::kArguments, '"' + escaped(text) + '"');
}

// The text ended within a pair: it is reported as far as it came.
void CallReader::cut_pair(Stage& stage) {
  if (nothing_more_ && pair_ == Pair::kNext && pairs_ > 0 && stage.rest.empty()) {
    stage.events.text(ReplyKind::kArguments, "}");
    arguments_whole_ = true;
    return;
  }
  const bool text = types_.only_text();
  if (pair_ == Pair::kKey)
    stage.events.text(ReplyKind::kArguments, (pairs_ > 0 ? ", \"" : "{\"") + escaped(stage.rest));
  if (pair_ == Pair::kValue && !stage.rest.empty())
    stage.events.text(ReplyKind::kArguments, (text ? "" : "\"") + escaped(stage.rest));
}

}  // namespace gantry::reply
