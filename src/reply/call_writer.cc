#include "reply/call_writer.h"

#include <utility>

#include "reply/json_scan.h"
#include "reply/literal_reader.h"

namespace gantry::reply {
namespace {

using text::Words;

// A value in one line. `Notation` says how words, texts and keys are written.
template <typename Notation>
void write_value(const Json& value, const Notation& notation, Words& out) {
  if (value.is_object()) {
    out.own("{");
    const char* between = "";
    for (const auto& [key, member] : value.items()) {
      out.own(between);
      notation.key(key, out);
      out.own(notation.colon);
      write_value(member, notation, out);
      between = notation.comma;
    }
    out.own("}");
  } else if (value.is_array()) {
    out.own("[");
    const char* between = "";
    for (const Json& item : value) {
      out.own(between);
      write_value(item, notation, out);
      between = notation.comma;
    }
    out.own("]");
  } else if (value.is_string()) {
    notation.text(value.get<std::string_view>(), out);
  } else {
    out.given(notation.word(value));
  }
}

struct InJson {
  const char* comma = ", ";
  const char* colon = ": ";
  static void key(std::string_view key, Words& out) { text(key, out); }
  static void text(std::string_view text, Words& out) { out.own("\"").given(escaped(text)).own("\""); }
  static std::string word(const Json& value) { return value.dump(); }
};

struct InPython : InJson {
  static std::string word(const Json& value) {
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
  void key(std::string_view key, Words& out) const {
    if (is_plain_key(key))
      out.given(key);
    else
      text(key, out);
  }
  void text(std::string_view text, Words& out) const { out.own(quote).given(text).own(quote); }
  static std::string word(const Json& value) { return value.dump(); }
};

class CallWriter {
 public:
  CallWriter(const ReplyFormat& format, const ToolTypes& types) : format_(format), types_(types) {}

  Words write(std::span<const WrittenCall> calls, bool behind_words) {
    const Writing& how = format_.writing;
    const Span section = around(behind_words);
    const Span each = format_.bare && behind_words ? how.each_behind_words : Span();
    out_.own(section.open);
    const size_t at_once = how.listed ? calls.size() : 1;
    for (size_t i = 0; i < calls.size(); i += at_once) {
      if (i > 0) out_.own(how.separator);
      out_.own(each.open);
      between_markers(calls.subspan(i, at_once));
      out_.own(each.close);
    }
    out_.own(section.close);
    return std::move(out_);
  }

 private:
  bool has_headers() const { return !format_.channels.message.empty(); }

  // What stands around all calls.
  Span around(bool behind_words) const {
    if (format_.bare) return behind_words ? format_.writing.behind_words : Span();
    if (has_headers() || format_.section_open.empty()) return {};
    return {format_.section_open[0], format_.section_close[0]};
  }

  void between_markers(std::span<const WrittenCall> calls) {
    const Writing& how = format_.writing;
    if (has_headers()) out_.own(how.header.open).given(calls[0].name).own(how.header.close);
    const bool marked = !format_.bare && !format_.call_open.empty();
    if (marked) out_.own(format_.call_open[0]).own(how.gap);
    body(calls);
    if (marked && !format_.call_close.empty()) out_.own(how.gap).own(format_.call_close[0]);
    if (has_headers()) out_.own(how.header_end);
  }

  void body(std::span<const WrittenCall> calls) {
    for (const CallStep& step : format_.call) {
      switch (step.kind) {
        case StepKind::kJson:
          if (format_.writing.in_steps) break;
          return json(calls);
        case StepKind::kText:
          if (step.texts[0] == "```") out_.own("\n");
          out_.own(step.texts[0]);
          if (step.texts[0] == "```json") out_.own("\n");
          break;
        case StepKind::kMayText:
          if (!format_.bare) out_.own(step.texts[0]).own("\n");  // the beginning of a fence
          break;
        case StepKind::kName:
          name(calls[0]);
          break;
        case StepKind::kId:
          out_.given(calls[0].id);
          break;
        case StepKind::kSkip:
          out_.own(step.written);
          break;
        case StepKind::kPython:
          python(calls);
          return end_fence(step);
        case StepKind::kCode:
          break;
        case StepKind::kArguments:
          arguments(calls[0]);
          break;
      }
    }
  }

  // What may stand behind a list in Python: the end of its fence.
  void end_fence(const CallStep& step) {
    const CallStep* next = &step + 1;
    const bool fence = next != format_.call.data() + format_.call.size() && next->kind == StepKind::kMayText;
    if (fence) out_.own("\n").own(next->texts[0]);
  }

