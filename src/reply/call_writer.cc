#include "reply/call_writer.h"

#include "reply/json_scan.h"
#include "reply/literal_reader.h"

namespace gantry::reply {
namespace {

// A value in one line. `Notation` says how words, texts and keys are written.
template <typename Notation>
void write_value(const Json& value, const Notation& notation, std::string& out) {
  if (value.is_object()) {
    out += '{';
    const char* between = "";
    for (const auto& [key, member] : value.items()) {
      out += between + notation.key(key) + std::string(notation.colon);
      write_value(member, notation, out);
      between = notation.comma;
    }
    out += '}';
  } else if (value.is_array()) {
    out += '[';
    const char* between = "";
    for (const Json& item : value) {
      out += between;
      write_value(item, notation, out);
      between = notation.comma;
    }
    out += ']';
  } else if (value.is_string()) {
    out += notation.text(value.get<std::string_view>());
  } else {
    out += notation.word(value);
  }
}

struct InJson {
  const char* comma = ", ";
  const char* colon = ": ";
  std::string key(std::string_view key) const { return text(key); }
  std::string text(std::string_view text) const { return '"' + escaped(text) + '"'; }
  std::string word(const Json& value) const { return value.dump(); }
};

struct InPython : InJson {
  std::string word(const Json& value) const {
    if (value.is_null()) return "None";
    if (value.is_boolean()) return value.get<bool>() ? "True" : "False";
    return value.dump();
  }
};

bool is_plain_key(std::string_view key) {
  return !key.empty() && key.find_first_of(" \t\r\n:=,()[]{}\"'<>|") == std::string_view::npos;
}

// With a family's own quotes, keys without any.
struct InQuotes {
  const std::string& quote;
  const char* comma = ",";
  const char* colon = ":";
  std::string key(std::string_view key) const { return is_plain_key(key) ? std::string(key) : text(key); }
  std::string text(std::string_view text) const { return quote + std::string(text) + quote; }
  std::string word(const Json& value) const { return value.dump(); }
};

class CallWriter {
 public:
  CallWriter(const ReplyFormat& format, const ToolTypes& types) : format_(format), types_(types) {}

  std::string write(std::span<const WrittenCall> calls) const {
    const Writing& how = format_.writing;
    const bool section = !has_headers() && !format_.section_open.empty();
    std::string out = section ? format_.section_open[0] : "";
    if (how.listed) {
      out += between_markers(calls);
    } else {
      for (size_t i = 0; i < calls.size(); ++i)
        out += (i == 0 ? "" : how.separator) + between_markers(calls.subspan(i, 1));
    }
    return out + (section ? format_.section_close[0] : "");
  }

 private:
  bool has_headers() const { return !format_.channels.message.empty(); }

  std::string between_markers(std::span<const WrittenCall> calls) const {
    const Writing& how = format_.writing;
    std::string out, end;
    if (has_headers()) {
      out = how.header.open + std::string(calls[0].name) + how.header.close;
      end = how.header_end;
    }
    if (format_.bare || format_.call_open.empty()) return out + body(calls) + end;
    const std::string close = format_.call_close.empty() ? "" : how.gap + format_.call_close[0];
    return out + format_.call_open[0] + how.gap + body(calls) + close + end;
  }

  std::string body(std::span<const WrittenCall> calls) const {
    std::string out;
    for (const CallStep& step : format_.call) {
      switch (step.kind) {
        case StepKind::kJson:
          if (format_.writing.in_steps) break;
          return out + json(calls);
        case StepKind::kText:
          if (step.texts[0] == "```") out += '\n';
          out += step.texts[0];
          if (step.texts[0] == "```json") out += '\n';
          break;
        case StepKind::kMayText:
          if (!format_.bare) out += step.texts[0] + '\n';  // the beginning of a fence
          break;
        case StepKind::kName:
          out += name(calls[0]);
          break;
        case StepKind::kId:
          out += calls[0].id;
          break;
        case StepKind::kSkip:
          out += step.written;
          break;
        case StepKind::kPython:
          return out + python(calls) + rest_of(step);
        case StepKind::kCode:
          break;
        case StepKind::kArguments:
          out += arguments(calls[0]);
          break;
      }
    }
    return out;
  }

