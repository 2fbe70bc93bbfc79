// Filters over text.
#include <algorithm>

#include "jinja/args.h"
#include "jinja/filters.h"
#include "jinja/format.h"
#include "jinja/methods.h"
#include "jinja/ops.h"
#include "jinja/unicode.h"
#include "jinja/utf8.h"
#include "jinja/wrap.h"

namespace gantry::jinja {
namespace {

// str(value), still Markup if it was.
Value soft(Env& env, const Value& value) {
  return value.is_string() ? value : Value::string(to_str(env, value));
}

template <std::string (*kChange)(std::string_view)>
Value do_case(Env& env, const Value& input, CallArgs& args) {
  Bound bound("filter", args, {});
  Value text = soft(env, input);
  env.charge_text(text.str().size() * 3);
  return Value::string(Text(kChange(text.str()), text.text().given()), text.markup());
}

// Capitals after spaces, hyphens and opening brackets, unlike str.title.
std::string title_words(std::string_view text) {
  auto splits = [](uint32_t code) {
    return is_space(code) || code == '-' || code == '(' || code == '{' || code == '[' || code == '<';
  };
  std::string out;
  for (size_t at = 0; at < text.size();) {
    size_t begin = at, next = at;
    bool separators = splits(utf8_next(text, next));
    size_t first_end = next;
    for (at = next; at < text.size(); at = next) {
      next = at;
      if (splits(utf8_next(text, next)) != separators) break;
    }
    out += to_upper(text.substr(begin, first_end - begin)) + to_lower(text.substr(first_end, at - first_end));
  }
  return out;
}

Value do_trim(Env& env, const Value& input, CallArgs& args) {
  Bound bound("trim", args, {"chars"});
  Value text = soft(env, input);
  env.charge_text(text.str().size());
  const std::string* chars = bound.given(0) ? &need_string(bound[0], "strip arg") : nullptr;
  if (chars != nullptr) env.charge(chars->size() / 8);
  const Range rest = strip_text(text.str(), chars, true, true);
  env.charge_walk(text.str().size() - rest.size());
  return Value::string(text.text().part(rest), text.markup());
}

Value do_replace(Env& env, const Value& input, CallArgs& args) {
  Bound bound("replace", args, {"old", "new", "count"}, 2);
  int64_t count = bound.given(2) ? to_index(bound[2]) : -1;
  if (!env.autoescape) {
    // str(Markup) is what it was before: plain text, no escaping.
    return Value::string(
        replace_text(env, to_str(env, input), to_str(env, bound[0]).str(), to_str(env, bound[1]), count));
  }
  bool escaped = bound[0].markup() || (bound[1].markup() && !input.markup());
  bool markup = escaped || input.markup();
  const Text text = escaped ? escape_html(env, input) : to_str(env, input);
  const Text old = to_str(env, bound[0]);
  const Text fresh = markup ? escape_html(env, bound[1]) : to_str(env, bound[1]);
  return Value::string(replace_text(env, text, old.str(), fresh, count), markup);
}

Value do_center(Env& env, const Value& input, CallArgs& args) {
  Bound bound("center", args, {"width"});
  Value text = soft(env, input);
  return Value::string(center_text(env, text, bound.integer(0, 80), Text(" ")), text.markup());
}

Value do_indent(Env& env, const Value& input, CallArgs& args) {
  Bound bound("indent", args, {"width", "first", "blank"});
  const std::string& text = need_string(input, "the indented value");
  Text indent;
  if (bound.has(0) && bound[0].is_string()) {
    indent = bound[0].text();
  } else {
    int64_t width = std::max<int64_t>(0, bound.integer(0, 4));
    env.charge_text(static_cast<uint64_t>(width));
    indent.append_own(std::string(static_cast<size_t>(width), ' '));
  }
  bool first = bound.flag(env, 1, false), blank = bound.flag(env, 2, false);
  const Parts lines = split_lines(text + "\n", false);
  Text out;
  if (first) out += indent;
  for (size_t i = 0; i < lines.size(); ++i) {
    // The end of a line as it was given.
    if (i > 0) out.append("\n", input.text().given({lines[i - 1].end, lines[i].begin}));
    if (i > 0 && (blank || lines[i].size() > 0)) out += indent;
    out.append(input.text(), lines[i]);
    if (out.size() > env.limits().output_bytes) env.charge_text(out.size());
  }
  env.charge_text(out.size());
  return Value::string(std::move(out), input.markup());
}

Value do_truncate(Env& env, const Value& input, CallArgs& args) {
  Bound bound("truncate", args, {"length", "killwords", "end", "leeway"});
  int64_t limit = bound.integer(0, 255);
  Value end = bound.value_or(2, Value::string("..."));
  need_string(end, "end");
  int64_t leeway = bound.given(3) ? to_index(bound[3]) : 5;
  int64_t end_length = length(env, end);
  if (limit < end_length)
    fail_type("expected length >= " + std::to_string(end_length) + ", got " + std::to_string(limit));
  if (leeway < 0) fail_type("expected leeway >= 0, got " + std::to_string(leeway));
  if (length(env, input) - leeway <= limit) return input;
  need_string(input, "the truncated value");
  Value head = get_slice(env, input, Value(), Value::integer(limit - end_length), Value());
  size_t size = head.str().size();
  if (!bound.flag(env, 1, false)) size = std::min(head.str().rfind(' '), size);
  return add(env, Value::string(head.text().part({0, size}), input.markup()), end);
}

Value do_wordcount(Env& env, const Value& input, CallArgs& args) {
  Bound bound("wordcount", args, {});
  const std::string text = to_str(env, input).str();
  int64_t words = 0;
  bool inside = false;
  for (size_t at = 0; at < text.size();) {
    uint32_t code = utf8_next(text, at);
    bool word = code == '_' || is_alnum(code);
    words += word && !inside ? 1 : 0;
    inside = word;
  }
  return Value::integer(words);
}

Value do_wordwrap(Env& env, const Value& input, CallArgs& args) {
  Bound bound("wordwrap", args, {"width", "break_long_words", "wrapstring", "break_on_hyphens"});
  WrapStyle style;
  style.width = bound.integer(0, 79);
  style.break_long_words = bound.flag(env, 1, true);
  style.break_on_hyphens = bound.flag(env, 3, true);
  std::string separator = bound.given(2) ? need_string(bound[2], "wrapstring") : "\n";
  const std::string& text = need_string(input, "the wrapped value");
  env.charge(text.size());
  if (style.width <= 0 && !text.empty())
    fail_type("invalid width " + std::to_string(style.width) + " (must be > 0)");
  std::string out;
  bool first_line = true;
  for (const Range& range : split_lines(text, false)) {
    const std::string line = text.substr(range.begin, range.size());
    if (!first_line) out += separator;
    first_line = false;
    bool first = true;
    for (const std::string& part : wrap_text(line, style)) {
      if (!first) out += separator;
      first = false;
      out += part;
      if (out.size() > env.limits().output_bytes) env.charge_text(out.size());
    }
  }
  env.charge_text(out.size());
  const bool given = input.text().given() || (bound.given(2) && bound[2].text().given());
  return Value::string(Text(std::move(out), given));
}

Value do_string(Env& env, const Value& input, CallArgs& args) {
  Bound bound("string", args, {});
  return soft(env, input);
}

Value do_format(Env& env, const Value& input, CallArgs& args) {
  if (!args.positional.empty() && !args.named.empty()) {
    fail_type("can't handle positional and keyword arguments at the same time");
  }
  Value arguments = make_tuple(args.positional);
  if (!args.named.empty()) {
    arguments = make_dict();
    for (const auto& [key, value] : args.named) arguments.as<DictObject>().set(env, args.name(key), value);
  }
  Value text = soft(env, input);
  return Value::string(format_percent(env, text, arguments), text.markup());
}

Value do_pprint(Env& env, const Value& input, CallArgs& args) {
  Bound bound("pprint", args, {});
  return Value::string(pretty_repr(env, input));
}

constexpr FilterRow kTextFilterRows[] = {
    {"capitalize", do_case<to_capitalized>},
    {"center", do_center},
    {"format", do_format},
    {"indent", do_indent},
    {"lower", do_case<to_lower>},
    {"pprint", do_pprint},
    {"replace", do_replace},
    {"string", do_string},
    {"title", do_case<title_words>},
    {"trim", do_trim},
    {"truncate", do_truncate},
    {"upper", do_case<to_upper>},
    {"wordcount", do_wordcount},
    {"wordwrap", do_wordwrap},
};

}  // namespace

std::span<const FilterRow> text_filters() { return kTextFilterRows; }

}  // namespace gantry::jinja
