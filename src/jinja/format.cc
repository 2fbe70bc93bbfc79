#include "jinja/format.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "jinja/ops.h"
#include "jinja/unicode.h"
#include "jinja/utf8.h"

namespace gantry::jinja {
namespace {

std::string hex(uint32_t value, int digits) {
  std::string out(static_cast<size_t>(digits), '0');
  for (size_t i = out.size(); i-- > 0; value >>= 4) out[i] = "0123456789abcdef"[value & 15u];
  return out;
}

void append_escaped(std::string& out, uint32_t code) {
  if (code < 0x100) {
    out += "\\x" + hex(code, 2);
  } else if (code < 0x10000) {
    out += "\\u" + hex(code, 4);
  } else {
    out += "\\U" + hex(code, 8);
  }
}

void append_repr(Env& env, Text& out, const Value& value);

void append_items(Env& env, Text& out, const Values& items) {
  bool first = true;
  for (const Value& item : items) {
    if (!first) out += ", ";
    first = false;
    append_repr(env, out, item);
  }
}

void append_dict(Env& env, Text& out, const DictObject& dict) {
  out += '{';
  bool first = true;
  for (const auto& [key, value] : dict.entries) {
    if (!first) out += ", ";
    first = false;
    append_repr(env, out, key);
    out += ": ";
    append_repr(env, out, value);
  }
  out += '}';
}

void append_view(Env& env, Text& out, const DictViewObject& view) {
  out.append_own(view.view == ViewKind::kKeys     ? "dict_keys(["
                 : view.view == ViewKind::kValues ? "dict_values(["
                                                  : "dict_items([");
  bool first = true;
  for (const auto& [key, value] : view.dict->entries) {
    if (!first) out += ", ";
    first = false;
    if (view.view == ViewKind::kItems) out += '(';
    if (view.view != ViewKind::kValues) append_repr(env, out, key);
    if (view.view == ViewKind::kItems) out += ", ";
    if (view.view != ViewKind::kKeys) append_repr(env, out, value);
    if (view.view == ViewKind::kItems) out += ')';
  }
  out += "])";
}

std::string range_text(const RangeObject& range) {
  std::string out = "range(" + std::to_string(range.start) + ", " + std::to_string(range.stop);
  if (range.step != 1) out += ", " + std::to_string(range.step);
  return out + ")";
}

std::string object_text(Env& env, const Value& value) {
  if (value.is(Kind::kRange)) return range_text(value.as<RangeObject>());
  if (value.is(Kind::kLoop)) {
    auto part = [&](const char* name) {
      return to_str(env, try_attribute(env, value, Value::string(name))).str();
    };
    return "<LoopContext " + part("index") + "/" + part("length") + ">";
  }
  if (value.is(Kind::kMacro)) {
    Value name = try_attribute(env, value, Value::string("name"));
    return "<Macro " + (name.is_none() ? std::string("anonymous") : to_repr(env, name).str()) + ">";
  }
  if (value.is(Kind::kFunction)) return "<function " + std::string(value.as<FunctionObject>().name) + ">";
  if (value.is(Kind::kMethod)) {
    const auto& method = value.as<MethodObject>();
    return "<built-in method " + std::string(method.name) + " of " + type_name(method.self) +
           " object at 0x0>";
  }
  std::string name = describe(value);
  if (value.is(Kind::kIterator) && name == "generator object") {
    name += std::string(" ") + value.as<Iterator>().function_name();
  }
  return "<" + name + " at 0x0>";  // an address would make prompts that cannot be repeated
}

// Containers: one level of depth.
void append_container(Env& env, Text& out, const Value& value) {
  DepthGuard guard(env);
  if (value.is(Kind::kList)) {
    out += '[';
    append_items(env, out, value.items());
    out += ']';
  } else if (value.is(Kind::kTuple)) {
    out += '(';
    append_items(env, out, value.items());
    if (value.items().size() == 1) out += ',';
    out += ')';
  } else if (value.is(Kind::kDict)) {
    append_dict(env, out, value.as<DictObject>());
  } else if (value.is(Kind::kNamespace)) {
    out += "<Namespace ";
    append_dict(env, out, value.as<NamespaceObject>().attributes);
    out += '>';
  } else {
    append_view(env, out, value.as<DictViewObject>());
  }
}

void append_repr(Env& env, Text& out, const Value& value) {
  env.charge(1);
  env.charge_text(out.size() > 4096 ? out.size() / 4096 : 0);  // growth is paid for as it happens
  if (out.size() > env.limits().output_bytes) env.charge_text(out.size());
  if (value.is_string()) {
    std::string text = string_repr(value.str());
    out.append(value.markup() ? "Markup(" + text + ")" : text, value.text().given());
  } else if (value.is_sequence() || value.is(Kind::kDict) || value.is(Kind::kDictView) ||
             value.is(Kind::kNamespace)) {
    append_container(env, out, value);
  } else if (value.is_undefined()) {
    out += "Undefined";
  } else if (value.is(Kind::kBytes)) {
    const auto& bytes = value.as<BytesObject>();
    out.append(bytes_repr(bytes.data), bytes.given);
  } else if (value.is_none()) {
    out += "None";
  } else if (value.is(Kind::kBool)) {
    out.append_own(value.as_bool() ? "True" : "False");
  } else if (value.is(Kind::kInt)) {
    out.append_own(int_text(value.as_int()));
  } else if (value.is(Kind::kFloat)) {
    out.append_own(float_repr(value.as_real()));
  } else {
    out.append_own(object_text(env, value));
  }
}

}  // namespace

Text to_repr(Env& env, const Value& value) {
  Text out;
  append_repr(env, out, value);
  if (out.given()) out.mark_all();
  env.charge_text(out.size());
  return out;
}

Text to_str(Env& env, const Value& value) {
  if (value.is_string()) {
    env.charge_text(value.str().size());
    return value.text();
  }
  return value.is_undefined() ? Text() : to_repr(env, value);
}

Text to_ascii(Env& env, const Value& value) {
  const Text text = to_repr(env, value);
  std::string out;
  for (size_t at = 0; at < text.size();) {
    uint32_t code = utf8_next(text.str(), at);
    if (code < 0x80) {
      out += static_cast<char>(code);
    } else {
      append_escaped(out, code);
    }
  }
  return {std::move(out), text.given()};
}

std::string int_text(Int value, int base, bool upper) {
  const char* digits = upper ? "0123456789ABCDEF" : "0123456789abcdef";
  __extension__ typedef unsigned __int128 Magnitude;
  Magnitude rest = value < 0 ? Magnitude{0} - static_cast<Magnitude>(value) : static_cast<Magnitude>(value);
  std::string out;
  do {
    out += digits[static_cast<size_t>(rest % static_cast<unsigned>(base))];
    rest /= static_cast<unsigned>(base);
  } while (rest != 0);
  if (value < 0) out += '-';
  std::reverse(out.begin(), out.end());
  return out;
}

std::string int_text(Int value) { return int_text(value, 10, false); }

std::string float_repr(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  char buffer[64];
  auto end = std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::scientific).ptr;
  std::string_view text(buffer, static_cast<size_t>(end - buffer));
  std::string sign;
  if (text.front() == '-') {
    sign = "-";
    text.remove_prefix(1);
  }
  size_t e = text.find('e');
  int exponent = 0;
  std::string_view exponent_text = text.substr(e + 1);
  if (exponent_text.front() == '+') exponent_text.remove_prefix(1);
  std::from_chars(exponent_text.data(), exponent_text.data() + exponent_text.size(), exponent);
  std::string digits;
  for (char c : text.substr(0, e)) {
    if (c != '.') digits += c;
  }
  auto count = static_cast<int>(digits.size());
  if (exponent < -4 || exponent >= 16) {
    std::string out = sign + digits.substr(0, 1);
    if (count > 1) out += "." + digits.substr(1);
    std::string magnitude = std::to_string(std::abs(exponent));
    return out + (exponent < 0 ? "e-" : "e+") + (magnitude.size() < 2 ? "0" : "") + magnitude;
  }
  if (exponent < 0) return sign + "0." + std::string(static_cast<size_t>(-exponent - 1), '0') + digits;
  if (count <= exponent + 1)
    return sign + digits + std::string(static_cast<size_t>(exponent + 1 - count), '0') + ".0";
  return sign + digits.substr(0, static_cast<size_t>(exponent) + 1) + "." +
         digits.substr(static_cast<size_t>(exponent) + 1);
}