  // What may stand behind a list in Python: the end of its fence.
  std::string rest_of(const CallStep& step) const {
    const CallStep* next = &step + 1;
    const bool fence = next != format_.call.data() + format_.call.size() && next->kind == StepKind::kMayText;
    return fence ? "\n" + next->texts[0] : "";
  }

  std::string name(const WrittenCall& call) const {
    if (!format_.name_is_numbered) return format_.name_prefix + std::string(call.name);
    const std::string written = format_.name_prefix + std::string(call.name) + ':';
    return call.id.starts_with(written) ? std::string(call.id) : written + '0';
  }

  std::string json(std::span<const WrittenCall> calls) const {
    Json list = Json::array();
    for (const WrittenCall& call : calls) {
      Json one = Json::object();
      if (format_.name_is_key) {
        one[call.name] = *call.arguments;
      } else {
        one[format_.name_keys[0]] = call.name;
        one[format_.arguments_keys[0]] = *call.arguments;
        if (format_.ids == CallIds::kNine && !call.id.empty()) one["id"] = call.id;
      }
      list.push_back(std::move(one));
    }
    return spaced_json(format_.writing.listed ? list : list[0]);
  }

  std::string python(std::span<const WrittenCall> calls) const {
    std::string out = format_.writing.listed ? "[" : "";
    for (size_t i = 0; i < calls.size(); ++i) {
      if (i > 0) out += format_.writing.listed ? ", " : "\n";
      out += std::string(calls[i].name) + '(';
      const char* between = "";
      for (const auto& [key, value] : calls[i].arguments->items()) {
        out += between + std::string(key) + '=';
        write_value(value, InPython{}, out);
        between = ", ";
      }
      out += ')';
    }
    return out + (format_.writing.listed ? "]" : "");
  }

  std::string arguments(const WrittenCall& call) const {
    if (!format_.literal.quotes.empty()) {
      std::string out;
      write_value(*call.arguments, InQuotes{format_.literal.quotes[0]}, out);
      return out;
    }
    if (format_.pairs.key_open.empty()) return spaced_json(*call.arguments);
    std::string out = format_.pairs.newline_padded ? "\n" : "";
    for (const auto& [key, value] : call.arguments->items()) out += pair(call.name, key, value);
    return out;
  }

  std::string pair(std::string_view tool, std::string_view key, const Json& value) const {
    const Pairs& pairs = format_.pairs;
    const std::string line = pairs.newline_padded ? "\n" : "";
    std::string out = pairs.key_open + std::string(key) + pairs.key_close;
    const std::string& attribute = value.is_string() ? pairs.string_attribute : pairs.json_attribute;
    if (!attribute.empty()) out += ' ' + attribute + (attribute.ends_with('=') ? type_of(value) : "");
    std::string text = value_text(types_.types(tool, key), value, !attribute.empty());
    if (!pairs.verbatim.open.empty() && text.find_first_of("<&") != std::string::npos)
      text = pairs.verbatim.open + text + pairs.verbatim.close;
    return out + pairs.value_open + line + text + line + pairs.value_close + line;
  }

  // A text as it is, unless it would be read as something else.
  static std::string value_text(ArgumentTypes types, const Json& value, bool told) {
    if (!value.is_string()) return spaced_json(value);
    const auto text = value.get<std::string_view>();
    const bool may_be_json =
        !told && types.unknown() && (Json::accept(text) || !json_of_literal(text).empty());
    return may_be_json ? InJson().text(text) : std::string(text);
  }

  static std::string type_of(const Json& value) {
    if (value.is_boolean()) return "\"boolean\"";
    if (value.is_number()) return "\"number\"";
    if (value.is_null()) return "\"null\"";
    return value.is_array() ? "\"array\"" : "\"object\"";
  }

  const ReplyFormat& format_;
  const ToolTypes& types_;
};

}  // namespace

std::string write_calls(const ReplyFormat& format, std::span<const WrittenCall> calls,
                        const ToolTypes& types) {
  const bool none = format.call.empty() || calls.empty();
  return none ? std::string() : CallWriter(format, types).write(calls);
}

std::string spaced_json(const Json& value) {
  std::string out;
  write_value(value, InJson{}, out);
  return out;
}

}  // namespace gantry::reply
