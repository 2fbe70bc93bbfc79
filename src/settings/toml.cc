#include "settings/toml.h"

#include <utility>

#include <fmt/format.h>

#include "base/error.h"

// toml++ 3.3 has assertions that a damaged text can reach ("[!" is enough), and without them it would go on
// with what they exclude. Here they refuse the text.
namespace gantry::settings {
struct NotToml {};
[[noreturn]] inline void refuse_text() { throw NotToml{}; }
}  // namespace gantry::settings
#undef NDEBUG
#define TOML_ASSERT(expr) ((expr) ? static_cast<void>(0) : ::gantry::settings::refuse_text())
#include <toml++/toml.h>

namespace gantry::settings {
namespace {

// What the parser must not see: control characters, which are no TOML anyway; brackets so deep, and keys of
// so many parts, that it would run out of stack; letters beyond ASCII outside of comments, for it looks them
// up in a table of spaces whose gaps are undefined behaviour. Between double quotes they may be written as
// \u00fc.
class Sieve {
 public:
  Sieve(std::string_view text, const std::string& name) : text_(text), name_(name) {}

  void check() {
    if (text_.starts_with("\xef\xbb\xbf")) at_ = 3;  // a byte order mark
    for (; at_ < text_.size(); ++at_) {
      const char c = text_[at_];
      const auto byte = static_cast<unsigned char>(c);
      if ((byte < 0x20 && c != '\n' && c != '\t' && c != '\r') || byte == 0x7f)
        refuse(ErrorCode::kUsage, fmt::format("a control character, {:#04x}", byte));
      if (byte >= 0x80 && !comment_)
        refuse(ErrorCode::kUsage,
               "a letter beyond ASCII; between double quotes it may be written as \\u00fc");
      if (c == '\n') ++line_;
      if (comment_)
        comment_ = c != '\n';
      else if (quote_ != '\0')
        inside_quotes(c);
      else
        outside(c);
    }
  }

 private:
  [[noreturn]] void refuse(ErrorCode code, std::string what, std::string mend = {}) const {
    throw Error(code, std::move(what), fmt::format("{}:{}", name_, line_), std::move(mend));
  }

  bool three() const { return text_.substr(at_, 3) == std::string(3, text_[at_]); }

  void outside(char c) {
    if (c == '#') comment_ = true;
    if (c == '"' || c == '\'') {
      quote_ = c;
      long_ = three();
      if (long_) at_ += 2;
    }
    if (c == '[' || c == '{') ++depth_;
    if ((c == ']' || c == '}') && depth_ > 0) --depth_;
    if (depth_ > kTomlDepthMax)
      refuse(ErrorCode::kTooLarge, fmt::format("more than {} brackets within brackets", kTomlDepthMax));
    count_parts(c);
  }

  // a.b.c is a table within a table within a table. What ends a key, or stands before one, begins anew; a
  // number has one dot at most.
  void count_parts(char c) {
    if (c == '.') ++dots_;
    if (c == '\n' || std::string_view("=,[]{}").find(c) != std::string_view::npos) dots_ = 0;
    if (dots_ > kTomlDepthMax)
      refuse(ErrorCode::kTooLarge, fmt::format("a key of more than {} parts", kTomlDepthMax + 1),
             "a key of this file has one part, and so has the head of its table");
  }

  void inside_quotes(char c) {
    // What is escaped ends nothing; a line's end and a control character are looked at in their turn.
    if (c == '\\' && quote_ == '"' && at_ + 1 < text_.size() && text_[at_ + 1] > ' ') ++at_;
    if (!long_ && (c == quote_ || c == '\n')) quote_ = '\0';
    if (!long_ || c != quote_ || !three()) return;
    at_ += 2;
    for (int i = 0; i < 2 && at_ + 1 < text_.size() && text_[at_ + 1] == c; ++i) ++at_;  // the text's own
    quote_ = '\0';
  }

  std::string_view text_;
  const std::string& name_;
  size_t at_ = 0, line_ = 1, depth_ = 0, dots_ = 0;
  bool comment_ = false, long_ = false;
  char quote_ = '\0';  // that must close; none: outside
};

// Nested no deeper than the sieve lets through.
TomlValue tree_of(const toml::node& node) {
  TomlValue out;
  out.line = node.source().begin.line;
  if (const auto* truth = node.as_boolean()) {
    out.kind = TomlKind::kBool;
    out.truth = truth->get();
  } else if (const auto* integer = node.as_integer()) {
    out.kind = TomlKind::kInteger;
    out.integer = integer->get();
  } else if (const auto* real = node.as_floating_point()) {
    out.kind = TomlKind::kReal;
    out.real = real->get();
  } else if (const auto* text = node.as_string()) {
    out.kind = TomlKind::kText;
    out.text = text->get();
  } else if (const toml::array* list = node.as_array()) {
    out.kind = TomlKind::kList;
    for (const toml::node& item : *list) out.items.push_back(tree_of(item));
  } else if (const toml::table* table = node.as_table()) {
    out.kind = TomlKind::kTree;
    for (auto&& [key, value] : *table)
      out.entries.push_back({std::string(key.str()), key.source().begin.line, tree_of(value)});
  }
  return out;
}

}  // namespace

const TomlValue* TomlValue::find(std::string_view key) const {
  for (const TomlEntry& entry : entries)
    if (entry.key == key) return &entry.value;
  return nullptr;
}

TomlValue read_toml(std::string_view text, const std::string& name, const std::string& heads) {
  if (text.size() > kTomlBytesMax)
    throw Error(ErrorCode::kTooLarge, fmt::format("{} bytes, at most {}", text.size(), kTomlBytesMax), name);
  Sieve(text, name).check();
  try {
    return tree_of(toml::parse(text, name));
  } catch (const toml::parse_error& error) {
    throw Error(ErrorCode::kUsage, std::string(error.description()),
                fmt::format("{}:{}", name, error.source().begin.line));
  } catch (const NotToml&) {
    throw Error(ErrorCode::kUsage, "this is not TOML", name, "a table's head is " + heads);
  }
}

}  // namespace gantry::settings