std::string string_repr(std::string_view text) {
  bool single = text.find('\'') != std::string_view::npos && text.find('"') == std::string_view::npos;
  const char quote = single ? '"' : '\'';
  std::string out(1, quote);
  for (size_t at = 0; at < text.size();) {
    size_t begin = at;
    uint32_t code = utf8_next(text, at);
    if (code == static_cast<unsigned char>(quote) || code == '\\') {
      out += '\\';
      out += static_cast<char>(code);
    } else if (code == '\n') {
      out += "\\n";
    } else if (code == '\r') {
      out += "\\r";
    } else if (code == '\t') {
      out += "\\t";
    } else if ((code >= 0x20 && code < 0x7f) || (code >= 0x80 && is_printable(code))) {
      out += text.substr(begin, at - begin);
    } else {
      append_escaped(out, code);
    }
  }
  return out + quote;
}

std::string bytes_repr(std::string_view data) {
  bool single = data.find('\'') != std::string_view::npos && data.find('"') == std::string_view::npos;
  const char quote = single ? '"' : '\'';
  std::string out = std::string("b") + quote;
  for (char c : data) {
    auto byte = static_cast<unsigned char>(c);
    if (c == quote || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\r') {
      out += "\\r";
    } else if (c == '\t') {
      out += "\\t";
    } else if (byte >= 0x20 && byte < 0x7f) {
      out += c;
    } else {
      out += "\\x" + hex(byte, 2);
    }
  }
  return out + quote;
}

std::string escape_html(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (char c : text) {
    if (c == '&') {
      out += "&amp;";
    } else if (c == '<') {
      out += "&lt;";
    } else if (c == '>') {
      out += "&gt;";
    } else if (c == '"') {
      out += "&#34;";
    } else if (c == '\'') {
      out += "&#39;";
    } else {
      out += c;
    }
  }
  return out;
}

Text escape_html(const Text& text) {
  if (!text.given()) return Text(escape_html(text.str()));
  Text out;
  size_t at = 0;
  const auto escape = [&](size_t end, bool given) {
    out.append(escape_html(std::string_view(text.str()).substr(at, end - at)), given);
    at = end;
  };
  text.marks().for_each([&](const Range& given) {
    escape(given.begin, false);
    escape(given.end, true);
  });
  escape(text.size(), false);
  return out;
}

Text escape_html(Env& env, const Value& value) {
  Text text = to_str(env, value);
  if (value.markup()) return text;
  env.charge_text(text.size() * 5);
  return escape_html(text);
}

}  // namespace gantry::jinja
