#include "settings/file.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include <fmt/format.h>

// toml++ 3.3 has assertions that a damaged text can reach ("[!" is enough), and without them it would go on
// with what they exclude. Here they refuse the text.
namespace gantry::settings {
struct NotToml {};
[[noreturn]] inline void refuse_text() { throw NotToml{}; }
}  // namespace gantry::settings
#undef NDEBUG
#define TOML_ASSERT(expr) ((expr) ? static_cast<void>(0) : ::gantry::settings::refuse_text())
#include <toml++/toml.h>

#include "settings/spelling.h"

namespace gantry::settings {
namespace {

constexpr std::string_view kServer = "server", kModelDefaults = "model_defaults", kModel = "model";
constexpr size_t kListMax = 1024;  // texts of one list
constexpr size_t kKeyMax = 80;     // bytes of a key that an error repeats

// What belongs to one model is no default of several.
bool is_of_one_model(Id id) { return id == Id::kModel || id == Id::kAlias; }

// Reads the nodes of one file.
class Reader {
 public:
  explicit Reader(const std::string& name)
      : name_(name), folder_(std::filesystem::path(name).parent_path()) {}

  SettingsFile read(const toml::table& root) const {
    SettingsFile out;
    for (auto&& [key, node] : root)
      if (key != kServer && key != kModelDefaults && key != kModel)
        refuse_key(key, {}, {"server", "model_defaults", "model"});
    if (const toml::node* server = root.get(kServer))
      out.server = read_table(table_of(*server, kServer), Scope::kServer, true);
    if (const toml::node* defaults = root.get(kModelDefaults))
      out.model_defaults = read_table(table_of(*defaults, kModelDefaults), Scope::kModel, false);
    if (const toml::node* models = root.get(kModel)) read_models(*models, out);
    return out;
  }

 private:
  std::string place(const toml::source_region& region, std::string_view key = {}) const {
    return fmt::format("{}:{}{}{}", name_, region.begin.line, key.empty() ? "" : ": ", key);
  }

  [[noreturn]] void refuse(const toml::source_region& region, std::string_view key, std::string what,
                           std::string mend = {}) const {
    throw Error(ErrorCode::kUsage, std::move(what), place(region, key.substr(0, kKeyMax)), std::move(mend));
  }

  const toml::table& table_of(const toml::node& node, std::string_view key) const {
    if (const toml::table* table = node.as_table()) return *table;
    refuse(node.source(), key, "this is a table", fmt::format("write it as [{}]", key));
  }

  void read_models(const toml::node& node, SettingsFile& out) const {
    const toml::array* models = node.as_array();
    if (models == nullptr)
      refuse(node.source(), kModel, "there may be several models", "write each as [[model]]");
    if (models->size() > kFileModelsMax)
      throw Error(ErrorCode::kTooLarge,
                  fmt::format("{} models, at most {} in a file", models->size(), kFileModelsMax),
                  place(node.source()));
    for (const toml::node& item : *models) {
      const toml::table& table = table_of(item, kModel);
      Values model = out.model_defaults;
      model.put_all(read_table(table, Scope::kModel, true));
      if (!model.given(Id::kModel))
        refuse(table.source(), kModel, "a model without a path", "path = \"model.gguf\"");
      out.models.push_back(std::move(model));
    }
  }

  Values read_table(const toml::table& table, Scope scope, bool of_one_model) const {
    Values out;
    for (auto&& [key, node] : table) {
      const Setting* row = row_of(scope, key.str(), of_one_model);
      if (row == nullptr) refuse_key(key, scope_of_word(key.str(), scope), keys_of(scope, of_one_model));
      const std::string at = place(key.source(), key.str());
      try {
        Value value = read_typed(*row, typed(node, key.str()));
        if (row->is_path) value = (folder_ / std::get<std::string>(value)).string();
        out.put(row->id, {std::move(value), Source::kFile, at});
      } catch (const Error& error) {
        throw Error(error.code(), error.message(), at, error.mend());
      }
    }
    return out;
  }

