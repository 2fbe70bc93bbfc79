// Values as text: Python's str, repr, %-formatting, str.format; HTML escapes; JSON; strftime. What is said of
// a container, or with escapes, is given as a whole when something in it is.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "jinja/env.h"
#include "jinja/value.h"

namespace gantry::jinja {

Text to_str(Env& env, const Value& value);
Text to_repr(Env& env, const Value& value);
// Python's ascii(): repr with everything beyond ASCII escaped.
Text to_ascii(Env& env, const Value& value);
std::string int_text(Int value);
std::string int_text(Int value, int base, bool upper);
std::string float_repr(double value);
std::string string_repr(std::string_view text);
std::string bytes_repr(std::string_view data);

// str(value) with & < > " ' escaped, unless it is Markup.
Text escape_html(Env& env, const Value& value);
Text escape_html(const Text& text);
std::string escape_html(std::string_view own);
// Named and numeric entities, as Python's html.unescape.
std::string unescape_html(std::string_view text);

// format % arguments.
Text format_percent(Env& env, const Value& format, const Value& arguments);
// format.format(...): attributes and items go through the sandbox.
Text format_braces(Env& env, const Value& format, const CallArgs& args);
// format(value, spec).
Text format_spec(Env& env, const Value& value, const Text& spec);

struct JsonStyle {
  bool ensure_ascii = false;
  bool sort_keys = false;
  bool pretty = false;
  std::string indent;                 // with pretty
  std::string item_separator = ", ";  // "," by default with pretty
  std::string key_separator = ": ";
};
Text dump_json(Env& env, const Value& value, const JsonStyle& style);

// Python's pprint.pformat.
Text pretty_repr(Env& env, const Value& value);

// Seconds since the epoch, plus how far the local time is ahead of UTC: as the clock on the wall has it.
int64_t local_now();
// `seconds` as local_now() counts them, C locale.
std::string format_time(Env& env, int64_t seconds, const std::string& format);

// Python's float(text); false when it is none.
bool parse_float(std::string_view text, double& out);
// Python's int(text, base); false when it is none.
bool parse_int(std::string_view text, int base, Int& out);

}  // namespace gantry::jinja
