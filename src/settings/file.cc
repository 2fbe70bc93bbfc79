#include "settings/file.h"

#include <algorithm>
#include <filesystem>
#include <set>
#include <utility>

#include <fmt/format.h>
#include <toml++/toml.h>

#include "settings/spelling.h"

namespace gantry::settings {
namespace {

constexpr std::string_view kServer = "server", kModelDefaults = "model_defaults", kModel = "model";
constexpr size_t kListMax = 1024;  // texts of one list
constexpr size_t kWordMax = 80;    // bytes of a key that an error repeats

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
    throw Error(ErrorCode::kUsage, std::move(what), place(region, key.substr(0, kWordMax)), std::move(mend));
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
    std::set<std::string> names;
    for (const toml::node& item : *models) {
      const toml::table& table = table_of(item, kModel);
      Values model = out.model_defaults;
      model.put_all(read_table(table, Scope::kModel, true));
      if (!model.given(Id::kModel))
        refuse(table.source(), kModel, "a model without a path", "path = \"model.gguf\"");
      std::string name;
      if (model.given(Id::kAlias)) model.take(Id::kAlias, name);
      if (!name.empty() && !names.insert(name).second)
        refuse(table.source(), kModel,
               fmt::format("a second model has the name '{}'", name.substr(0, kWordMax)),
               "clients ask for a model by its name");
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
    const std::string word(key.str().substr(0, kWordMax));
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

// The parser goes into itself for each bracket; what is in quotes may count as well, as no text of ours needs
// so many.
bool is_deep(std::string_view text) {
  size_t depth = 0;
  for (const char c : text) {
    if (c == '[' || c == '{') ++depth;
    if ((c == ']' || c == '}') && depth > 0) --depth;
    if (depth > kFileDepthMax) return true;
  }
  return false;
}

}  // namespace

SettingsFile read_settings_file(std::string_view text, const std::string& name) {
  if (text.size() > kFileBytesMax)
    throw Error(ErrorCode::kTooLarge, fmt::format("{} bytes, at most {}", text.size(), kFileBytesMax), name);
  if (is_deep(text))
    throw Error(ErrorCode::kTooLarge, fmt::format("more than {} brackets within brackets", kFileDepthMax),
                name);
  try {
    return Reader(name).read(toml::parse(text, name));
  } catch (const toml::parse_error& error) {
    throw Error(ErrorCode::kUsage, std::string(error.description()),
                fmt::format("{}:{}", name, error.source().begin.line));
  }
}

}  // namespace gantry::settings