  void name(const WrittenCall& call) {
    out_.own(format_.name_prefix).given(call.name);
    if (!format_.name_is_numbered) return;
    const std::string written = format_.name_prefix + std::string(call.name) + ':';
    const bool numbered = call.id.starts_with(written);
    out_.own(":").given(numbered ? call.id.substr(written.size()) : "0");
  }

  void json(std::span<const WrittenCall> calls) {
    const bool listed = format_.writing.listed;
    if (listed) out_.own("[");
    for (size_t i = 0; i < (listed ? calls.size() : 1); ++i) {
      if (i > 0) out_.own(", ");
      json_call(calls[i]);
    }
    if (listed) out_.own("]");
  }

  void json_call(const WrittenCall& call) {
    const auto member = [&](const char* before, const std::string& key) {
      out_.own(before).own("\"").own(key).own("\": ");
    };
    if (format_.name_is_key) {
      out_.own("{");
      InJson::text(call.name, out_);
      out_.own(": ");
      write_value(*call.arguments, InJson{}, out_);
      out_.own("}");
      return;
    }
    member("{", format_.name_keys[0]);
    InJson::text(call.name, out_);
    member(", ", format_.arguments_keys[0]);
    write_value(*call.arguments, InJson{}, out_);
    if (format_.ids == CallIds::kNine && !call.id.empty()) {
      member(", ", "id");
      InJson::text(call.id, out_);
    }
    out_.own("}");
  }

  void python(std::span<const WrittenCall> calls) {
    const bool listed = format_.writing.listed;
    if (listed) out_.own("[");
    for (size_t i = 0; i < calls.size(); ++i) {
      if (i > 0) out_.own(listed ? ", " : "\n");
      out_.given(calls[i].name).own("(");
      const char* between = "";
      for (const auto& [key, value] : calls[i].arguments->items()) {
        out_.own(between).given(key).own("=");
        write_value(value, InPython{}, out_);
        between = ", ";
      }
      out_.own(")");
    }
    if (listed) out_.own("]");
  }

  void arguments(const WrittenCall& call) {
    if (!format_.literal.quotes.empty())
      return write_value(*call.arguments, InQuotes{format_.literal.quotes[0]}, out_);
    if (format_.pairs.key_open.empty()) return write_value(*call.arguments, InJson{}, out_);
    if (format_.pairs.newline_padded) out_.own("\n");
    for (const auto& [key, value] : call.arguments->items()) pair(call.name, key, value);
  }

  void pair(std::string_view tool, std::string_view key, const Json& value) {
    const Pairs& pairs = format_.pairs;
    const std::string line = pairs.newline_padded ? "\n" : "";
    out_.own(pairs.key_open).given(key).own(pairs.key_close);
    const std::string& attribute = value.is_string() ? pairs.string_attribute : pairs.json_attribute;
    if (!attribute.empty()) {
      out_.own(" ").own(attribute);
      if (attribute.ends_with('=')) out_.own(type_of(value));
    }
    const Words written = value_text(types_.types(tool, key), value, !attribute.empty());
    const bool verbatim =
        !pairs.verbatim.open.empty() && written.text().find_first_of("<&") != std::string::npos;
    out_.own(pairs.value_open).own(line).own(verbatim ? pairs.verbatim.open : "");
    out_ += written;
    out_.own(verbatim ? pairs.verbatim.close : "").own(line).own(pairs.value_close).own(line);
  }

  // A text as it is, unless it would be read as something else.
  static Words value_text(ArgumentTypes types, const Json& value, bool told) {
    Words out;
    if (!value.is_string()) {
      write_value(value, InJson{}, out);
      return out;
    }
    const auto text = value.get<std::string_view>();
    const bool may_be_json =
        !told && types.unknown() && (Json::accept(text) || !json_of_literal(text).empty());
    if (may_be_json)
      InJson::text(text, out);
    else
      out.given(text);
    return out;
  }

  static std::string_view type_of(const Json& value) {
    if (value.is_boolean()) return "\"boolean\"";
    if (value.is_number()) return "\"number\"";
    if (value.is_null()) return "\"null\"";
    return value.is_array() ? "\"array\"" : "\"object\"";
  }

  const ReplyFormat& format_;
  const ToolTypes& types_;
  Words out_;
};

}  // namespace

Words write_calls(const ReplyFormat& format, std::span<const WrittenCall> calls, const ToolTypes& types,
                  bool behind_words) {
  const bool none = format.call.empty() || calls.empty();
  return none ? Words() : CallWriter(format, types).write(calls, behind_words);
}

std::string spaced_json(const Json& value) {
  Words out;
  write_value(value, InJson{}, out);
  return out.text();
}

}  // namespace gantry::reply
