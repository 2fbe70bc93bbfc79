#include "cli/show_settings.h"

#include <functional>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "api/openai/other_fields.h"
#include "cli/command_table.h"
#include "cli/terminal.h"
#include "settings/spelling.h"
#include "text/json.h"

namespace gantry::cli {
namespace {

using settings::Id;
using settings::Kind;
using settings::Scope;
using settings::Setting;

const char* kind_name(Kind kind) {
  static constexpr const char* kNames[] = {"bool",   "count", "bytes",  "duration",
                                           "number", "text",  "choice", "texts"};
  return kNames[static_cast<size_t>(kind)];
}

const char* scope_name(Scope scope) {
  static constexpr const char* kNames[] = {"server", "model", "request", "command"};
  return kNames[static_cast<size_t>(scope)];
}

std::string full_name(const CommandFacts& facts) {
  return facts.group[0] == '\0' ? facts.name : fmt::format("{} {}", facts.group, facts.name);
}

// The last column of a table: the default, or what happens without a value.
std::string default_words(const Setting& row) {
  std::string text(row.fallback.empty() ? row.left_out : row.fallback);
  if (!row.fallback_of_run.empty()) text += fmt::format(" (`run`: {})", row.fallback_of_run);
  if (!row.fallback_of_serve.empty()) text += fmt::format(" (`serve`: {})", row.fallback_of_serve);
  return text;
}

std::string words_with_choices(const Setting& row, const std::string& words) {
  return row.kind == Kind::kChoice ? fmt::format("{}: {}", words, fmt::join(row.choices, ", ")) : words;
}

// Stars of a table are no emphasis.
std::string in_cell(std::string_view text) {
  std::string out;
  for (const char c : text) out += c == '*' ? std::string("\\*") : std::string(1, c);
  return out;
}

// "`--temperature N`, `--temp N`"
std::string flag_cell(const Setting& row) {
  std::string cell;
  for (const std::string& flag : settings::flags(row))
    cell +=
        fmt::format("{}`{}{}{}`", cell.empty() ? "" : ", ", flag, row.value.empty() ? "" : " ", row.value);
  return cell;
}

using Wanted = std::function<bool(const Setting&)>;

std::string block(const std::string& name, const char* head, const Wanted& wanted,
                  const std::function<std::string(const Setting&)>& line) {
  std::string rows;
  for (const Setting& row : settings::kTable)
    if (wanted(row)) rows += line(row);
  if (rows.empty()) return {};
  return fmt::format("<!-- settings: {} -->\n\n{}\n{}\n<!-- end -->\n\n", name, head, rows);
}

std::string flag_block(const std::string& name, const Wanted& wanted) {
  return block(name, "| flag | meaning | default |\n|---|---|---|", wanted, [](const Setting& row) {
    const std::string left = row.kind == Kind::kBool ? "" : default_words(row);
    return fmt::format("| {} | {} | {}{}|\n", flag_cell(row),
                       in_cell(words_with_choices(row, help_words(row))), left, left.empty() ? "" : " ");
  });
}

std::string key_cells(const Setting& row) {
  return fmt::format("| `{}` | {} | {} | {} |", settings::file_key(row), settings::wanted(row),
                     in_cell(row.words), default_words(row));
}

std::string file_block(const std::string& name, Scope scope) {
  return block(
      name, "| key | value | meaning | default | variable |\n|---|---|---|---|---|",
      [scope](const Setting& row) { return row.scope == scope; },
      [](const Setting& row) {
        return fmt::format("{} `{}` |\n", key_cells(row), settings::environment(row));
      });
}

// No variable is a request's: theirs are read by `gantry run`.
std::string request_block() {
  return block(
      "request", "| field | value | meaning | default |\n|---|---|---|---|",
      [](const Setting& row) { return row.scope == Scope::kRequest; },
      [](const Setting& row) { return key_cells(row) + "\n"; });
}

std::string value_lines(settings::Command command, const settings::Values& values,
                        const std::function<bool(Scope)>& wanted) {
  std::string text;
  for (const Setting& row : settings::kTable) {
    if (!row.commands.has(command) || !wanted(row.scope)) continue;
    const settings::Held* held = values.find(row.id);
    const std::string value = held == nullptr ? fmt::format("({})", row.left_out) : to_text(row, held->value);
    const std::string place = held == nullptr || held->place.empty() ? "default" : held->place;
    text += fmt::format("{:20} {:32} {}\n", row.name, harmless(value), harmless(place));
  }
  return text;
}

bool has_flag_of(const Setting& row, settings::Command command) {
  return row.commands.has(command) && !row.only_positional && row.id != Id::kLog;
}

}  // namespace

std::string help_words(const Setting& row) {
  return is_taken_away(row) ? fmt::format("do not {}", row.words) : std::string(row.words);
}

std::string values_text(settings::Command command, const settings::Values& values,
                        std::span<const settings::Values> models) {
  std::string text = value_lines(command, values, [&](Scope scope) {
    return scope != Scope::kCommand && (scope != Scope::kModel || models.empty());
  });
  for (const settings::Values& model : models)
    text += "\n" + value_lines(command, model, [](Scope scope) { return scope == Scope::kModel; });
  return text;
}

std::string table_text() {
  std::string text;
  for (const Setting& row : settings::kTable)
    text += fmt::format("{:20} {:8} {:24} {}\n", row.name, scope_name(row.scope), settings::flag(row),
                        words_with_choices(row, std::string(row.words)));
  return text;
}

std::string table_json() {
  Json out = Json::array();
  for (const Setting& row : settings::kTable) {
    std::vector<std::string> commands;
    for (const CommandFacts& facts : kCommands)
      if (row.commands.has(facts.command)) commands.push_back(full_name(facts));
    Json one = {{"name", row.name},
                {"kind", kind_name(row.kind)},
                {"scope", scope_name(row.scope)},
                {"commands", commands},
                {"words", row.words},
                {"value", row.value},
                {"wanted", settings::wanted(row)},
                {"unit", row.unit},
                {"choices", row.choices},
                {"default", row.fallback},
                {"default_of_run", row.fallback_of_run},
                {"default_of_serve", row.fallback_of_serve},
                {"left_out", row.left_out},
                {"flags", row.only_positional ? std::vector<std::string>() : flags(row)},
                {"positional", row.positional},
                {"required", row.required},
                {"variable", environment(row)}};
    out.push_back(std::move(one));
  }
  return out.dump(2) + "\n";
}

std::string table_markdown() {
  std::string text = flag_block("all", [](const Setting& row) { return row.id == Id::kLog; });
  const auto is_of_loading = [](const Setting& row) { return row.group == settings::rows::kLoading; };
  text += flag_block("loading", is_of_loading);
  for (const CommandFacts& facts : kCommands) {
    // Who takes all of that block refers to it.
    const bool takes_all = settings::setting(Id::kContext).commands.has(facts.command);
    text += flag_block(full_name(facts), [&](const Setting& row) {
      return has_flag_of(row, facts.command) && !(takes_all && is_of_loading(row));
    });
  }
  text += file_block("file server", Scope::kServer);
  text += file_block("file model", Scope::kModel);
  text += request_block();
  return text + fmt::format("<!-- settings: fields of other servers -->\n\n{}\n<!-- end -->\n\n",
                            api::openai::other_fields_markdown());
}

}  // namespace gantry::cli