  Typed typed(const toml::node& node, std::string_view key) const {
    if (const auto* value = node.as_boolean()) return value->get();
    if (const auto* value = node.as_integer()) return value->get();
    if (const auto* value = node.as_floating_point()) return value->get();
    if (const auto* value = node.as_string()) return value->get();
    const toml::array* list = node.as_array();
    if (list == nullptr) refuse(node.source(), key, "no setting is a table or a date");
    if (list->size() > kListMax)
      refuse(node.source(), key, fmt::format("{} texts, at most {}", list->size(), kListMax));
    std::vector<std::string> texts;
    for (const toml::node& item : *list) {
      const auto* text = item.as_string();
      if (text == nullptr) refuse(item.source(), key, "only texts stand in a list");
      texts.push_back(text->get());
    }
    return texts;
  }

  static const Setting* row_of(Scope scope, std::string_view key, bool of_one_model) {
    for (const Setting& row : kTable)
      if (row.scope == scope && file_key(row) == key && (of_one_model || !is_of_one_model(row.id)))
        return &row;
    return nullptr;
  }

  static std::vector<std::string> keys_of(Scope scope, bool of_one_model) {
    std::vector<std::string> out;
    for (const Setting& row : kTable)
      if (row.scope == scope && (of_one_model || !is_of_one_model(row.id))) out.emplace_back(file_key(row));
    return out;
  }

  // Where a key that is known belongs, if not here.
  static std::string scope_of_word(std::string_view key, Scope here) {
    if (row_of(Scope::kRequest, key, true) != nullptr) return "a request sets it";
    if (here != Scope::kServer && row_of(Scope::kServer, key, true) != nullptr)
      return "it belongs to [server]";
    if (row_of(Scope::kModel, key, true) != nullptr) return "it belongs to [[model]]";
    return {};
  }

  [[noreturn]] void refuse_key(const toml::key& key, std::string belongs,
                               const std::vector<std::string>& known) const {
    const std::string word(key.str().substr(0, kKeyMax));
    if (belongs.empty()) {
      const std::string nearest = nearest_word(key.str(), known);
      belongs = nearest.empty() ? fmt::format("there are: {}", fmt::join(known, ", "))
                                : fmt::format("did you mean {}?", nearest);
    }
    refuse(key.source(), {}, fmt::format("there is no key '{}' here", word), std::move(belongs));
  }

  const std::string& name_;
  std::filesystem::path folder_;
};

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
    if (depth_ > kFileDepthMax)
      refuse(ErrorCode::kTooLarge, fmt::format("more than {} brackets within brackets", kFileDepthMax));
    count_parts(c);
  }

  // a.b.c is a table within a table within a table. What ends a key, or stands before one, begins anew; a
  // number has one dot at most.
  void count_parts(char c) {
    if (c == '.') ++dots_;
    if (c == '\n' || std::string_view("=,[]{}").find(c) != std::string_view::npos) dots_ = 0;
    if (dots_ > kFileDepthMax)
      refuse(ErrorCode::kTooLarge, fmt::format("a key of more than {} parts", kFileDepthMax + 1),
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

}  // namespace

SettingsFile read_settings_file(std::string_view text, const std::string& name) {
  if (text.size() > kFileBytesMax)
    throw Error(ErrorCode::kTooLarge, fmt::format("{} bytes, at most {}", text.size(), kFileBytesMax), name);
  Sieve(text, name).check();
  try {
    return Reader(name).read(toml::parse(text, name));
  } catch (const toml::parse_error& error) {
    throw Error(ErrorCode::kUsage, std::string(error.description()),
                fmt::format("{}:{}", name, error.source().begin.line));
  } catch (const NotToml&) {
    throw Error(ErrorCode::kUsage, "this is not TOML", name,
                "a table's head is [server], [model_defaults] or [[model]]");
  }
}

}  // namespace gantry::settings
