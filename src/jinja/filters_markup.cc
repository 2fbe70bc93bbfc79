// Filters about HTML and addresses.
#include <algorithm>

#include "jinja/args.h"
#include "jinja/filters.h"
#include "jinja/format.h"
#include "jinja/methods.h"
#include "jinja/ops.h"
#include "jinja/urlize.h"

namespace gantry::jinja {
namespace {

Value do_escape(Env& env, const Value& input, CallArgs& args) {
  refuse_named("escape", args);
  Bound bound("escape", args, {});
  return Value::string(escape_html(env, input), true);
}

Value do_forceescape(Env& env, const Value& input, CallArgs& args) {
  Bound bound("forceescape", args, {});
  const Text text = to_str(env, input);
  env.charge_text(text.size() * 5);
  return Value::string(escape_html(text), true);
}

Value do_safe(Env& env, const Value& input, CallArgs& args) {
  Bound bound("safe", args, {});
  return Value::string(to_str(env, input), true);
}

Value do_striptags(Env& env, const Value& input, CallArgs& args) {
  Bound bound("striptags", args, {});
  const Text source = to_str(env, input);
  std::string text = source.str();
  // Comments first, then tags; what never closes stays.
  auto drop = [&text](std::string_view open, std::string_view close) {
    std::string out;
    size_t at = 0;
    for (size_t begin; (begin = text.find(open, at)) != std::string::npos;) {
      size_t end = text.find(close, begin + (open.size() > 1 ? open.size() : 0));
      if (end == std::string::npos) break;
      out.append(text, at, begin - at);
      at = end + close.size();
    }
    text = out + text.substr(at);
  };
  drop("<!--", "-->");
  drop("<", ">");
  std::string out;
  for (const Range& word : split_space(text, -1)) {
    if (!out.empty()) out += ' ';
    out.append(text, word.begin, word.size());
  }
  return Value::string(Text(unescape_html(out), source.given()));
}

std::string quote_url(const std::string& text, bool query) {
  std::string out;
  for (char c : text) {
    auto byte = static_cast<unsigned char>(c);
    bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
                 c == '.' || c == '-' || c == '~' || (c == '/' && !query);
    if (plain) {
      out += c;
    } else if (c == ' ' && query) {
      out += '+';
    } else {
      out += '%';
      out += "0123456789ABCDEF"[byte >> 4];
      out += "0123456789ABCDEF"[byte & 15];
    }
  }
  return out;
}

Text quoted(Env& env, const Value& value, bool query) {
  const bool bytes = value.is(Kind::kBytes);
  const Text text =
      bytes ? Text(value.as<BytesObject>().data, value.as<BytesObject>().given) : to_str(env, value);
  env.charge_text(text.size() * 3);
  return {quote_url(text.str(), query), text.given()};
}

Value do_urlencode(Env& env, const Value& input, CallArgs& args) {
  Bound bound("urlencode", args, {});
  Value rows = input;
  if (input.is(Kind::kDict)) {
    CallArgs none;
    rows = find_filter("items")->function(env, input, none);
  }
  Ref<Iterator> items = input.is_string() ? Ref<Iterator>() : try_iterate(env, rows);
  if (!items) return Value::string(quoted(env, input, false));
  Text out;
  bool first = true;
  for (Value row; items->next(env, row);) {
    Values pair = collect(env, row);
    if (pair.size() != 2) fail_type("not a pair of key and value");
    if (!first) out += '&';
    first = false;
    out += quoted(env, pair[0], true);
    out += '=';
    out += quoted(env, pair[1], true);
    if (out.size() > env.limits().output_bytes) env.charge_text(out.size());
  }
  return Value::string(std::move(out));
}

Value do_xmlattr(Env& env, const Value& input, CallArgs& args) {
  Bound bound("xmlattr", args, {"autospace"});
  if (input.is_undefined()) fail_type(input.as<UndefinedObject>().message);
  if (!input.is(Kind::kDict)) fail_type("'" + type_name(input) + "' object has no attribute 'items'");
  Text out;
  const bool space = bound.flag(env, 0, true);
  for (const auto& [key, value] : input.as<DictObject>().entries) {
    if (value.is_none() || value.is_undefined()) continue;
    const std::string& name = need_string(key, "an attribute name");
    if (name.find_first_of(" \t\n\r\f\v/>=") != std::string::npos) {
      fail_type("Invalid character in attribute name: " + string_repr(name));
    }
    if (space || !out.empty()) out += ' ';
    out += escape_html(env, key);
    out += "=\"";
    out += escape_html(env, value);
    out += '"';
    if (out.size() > env.limits().output_bytes) env.charge_text(out.size());
  }
  return Value::string(std::move(out), env.autoescape);
}

Value do_urlize(Env& env, const Value& input, CallArgs& args) {
  Bound bound("urlize", args, {"trim_url_limit", "nofollow", "target", "rel", "extra_schemes"});
  UrlStyle style;
  if (bound.given(0)) style.shown_max = to_index(bound[0]);
  bool given = bound.given(2) && bound[2].is_string() && bound[2].text().given();
  std::vector<std::string> rel = {"noopener"};
  if (bound.flag(env, 1, false)) rel.emplace_back("nofollow");
  if (bound.given(3)) {
    const std::string& words = need_string(bound[3], "rel");
    for (const Range& word : split_space(words, -1)) rel.push_back(words.substr(word.begin, word.size()));
    given = given || bound[3].text().given();
  }
  std::sort(rel.begin(), rel.end());
  rel.erase(std::unique(rel.begin(), rel.end()), rel.end());
  for (const std::string& word : rel) style.rel += (style.rel.empty() ? "" : " ") + word;
  if (bound.given(2)) style.target = need_string(bound[2], "target");
  if (bound.given(4)) {
    for (const Value& scheme : collect(env, bound[4])) {
      const std::string& text = need_string(scheme, "a scheme");
      if (!is_url_scheme(text)) fail_type(string_repr(text) + " is not a valid URI scheme prefix.");
      style.schemes.push_back(text);
    }
  }
  const Text text = escape_html(env, input);
  env.charge(text.size());
  std::string out = urlize(text.str(), style);
  env.charge_text(out.size());
  return Value::string(Text(std::move(out), given || text.given()), env.autoescape);
}

constexpr FilterRow kMarkupRows[] = {
    {"e", do_escape},      {"escape", do_escape},       {"forceescape", do_forceescape},
    {"safe", do_safe},     {"striptags", do_striptags}, {"urlencode", do_urlencode},
    {"urlize", do_urlize}, {"xmlattr", do_xmlattr},
};

}  // namespace

std::span<const FilterRow> markup_filters() { return kMarkupRows; }

}  // namespace gantry::jinja
