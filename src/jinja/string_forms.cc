// str.format, translate, maketrans, encode.
#include "jinja/args.h"
#include "jinja/format.h"
#include "jinja/methods.h"
#include "jinja/ops.h"
#include "jinja/unicode.h"
#include "jinja/utf8.h"

namespace gantry::jinja {
namespace {

Value format(Env& env, const Value& self, CallArgs& args) {
  return like(self, format_braces(env, self, args));
}

Value format_map(Env& env, const Value& self, CallArgs& args) {
  refuse_named("format_map", args);
  Bound bound("format_map", args, {"mapping"}, 1);
  CallArgs given;
  if (!bound[0].is(Kind::kDict)) return like(self, format_braces(env, self, given));  // a text without fields
  for (const auto& [key, value] : bound[0].as<DictObject>().entries) {
    if (key.is_string()) given.named.emplace_back(key.str(), value);
  }
  return like(self, format_braces(env, self, given));
}

Value encode(Env& env, const Value& self, CallArgs& args) {
  Bound bound("encode", args, {"encoding", "errors"});
  std::string encoding = to_lower(bound.text(0, "utf-8"));
  const bool given = self.text().given();
  env.charge_text(self.str().size());
  if (encoding == "utf-8" || encoding == "utf8") return Value::bytes(self.str(), given);
  if (encoding != "ascii" && encoding != "latin-1" && encoding != "latin1") {
    fail_type("unknown encoding: " + encoding);
  }
  const std::string errors = bound.text(1, "strict");
  std::string out;
  for (uint32_t code : utf8_decode(self.str())) {
    if (code < (encoding == "ascii" ? 0x80u : 0x100u)) {
      out += static_cast<char>(code);
    } else if (errors == "replace") {
      out += '?';
    } else if (errors != "ignore") {
      fail_type("'" + encoding + "' codec can't encode character");
    }
  }
  return Value::bytes(std::move(out), given);
}

Value maketrans(Env& env, const Value&, CallArgs& args) {
  refuse_named("maketrans", args);
  Bound bound("maketrans", args, {"x", "y", "z"}, 1);
  Value table = make_dict();
  auto& out = table.as<DictObject>();
  auto code_of = [](uint32_t code) { return Value::integer(code); };
  if (!bound.has(1)) {
    if (!bound[0].is(Kind::kDict)) fail_type("if you give only one argument to maketrans it must be a dict");
    for (const auto& [key, value] : bound[0].as<DictObject>().entries) {
      bool single = key.is_string() && length(env, key) == 1;
      if (!single && !key.is_integral()) fail_type("keys in translate table must be strings or integers");
      out.set(env, single ? code_of(utf8_decode(key.str())[0]) : key, value);
    }
    return table;
  }
  auto from = utf8_decode(need_string(bound[0], "argument 1")),
       to = utf8_decode(need_string(bound[1], "argument 2"));
  if (from.size() != to.size()) fail_type("the first two maketrans arguments must have equal length");
  for (size_t i = 0; i < from.size(); ++i) out.set(env, code_of(from[i]), code_of(to[i]));
  if (bound.has(2)) {
    for (uint32_t code : utf8_decode(need_string(bound[2], "argument 3")))
      out.set(env, code_of(code), Value());
  }
  return table;
}

Value translate(Env& env, const Value& self, CallArgs& args) {
  refuse_named("translate", args);
  Bound bound("translate", args, {"table"}, 1);
  const Value& table = bound[0];
  if (!table.is(Kind::kDict) && !table.is_sequence() && !table.is_string() && !table.is(Kind::kRange) &&
      !table.is(Kind::kBytes) && !self.str().empty())
    fail_type("'" + type_name(table) + "' object is not subscriptable");
  Text out;
  const std::string& text = self.str();
  for (size_t at = 0; at < text.size();) {
    const size_t begin = at;
    const uint32_t code = utf8_next(text, at);
    std::string mapped_to;
    env.charge(1);
    Value found = try_subscript(env, table, Value::integer(code));
    if (found.is_missing()) {
      out.append(self.text(), {begin, at});
    } else if (found.is_integral()) {
      Int mapped = found.as_int();
      if (mapped < 0 || mapped > 0x10ffff) fail_type("character mapping must be in range(0x110000)");
      utf8_append(mapped_to, static_cast<uint32_t>(mapped));
      out.append(mapped_to, true);  // the number may be one of the context's
    } else if (found.is_string()) {
      out += found.text();
    } else if (!found.is_none()) {
      fail_type("character mapping must return integer, None or str");
    }
    if (out.size() > env.limits().output_bytes) env.charge_text(out.size());
  }
  return like(self, std::move(out));
}

constexpr MethodRow kFormRows[] = {
    {"encode", encode},       {"format", format},       {"format_map", format_map},
    {"maketrans", maketrans}, {"translate", translate},
};

}  // namespace

std::span<const MethodRow> string_form_methods() { return kFormRows; }

}  // namespace gantry::jinja
