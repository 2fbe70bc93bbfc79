// str.isalpha and its kin.
#include "jinja/args.h"
#include "jinja/methods.h"
#include "jinja/unicode.h"
#include "jinja/utf8.h"

namespace gantry::jinja {
namespace {

template <bool (*kAsk)(uint32_t), bool kEmpty>
Value all(Env& env, const Value& self, CallArgs& args) {
  Bound bound("method", args, {});
  const std::string& text = self.str();
  env.charge_walk(text.size());
  for (size_t at = 0; at < text.size();) {
    if (!kAsk(utf8_next(text, at))) return Value::boolean(false);
  }
  return Value::boolean(kEmpty || !text.empty());
}

bool is_ascii(uint32_t code) { return code < 0x80; }

// At least one cased character, and none of the other case.
template <bool kUpper>
Value one_case(Env& env, const Value& self, CallArgs& args) {
  Bound bound("method", args, {});
  env.charge_walk(self.str().size());
  bool any = false;
  const std::string& text = self.str();
  for (size_t at = 0; at < text.size();) {
    uint32_t code = utf8_next(text, at);
    if ((kUpper ? is_lower(code) : is_upper(code)) || is_title(code)) return Value::boolean(false);
    any = any || (kUpper ? is_upper(code) : is_lower(code));
  }
  return Value::boolean(any);
}

Value istitle(Env& env, const Value& self, CallArgs& args) {
  Bound bound("istitle", args, {});
  env.charge_walk(self.str().size());
  bool any = false, inside = false;
  const std::string& text = self.str();
  for (size_t at = 0; at < text.size();) {
    uint32_t code = utf8_next(text, at);
    bool capital = is_upper(code) || is_title(code), small = is_lower(code);
    if ((capital && inside) || (small && !inside)) return Value::boolean(false);
    any = any || capital || small;
    inside = capital || small;
  }
  return Value::boolean(any);
}

Value isidentifier(Env& env, const Value& self, CallArgs& args) {
  Bound bound("isidentifier", args, {});
  const std::string& text = self.str();
  env.charge_walk(text.size());
  if (text.empty()) return Value::boolean(false);
  size_t at = 0;
  bool good = is_identifier_start(utf8_next(text, at));
  while (good && at < text.size()) good = is_identifier_part(utf8_next(text, at));
  return Value::boolean(good);
}

constexpr MethodRow kQuestionRows[] = {
    {"isalnum", all<is_alnum, false>},
    {"isalpha", all<is_alpha, false>},
    {"isascii", all<is_ascii, true>},
    {"isdecimal", all<is_decimal, false>},
    {"isdigit", all<is_digit, false>},
    {"isidentifier", isidentifier},
    {"islower", one_case<false>},
    {"isnumeric", all<is_numeric, false>},
    {"isprintable", all<is_printable, true>},
    {"isspace", all<is_space, false>},
    {"istitle", istitle},
    {"isupper", one_case<true>},
};

}  // namespace

std::span<const MethodRow> string_question_methods() { return kQuestionRows; }

}  // namespace gantry::jinja
