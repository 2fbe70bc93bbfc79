#include "reply/reply_format.h"

#include <algorithm>

#include "base/random_id.h"

namespace gantry::reply {

bool is_nine(std::string_view id) {
  return id.size() == kNineLetters && id.find_first_not_of(kIdLetters) == std::string_view::npos;
}

const ReplyFormat* find_reply_format(std::string_view name) {
  const auto& rows = reply_formats();
  const auto found = std::ranges::find(rows, name, &ReplyFormat::name);
  return found == rows.end() ? nullptr : &*found;
}

const ReplyFormat& reply_format_of(std::string_view template_source) {
  const auto stands = [&](const std::string& text) {
    return template_source.find(text) != std::string_view::npos;
  };
  for (const ReplyFormat& row : reply_formats())
    for (const auto& signs : row.signs)
      if (std::ranges::all_of(signs, stands)) return row;
  return *find_reply_format("plain");
}

std::vector<std::string> reply_markers(const ReplyFormat& format, bool tools) {
  std::vector<std::string> out;
  const auto add = [&](const std::string& text) {
    if (!text.empty()) out.push_back(text);
  };
  const auto add_all = [&](const std::vector<std::string>& texts) { std::ranges::for_each(texts, add); };
  for (const Span& span : format.reasoning) {
    add(span.open);
    add(span.close);
  }
  for (const Span& span : format.answer) {
    add(span.open);
    add(span.close);
  }
  add(format.channels.message);
  add(format.channels.channel);
  add_all(format.channels.begins);
  add_all(format.channels.ends);
  if (!tools) return out;
  for (const auto* list : {&format.section_open, &format.section_close, &format.call_open, &format.call_close,
                           &format.call_begins})
    add_all(*list);
  for (const CallStep& step : format.call) add_all(step.texts);
  for (const auto* text :
       {&format.pairs.key_open, &format.pairs.key_close, &format.pairs.value_open, &format.pairs.value_close,
        &format.pairs.verbatim.open, &format.pairs.verbatim.close})
    add(*text);
  add_all(format.literal.quotes);
  return out;
}

}  // namespace gantry::reply
