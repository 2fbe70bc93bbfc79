// Values as JSON text: Python's json.dumps, byte for byte.
#include <cmath>

#include "jinja/format.h"
#include "jinja/ops.h"
#include "jinja/utf8.h"

namespace gantry::jinja {
namespace {

class JsonWriter {
 public:
  JsonWriter(Env& env, const JsonStyle& style) : env_(env), style_(style) {}

  void write(const Value& value) {
    env_.charge(1);
    if (out_.size() > env_.limits().output_bytes) env_.charge_text(out_.size());
    if (value.is_string()) {
      quote(value.text());
    } else if (value.is_sequence()) {
      write_array(value);
    } else if (value.is(Kind::kDict)) {
      write_object(value.as<DictObject>());
    } else {
      out_ += scalar(value);
    }
  }
  Text take() {
    env_.charge_text(out_.size());
    return {std::move(out_), given_};
  }

 private:
  std::string scalar(const Value& value) {
    if (value.is_none()) return "null";
    if (value.is(Kind::kBool)) return value.as_bool() ? "true" : "false";
    if (value.is(Kind::kInt)) return int_text(value.as_int());
    if (value.is(Kind::kFloat)) {
      double real = value.as_real();
      if (std::isnan(real)) return "NaN";
      if (std::isinf(real)) return real > 0 ? "Infinity" : "-Infinity";
      return float_repr(real);
    }
    fail_type("Object of type " + type_name(value) + " is not JSON serializable");
  }

  void unit(uint32_t code) {
    const char* digits = "0123456789abcdef";
    out_ += "\\u";
    for (int shift = 12; shift >= 0; shift -= 4) out_ += digits[(code >> shift) & 15u];
  }

  void quote(const Text& value) {
    const std::string& text = value.str();
    given_ = given_ || value.given();
    out_ += '"';
    for (size_t at = 0; at < text.size();) {
      size_t begin = at;
      uint32_t code = utf8_next(text, at);
      if (code == '"' || code == '\\') {
        out_ += '\\';
        out_ += static_cast<char>(code);
      } else if (code == '\n') {
        out_ += "\\n";
      } else if (code == '\r') {
        out_ += "\\r";
      } else if (code == '\t') {
        out_ += "\\t";
      } else if (code == '\b') {
        out_ += "\\b";
      } else if (code == '\f') {
        out_ += "\\f";
      } else if (code < 0x20) {
        unit(code);
      } else if (!style_.ensure_ascii || code < 0x7f) {
        out_.append(text, begin, at - begin);
      } else if (code == 0x7f) {
        out_ += '\x7f';
      } else if (code < 0x10000) {
        unit(code);
      } else {
        unit(0xd800 + ((code - 0x10000) >> 10));
        unit(0xdc00 + ((code - 0x10000) & 0x3ffu));
      }
    }
    out_ += '"';
  }

  void line(size_t level) {
    if (!style_.pretty) return;
    env_.charge_text(style_.indent.size() * level);
    out_ += '\n';
    for (size_t i = 0; i < level; ++i) out_ += style_.indent;
  }

  void write_array(const Value& value) {
    DepthGuard guard(env_);
    const Values& items = value.items();
    out_ += '[';
    ++level_;
    for (size_t i = 0; i < items.size(); ++i) {
      if (i > 0) out_ += style_.item_separator;
      line(level_);
      write(items[i]);
    }
    --level_;
    if (!items.empty()) line(level_);
    out_ += ']';
  }

  void write_object(const DictObject& dict) {
    DepthGuard guard(env_);
    KeyedValues entries(dict.entries.begin(), dict.entries.end());
    if (style_.sort_keys) sort_keyed(env_, entries, false);
    out_ += '{';
    ++level_;
    bool first = true;
    for (const auto& [key, value] : entries) {
      if (!first) out_ += style_.item_separator;
      first = false;
      line(level_);
      write_key(key);
      out_ += style_.key_separator;
      write(value);
    }
    --level_;
    if (!entries.empty()) line(level_);
    out_ += '}';
  }

  void write_key(const Value& key) {
    if (key.is_string()) {
      quote(key.text());
    } else if (key.is_none() || key.is_number()) {
      quote(Text(scalar(key)));
    } else {
      fail_type("keys must be str, int, float, bool or None, not " + type_name(key));
    }
  }

  Env& env_;
  const JsonStyle& style_;
  std::string out_;
  bool given_ = false;  // something in it
  size_t level_ = 0;
};

}  // namespace

Text dump_json(Env& env, const Value& value, const JsonStyle& style) {
  JsonWriter writer(env, style);
  writer.write(value);
  return writer.take();
}

}  // namespace gantry::jinja
