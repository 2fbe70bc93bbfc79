#include <algorithm>

#include "jinja/args.h"
#include "jinja/format.h"
#include "jinja/methods.h"
#include "jinja/ops.h"
#include "jinja/unicode.h"
#include "jinja/utf8.h"

namespace gantry::jinja {

Range strip_text(std::string_view text, const std::string* chars, bool left, bool right) {
  std::vector<uint32_t> set;
  if (chars != nullptr) set = utf8_decode(*chars);
  std::sort(set.begin(), set.end());
  auto strippable = [&](uint32_t code) {
    return chars == nullptr ? is_space(code) : std::binary_search(set.begin(), set.end(), code);
  };
  size_t begin = 0, end = text.size();
  while (left && begin < end) {
    size_t next = begin;
    if (!strippable(utf8_next(text, next))) break;
    begin = next;
  }
  while (right && end > begin) {
    size_t last = end - 1;
    while (last > begin && utf8_continues(text[last])) --last;
    size_t at = last;
    if (!strippable(utf8_next(text, at))) break;
    end = last;
  }
  return {begin, end};
}

Text replace_text(Env& env, const Text& source, const std::string& old, const Text& fresh, int64_t count) {
  const std::string& text = source.str();
  Text out;
  auto grown = [&] {
    if (out.size() > env.limits().output_bytes) env.charge_text(out.size());
  };
  env.charge_text(text.size());
  size_t at = 0;
  for (int64_t done = 0; count < 0 || done < count; ++done) {
    size_t found = find_text(text, old, at);
    if (found == std::string::npos) break;
    out.append(source, {at, found});
    out += fresh;
    grown();
    at = found + old.size();
    if (!old.empty()) continue;
    if (at >= text.size()) return out;
    const size_t next = std::min(at + utf8_width(text[at]), text.size());
    out.append(source, {at, next});
    at = next;
  }
  out.append(source, {at, text.size()});
  env.charge_text(out.size());
  return out;
}

Parts split_lines(std::string_view text, bool keep_ends) {
  Parts lines;
  size_t begin = 0;
  for (size_t at = 0; at < text.size();) {
    size_t end = at;
    uint32_t code = utf8_next(text, at);
    if (!is_line_break(code)) continue;
    if (code == '\r' && at < text.size() && text[at] == '\n') ++at;
    lines.push_back({begin, keep_ends ? at : end});
    begin = at;
  }
  if (begin < text.size()) lines.push_back({begin, text.size()});
  return lines;
}

Parts split_space(std::string_view text, int64_t limit) {
  Parts words;
  size_t at = 0;
  while (true) {
    size_t next = at;
    while (at < text.size() && is_space(utf8_next(text, next))) at = next;
    if (at >= text.size()) return words;
    if (limit >= 0 && static_cast<int64_t>(words.size()) >= limit) {
      words.push_back({at, text.size()});
      return words;
    }
    size_t end = at;
    for (next = end; end < text.size() && !is_space(utf8_next(text, next)); end = next) {
    }
    words.push_back({at, end});
    at = end;
  }
}

Text center_text(Env& env, const Value& text, int64_t width, const Text& fill) {
  int64_t size = length(env, text);
  if (width <= size) return text.text();
  env.charge_text(static_cast<uint64_t>(width) * fill.size());
  int64_t missing = width - size;
  int64_t left = missing / 2 + (missing & width & 1);
  Text out;
  for (int64_t i = 0; i < left; ++i) out += fill;
  out += text.text();
  for (int64_t i = left; i < missing; ++i) out += fill;
  return out;
}

Text join_values(Env& env, const Value& separator, const Value& items, bool strict) {
  Text out;
  Ref<Iterator> source = iterate(env, items);
  size_t index = 0;
  for (Value item; source->next(env, item); ++index) {
    if (strict && !item.is_string()) {
      fail_type("sequence item " + std::to_string(index) + ": expected str instance, " + type_name(item) +
                " found");
    }
    if (index > 0) out += separator.text();
    out += separator.markup() ? escape_html(env, item) : to_str(env, item);
    if (out.size() > env.limits().output_bytes) env.charge_text(out.size());
  }
  env.charge_text(out.size());
  return out;
}

namespace {

// Searching from the end takes the product of both sizes at worst.
void charge_backwards(Env& env, std::string_view text, std::string_view part) {
  env.charge((1 + text.size() / 64) * (1 + part.size() / 64));
}

Value part_of(const Value& self, Range part) { return like(self, self.text().part(part)); }

template <std::string (*kChange)(std::string_view)>
Value cased(Env& env, const Value& self, CallArgs& args) {
  Bound bound("method", args, {});
  env.charge_text(self.str().size() * 3);
  return like(self, {kChange(self.str()), self.text().given()});
}

template <bool kLeft, bool kRight>
Value strip(Env& env, const Value& self, CallArgs& args) {
  refuse_named("strip", args);
  Bound bound("strip", args, {"chars"});
  env.charge_text(self.str().size());
  const std::string* chars = bound.given(0) ? &need_string(bound[0], "strip arg") : nullptr;
  if (chars != nullptr) env.charge(chars->size() / 8);
  const Range rest = strip_text(self.str(), chars, kLeft, kRight);
  env.charge_walk(self.str().size() - rest.size());
  return part_of(self, rest);
}

// The part of the text that optional start and end (arguments `at` and `at` + 1) select.
struct Window {
  size_t begin, end;  // bytes
  int64_t first;      // code points before it
  bool reversed;      // start lies behind end or beyond the text: nothing is found there
};

Window window(Env& env, const Value& self, const Bound& bound, size_t at) {
  if (!bound.has(at) && !bound.has(at + 1)) return {0, self.str().size(), 0, false};
  int64_t size = length(env, self);
  env.charge_walk(self.str().size());
  auto clamp = [&](size_t index, int64_t otherwise) {
    if (!bound.given(index)) return otherwise;
    int64_t value = to_index(bound[index]);
    return value < 0 ? std::max<int64_t>(0, value + size) : value;
  };
  int64_t first = clamp(at, 0), last = std::min(clamp(at + 1, size), size);
  if (first > last) return {0, 0, 0, true};
  const std::string& text = self.str();
  size_t begin = utf8_offset(text, static_cast<size_t>(first));
  size_t span = utf8_offset(std::string_view(text).substr(begin), static_cast<size_t>(last - first));
  return {begin, begin + span, first, false};
}

template <bool kLast, bool kMust>
Value find(Env& env, const Value& self, CallArgs& args) {
  refuse_named("find", args);
  Bound bound("find", args, {"sub", "start", "end"}, 1);
  const std::string& sub = need_string(bound[0], "argument 1");
  Window part = window(env, self, bound, 1);
  env.charge_text(self.str().size());
  if (!part.reversed) {
    std::string_view text = std::string_view(self.str()).substr(part.begin, part.end - part.begin);
    if (kLast) charge_backwards(env, text, sub);
    size_t found = kLast ? text.rfind(sub) : find_text(text, sub);
    if (found != kNone) {
      return Value::integer(part.first + static_cast<int64_t>(utf8_length(text.substr(0, found))));
    }
  }
  if (kMust) fail_type("substring not found");
  return Value::integer(-1);
}

Value count(Env& env, const Value& self, CallArgs& args) {
  refuse_named("count", args);
  Bound bound("count", args, {"sub", "start", "end"}, 1);
  const std::string& sub = need_string(bound[0], "argument 1");
  Window part = window(env, self, bound, 1);
  if (part.reversed) return Value::integer(0);
  env.charge_text(self.str().size());
  std::string_view text = std::string_view(self.str()).substr(part.begin, part.end - part.begin);
  if (sub.empty()) return Value::integer(static_cast<int64_t>(utf8_length(text)) + 1);
  int64_t found = 0;
  for (size_t at = find_text(text, sub); at != kNone; at = find_text(text, sub, at + sub.size())) {
    env.charge(1);
    ++found;
  }
  return Value::integer(found);
}

template <bool kEnd>
Value affix(Env& env, const Value& self, CallArgs& args) {
  const char* name = kEnd ? "endswith" : "startswith";
  refuse_named(name, args);
  Bound bound(name, args, {"affix", "start", "end"}, 1);
  Window part = window(env, self, bound, 1);
  std::string_view text = std::string_view(self.str()).substr(part.begin, part.end - part.begin);
  auto matches = [&](const Value& wanted) {
    env.charge(1);
    if (!wanted.is_string()) {
      if (wanted.is_undefined()) fail_type(wanted.as<UndefinedObject>().message);
      fail_type(std::string(name) + " first arg must be str or a tuple of str, not " + type_name(wanted));
    }
    if (part.reversed) return false;
    env.charge(wanted.str().size() / 64);
    return kEnd ? text.ends_with(wanted.str()) : text.starts_with(wanted.str());
  };
  if (!bound[0].is(Kind::kTuple)) return Value::boolean(matches(bound[0]));
  bool any = false;
  for (const Value& wanted : bound[0].items()) any = any || matches(wanted);
  return Value::boolean(any);
}

Value list_of(const Value& self, const Parts& parts) {
  Values items;
  items.reserve(parts.size());
  for (const Range& part : parts) items.push_back(part_of(self, part));
  return make_list(std::move(items));
}

Parts split_by(Env& env, const std::string& text, const std::string& separator, int64_t limit) {
  Parts parts;
  size_t begin = 0;
  for (size_t at = find_text(text, separator); at != kNone; at = find_text(text, separator, begin)) {
    if (limit >= 0 && static_cast<int64_t>(parts.size()) >= limit) break;
    env.charge_values(1);
    parts.push_back({begin, at});
    begin = at + separator.size();
  }
  parts.push_back({begin, text.size()});
  return parts;
}

Parts split_by_last(Env& env, const std::string& text, const std::string& separator, int64_t limit) {
  Parts parts;
  size_t end = text.size();
  while (limit < 0 || static_cast<int64_t>(parts.size()) < limit) {
    size_t at = end < separator.size() ? kNone : text.rfind(separator, end - separator.size());
    if (at == kNone) break;
    env.charge_values(1);
    parts.push_back({at + separator.size(), end});
    end = at;
  }
  parts.push_back({0, end});
  std::reverse(parts.begin(), parts.end());
  return parts;
}

Parts split_space_last(std::string_view text, int64_t limit) {
  Parts words;
  std::string_view rest = text.substr(0, strip_text(text, nullptr, false, true).end);
  while (!rest.empty()) {
    if (limit >= 0 && static_cast<int64_t>(words.size()) >= limit) {
      words.push_back({0, rest.size()});
      break;
    }
    size_t begin = rest.size();
    while (begin > 0) {
      size_t last = begin - 1;
      while (last > 0 && utf8_continues(rest[last])) --last;
      size_t at = last;
      if (is_space(utf8_next(rest, at))) break;
      begin = last;
    }
    words.push_back({begin, rest.size()});
    rest = rest.substr(0, strip_text(rest.substr(0, begin), nullptr, false, true).end);
  }
  std::reverse(words.begin(), words.end());
  return words;
}

template <bool kLast>
Value split(Env& env, const Value& self, CallArgs& args) {
  Bound bound("split", args, {"sep", "maxsplit"});
  int64_t limit = bound.integer(1, -1);
  const std::string& text = self.str();
  env.charge_text(text.size());
  if (!bound.given(0)) {
    if (kLast && limit >= 0) {
      env.charge_text(text.size());
      env.charge(static_cast<uint64_t>(std::min<int64_t>(limit, 1 << 20)) * (1 + text.size() / 64));
      return list_of(self, split_space_last(text, limit));
    }
    env.charge_values(text.size() / 2);
    return list_of(self, split_space(text, limit));
  }
  const std::string& separator = need_string(bound[0], "separator");
  if (separator.empty()) fail_type("empty separator");
  if (kLast) charge_backwards(env, text, separator);
  return list_of(self,
                 kLast ? split_by_last(env, text, separator, limit) : split_by(env, text, separator, limit));
}

Value splitlines(Env& env, const Value& self, CallArgs& args) {
  Bound bound("splitlines", args, {"keepends"});
  env.charge_values(self.str().size() / 2);
  return list_of(self, split_lines(self.str(), bound.flag(env, 0, false)));
}

template <bool kLast>
Value partition(Env& env, const Value& self, CallArgs& args) {
  refuse_named("partition", args);
  Bound bound("partition", args, {"sep"}, 1);
  const std::string &text = self.str(), &separator = need_string(bound[0], "separator");
  if (separator.empty()) fail_type("empty separator");
  env.charge_text(text.size());
  if (kLast) charge_backwards(env, text, separator);
  size_t at = kLast ? text.rfind(separator) : find_text(text, separator);
  Value empty = like(self, Text());
  if (at == kNone) {
    Value whole = like(self, self.text());
    return make_tuple(kLast ? Values{empty, empty, whole} : Values{whole, empty, empty});
  }
  return make_tuple({part_of(self, {0, at}), like(self, bound[0].text()),
                     part_of(self, {at + separator.size(), text.size()})});
}

Value replace(Env& env, const Value& self, CallArgs& args) {
  refuse_named("replace", args);
  Bound bound("replace", args, {"old", "new", "count"}, 2);
  std::string old = need_string(bound[0], "replace() argument 1");
  need_string(bound[1], "replace() argument 2");
  const Text fresh = self.markup() ? escape_html(env, bound[1]) : bound[1].text();
  return like(self, replace_text(env, self.text(), old, fresh, bound.integer(2, -1)));
}

Value join(Env& env, const Value& self, CallArgs& args) {
  refuse_named("join", args);
  Bound bound("join", args, {"iterable"}, 1);
  return like(self, join_values(env, self, bound[0], true));
}

Text fill_character(Env& env, const Bound& bound, size_t at) {
  if (!bound.has(at)) return Text(" ");
  need_string(bound[at], "The fill character");
  if (length(env, bound[at]) != 1) fail_type("The fill character must be exactly one character long");
  return bound[at].text();
}

template <bool kLeft>
Value justify(Env& env, const Value& self, CallArgs& args) {
  refuse_named("just", args);
  Bound bound("just", args, {"width", "fillchar"}, 1);
  int64_t missing = std::max<int64_t>(0, to_index(bound[0]) - length(env, self));
  const Text fill = fill_character(env, bound, 1);
  env.charge_text(static_cast<uint64_t>(missing) * fill.size() + self.str().size());
  Text out;
  if (kLeft) out += self.text();
  for (int64_t i = 0; i < missing; ++i) out += fill;
  if (!kLeft) out += self.text();
  return like(self, std::move(out));
}

Value center(Env& env, const Value& self, CallArgs& args) {
  refuse_named("center", args);
  Bound bound("center", args, {"width", "fillchar"}, 1);
  return like(self, center_text(env, self, to_index(bound[0]), fill_character(env, bound, 1)));
}

Value zfill(Env& env, const Value& self, CallArgs& args) {
  refuse_named("zfill", args);
  Bound bound("zfill", args, {"width"}, 1);
  const std::string& text = self.str();
  int64_t missing = to_index(bound[0]) - length(env, self);
  if (missing <= 0) return self;
  env.charge_text(static_cast<uint64_t>(missing) + text.size());
  size_t at = !text.empty() && (text[0] == '+' || text[0] == '-') ? 1 : 0;
  Text out = self.text().part({0, at});
  out.append_own(std::string(static_cast<size_t>(missing), '0'));
  out.append(self.text(), {at, text.size()});
  return like(self, std::move(out));
}

Value expandtabs(Env& env, const Value& self, CallArgs& args) {
  Bound bound("expandtabs", args, {"tabsize"});
  int64_t size = bound.integer(0, 8), column = 0;
  Text out;
  const std::string& text = self.str();
  for (size_t at = 0; at < text.size();) {
    size_t begin = at;
    uint32_t code = utf8_next(text, at);
    if (code != '\t') {
      out.append(self.text(), {begin, at});
      column = code == '\n' || code == '\r' ? 0 : column + 1;
      continue;
    }
    int64_t spaces = size > 0 ? size - column % size : 0;
    env.charge_text(out.size() / 64 + static_cast<uint64_t>(spaces));
    if (out.size() > env.limits().output_bytes) env.charge_text(out.size());
    out.append(std::string(static_cast<size_t>(spaces), ' '), self.text().given({begin, at}));
    column += spaces;
  }
  return like(self, std::move(out));
}

template <bool kSuffix>
Value remove_affix(Env& env, const Value& self, CallArgs& args) {
  refuse_named("removeprefix", args);
  Bound bound("removeprefix", args, {"affix"}, 1);
  const std::string &affix_text = need_string(bound[0], "the argument"), &text = self.str();
  env.charge_text(text.size());
  if (kSuffix) {
    bool there = text.ends_with(affix_text);
    return part_of(self, {0, there ? text.size() - affix_text.size() : text.size()});
  }
  return part_of(self, {text.starts_with(affix_text) ? affix_text.size() : 0, text.size()});
}

constexpr MethodRow kMethodRows[] = {
    {"capitalize", cased<to_capitalized>},
    {"casefold", cased<to_folded>},
    {"center", center},
    {"count", count},
    {"endswith", affix<true>},
    {"expandtabs", expandtabs},
    {"find", find<false, false>},
    {"index", find<false, true>},
    {"join", join},
    {"ljust", justify<true>},
    {"lower", cased<to_lower>},
    {"lstrip", strip<true, false>},
    {"partition", partition<false>},
    {"removeprefix", remove_affix<false>},
    {"removesuffix", remove_affix<true>},
    {"replace", replace},
    {"rfind", find<true, false>},
    {"rindex", find<true, true>},
    {"rjust", justify<false>},
    {"rpartition", partition<true>},
    {"rsplit", split<true>},
    {"rstrip", strip<false, true>},
    {"split", split<false>},
    {"splitlines", splitlines},
    {"startswith", affix<false>},
    {"strip", strip<true, true>},
    {"swapcase", cased<to_swapped>},
    {"title", cased<to_title>},
    {"upper", cased<to_upper>},
    {"zfill", zfill},
};

}  // namespace

std::span<const MethodRow> string_methods() { return kMethodRows; }

}  // namespace gantry::jinja
