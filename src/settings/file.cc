#include "settings/file.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include <fmt/format.h>

#include "settings/spelling.h"
#include "settings/toml.h"

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

  SettingsFile read(const TomlValue& root) const {
    SettingsFile out;
    for (const TomlEntry& entry : root.entries)
      if (entry.key != kServer && entry.key != kModelDefaults && entry.key != kModel)
        refuse_key(entry, {}, {"server", "model_defaults", "model"});
    if (const TomlValue* server = root.find(kServer))
      out.server = read_table(table_of(*server, kServer), Scope::kServer, true);
    if (const TomlValue* defaults = root.find(kModelDefaults))
      out.model_defaults = read_table(table_of(*defaults, kModelDefaults), Scope::kModel, false);
    if (const TomlValue* models = root.find(kModel)) read_models(*models, out);
    return out;
  }

 private:
  std::string place(size_t line, std::string_view key = {}) const {
    return fmt::format("{}:{}{}{}", name_, line, key.empty() ? "" : ": ", key);
  }

  [[noreturn]] void refuse(size_t line, std::string_view key, std::string what, std::string mend = {}) const {
    throw Error(ErrorCode::kUsage, std::move(what), place(line, key.substr(0, kKeyMax)), std::move(mend));
  }

  const TomlValue& table_of(const TomlValue& node, std::string_view key) const {
    if (node.kind == TomlKind::kTree) return node;
    refuse(node.line, key, "this is a table", fmt::format("write it as [{}]", key));
  }

  void read_models(const TomlValue& node, SettingsFile& out) const {
    if (node.kind != TomlKind::kList)
      refuse(node.line, kModel, "there may be several models", "write each as [[model]]");
    if (node.items.size() > kFileModelsMax)
      throw Error(ErrorCode::kTooLarge,
                  fmt::format("{} models, at most {} in a file", node.items.size(), kFileModelsMax),
                  place(node.line));
    for (const TomlValue& item : node.items) {
      const TomlValue& table = table_of(item, kModel);
      Values model = out.model_defaults;
      model.put_all(read_table(table, Scope::kModel, true));
      if (!model.given(Id::kModel))
        refuse(table.line, kModel, "a model without a path", "path = \"model.gguf\"");
      out.models.push_back(std::move(model));
    }
  }

  Values read_table(const TomlValue& table, Scope scope, bool of_one_model) const {
    Values out;
    for (const TomlEntry& entry : table.entries) {
      const Setting* row = row_of(scope, entry.key, of_one_model);
      if (row == nullptr) refuse_key(entry, scope_of_word(entry.key, scope), keys_of(scope, of_one_model));
      const std::string at = place(entry.line, entry.key);
      try {
        Value value = read_typed(*row, typed(entry.value, entry.key));
        if (row->is_path) value = (folder_ / std::get<std::string>(value)).string();
        out.put(row->id, {std::move(value), Source::kFile, at});
      } catch (const Error& error) {
        throw Error(error.code(), error.message(), at, error.mend());
      }
    }
    return out;
  }

  Typed typed(const TomlValue& node, std::string_view key) const {
    switch (node.kind) {
      case TomlKind::kBool:
        return node.truth;
      case TomlKind::kInteger:
        return node.integer;
      case TomlKind::kReal:
        return node.real;
      case TomlKind::kText:
        return node.text;
      case TomlKind::kList:
        return texts_of(node, key);
      case TomlKind::kTree:
      case TomlKind::kDate:
        break;
    }
    refuse(node.line, key, "no setting is a table or a date");
  }

  std::vector<std::string> texts_of(const TomlValue& list, std::string_view key) const {
    if (list.items.size() > kListMax)
      refuse(list.line, key, fmt::format("{} texts, at most {}", list.items.size(), kListMax));
    std::vector<std::string> texts;
    for (const TomlValue& item : list.items) {
      if (item.kind != TomlKind::kText) refuse(item.line, key, "only texts stand in a list");
      texts.push_back(item.text);
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

  [[noreturn]] void refuse_key(const TomlEntry& entry, std::string belongs,
                               const std::vector<std::string>& known) const {
    const std::string word = entry.key.substr(0, kKeyMax);
    if (belongs.empty()) {
      const std::string nearest = nearest_word(entry.key, known);
      belongs = nearest.empty() ? fmt::format("there are: {}", fmt::join(known, ", "))
                                : fmt::format("did you mean {}?", nearest);
    }
    refuse(entry.line, {}, fmt::format("there is no key '{}' here", word), std::move(belongs));
  }

  const std::string& name_;
  std::filesystem::path folder_;
};

}  // namespace

SettingsFile read_settings_file(std::string_view text, const std::string& name) {
  return Reader(name).read(read_toml(text, name, "[server], [model_defaults] or [[model]]"));
}

}  // namespace gantry::settings
