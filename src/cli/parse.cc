#include "cli/parse.h"

#include <cctype>
#include <cstdlib>
#include <map>
#include <memory>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/error.h"
#include "bench/mix.h"
#include "cli/bindings.h"
#include "cli/command_table.h"
#include "cli/complaint.h"
#include "cli/show_settings.h"
#include "cli/version.h"
#include "cli/word_wrap.h"
#include "fleet/wording.h"
#include "library/recipe.h"
#include "os/file.h"
#include "settings/file.h"
#include "settings/spelling.h"
#include "tokenizer/pre_split.h"

namespace gantry::cli {
namespace {

using settings::Id;
using settings::Kind;
using settings::Setting;
using settings::Source;
using settings::Values;

constexpr size_t kWordsColumn = 26;  // where what is said of a flag begins

// What --help looks like: 80 columns, "--port N   Port to listen on (default: 8421)".
std::string help_line(const std::string& name, const std::string& words) {
  std::string text = "  " + name;
  text += text.size() < kWordsColumn ? std::string(kWordsColumn - text.size(), ' ')
                                     : "\n" + std::string(kWordsColumn, ' ');
  // The first line's words are wrapped as if they stood alone.
  return text +
         wrapped(std::string(kWordsColumn, ' ') + words, kHelpColumns, kWordsColumn).substr(kWordsColumn) +
         "\n";
}

class Page final : public CLI::Formatter {
 public:
  std::string make_option(const CLI::Option* option, bool is_positional) const override {
    const bool takes_value = option->get_items_expected_max() != 0 && !option->get_type_name().empty();
    std::string words = option->get_description();
    if (!option->get_default_str().empty()) words += " (default: " + option->get_default_str() + ")";
    return help_line(make_option_name(option, is_positional) +
                         (takes_value && !is_positional ? " " + option->get_type_name() : ""),
                     words);
  }
  std::string make_subcommand(const CLI::App* command) const override {
    return help_line(command->get_name(), command->get_description());
  }
  std::string make_description(const CLI::App* app) const override {
    return wrapped(app->get_description(), kHelpColumns) + "\n\n";
  }
  std::string make_footer(const CLI::App* app) const override {
    return app->get_footer().empty() ? "" : wrapped(app->get_footer(), kHelpColumns) + "\n";
  }
  std::string make_help(const CLI::App* app, std::string name, CLI::AppFormatMode mode) const override {
    std::string page = CLI::Formatter::make_help(app, std::move(name), mode);
    for (size_t at = 0; (at = page.find("\n\n\n", at)) != std::string::npos;) page.erase(at, 1);
    while (page.ends_with("\n\n")) page.pop_back();
    return page;
  }
};

// For an application and all commands that are added to it afterwards.
std::shared_ptr<CLI::FormatterBase> help_pages() {
  auto page = std::make_shared<Page>();
  page->label("Positionals", "Arguments");
  page->label("SUBCOMMAND", "COMMAND");
  return page;
}

// "Number type of the KV cache: f32, f16, q8_0"
std::string about(const Setting& row) {
  std::string text = help_words(row);
  text[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(text[0])));
  if (row.kind == Kind::kChoice) text += fmt::format(": {}", fmt::join(row.choices, ", "));
  return text;
}

// "PROMPT,-p,--prompt": as CLI11 wants the spellings.
std::string spellings(const Setting& row) {
  std::vector<std::string> names;
  if (!row.positional.empty()) names.emplace_back(row.positional);
  if (!row.only_positional)
    for (std::string& name : settings::flags(row)) names.push_back(std::move(name));
  return fmt::format("{}", fmt::join(names, ","));
}

// An Error of a value, in CLI11's way: it then says of which command the help tells more.
template <typename Read>
void put_flag(const Setting& row, Values& values, const std::string& spelled, const Read& read) {
  try {
    values.put(row.id, {read(), Source::kFlag, spelled});
  } catch (const Error& error) {
    throw CLI::ValidationError(spelled, error.message());
  }
}

CLI::Option* add_setting(CLI::App& app, const Setting& row, settings::Command command, Values& values) {
  const std::string names = spellings(row), words = about(row), name = settings::flag(row);
  CLI::Option* option = nullptr;
  if (row.kind == Kind::kBool) {
    const bool value = !is_taken_away(row);
    option = app.add_flag_callback(
        names,
        [&row, &values, name, value] {
          values.put(row.id, {value, Source::kFlag, name});
        },
        words);
  } else if (row.kind == Kind::kTexts) {
    option = app.add_option_function<std::vector<std::string>>(
        names,
        [&row, &values, name](const std::vector<std::string>& texts) {
          put_flag(row, values, name, [&] { return read_texts(row, texts); });
        },
        words);
    option->allow_extra_args(false)->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  } else {
    option = app.add_option_function<std::string>(
        names,
        [&row, &values, name](const std::string& text) {
          put_flag(row, values, name, [&] { return read_text(row, text); });
        },
        words);
  }
  if (!row.group.empty()) option->group(std::string(row.group));
  if (row.kind != Kind::kBool) {
    option->type_name(std::string(row.value));
    const std::string_view fallback = settings::fallback(row, command);
    option->default_str(std::string(fallback.empty() ? row.left_out : fallback));
  }
  return option->required(row.required);
}

// What makes no sense together.
struct Exclusion {
  settings::Command command;
  Id one, other;
};
constexpr Exclusion kExclusions[] = {
    {settings::Command::kInspect, Id::kTemplateOnly, Id::kJson},
    {settings::Command::kTokenize, Id::kCount, Id::kJson},
    {settings::Command::kTokenize, Id::kIds, Id::kJson},
    {settings::Command::kTokenize, Id::kIds, Id::kCount},
    {settings::Command::kDebugLogits, Id::kTokens, Id::kTokenList},
    {settings::Command::kDebugTokenize, Id::kTextCases, Id::kText},
    {settings::Command::kDebugTemplate, Id::kTemplateCases, Id::kMessages},
    {settings::Command::kDebugSettings, Id::kMarkdown, Id::kJson},
    {settings::Command::kBenchServe, Id::kClients, Id::kRate},
};

std::string recipe_lines() {
  std::string text;
  for (const library::Recipe& recipe : library::recipe_table())
    text += fmt::format("  {:10} {}\n", recipe.name, recipe.in_a_word);
  return text;
}

// The names that an option takes, where they are too many for its own words.
std::string name_lines(settings::Command command) {
  const auto takes = [command](Id id) { return settings::setting(id).commands.has(command); };
  std::string text;
  if (takes(Id::kReplyFormat)) text += "\n\nNames of --reply-format: " + fleet::known_reply_formats();
  if (takes(Id::kPreSplitOfText)) text += "\n\nNames of --pre-split: " + tokenizer::known_pre_splits();
  if (takes(Id::kMix)) text += "\n\nNames of --mix: " + bench::built_in_mix_names();
  if (takes(Id::kPreSplit)) text += "\n\n`gantry tokenize --help` lists the names of --pre-split.";
  return text;
}

std::string footer(const CommandFacts& facts) {
  std::string text = facts.examples;
  if (facts.command == settings::Command::kQuantize) text += recipe_lines();
  text += name_lines(facts.command);
  if (settings::setting(Id::kKvType).commands.has(facts.command)) text += kVariables;
  return text;
}

// "debug", made when its first command comes.
CLI::App& group_of(CLI::App& app, const CommandFacts& facts) {
  if (facts.group[0] == '\0') return app;
  for (CLI::App* command : app.get_subcommands(nullptr))
    if (command->get_name() == facts.group) return *command;
  const GroupFacts& group = group_facts(facts.group);
  CLI::App* app_of_group = app.add_subcommand(group.name, group.about)->require_subcommand(1);
  app_of_group->footer(group.examples)->group("Commands");
  return *app_of_group;
}

void add_command(CLI::App& app, const CommandFacts& facts, Values& values) {
  CLI::App& command = *group_of(app, facts).add_subcommand(facts.name, facts.about);
  command.footer(footer(facts))->group("Commands");
  std::map<Id, CLI::Option*> options;
  for (const Setting& row : settings::kTable)
    if (row.id != Id::kLog && row.commands.has(facts.command))
      options[row.id] = add_setting(command, row, facts.command, values);
  for (const Exclusion& pair : kExclusions)
    if (pair.command == facts.command) options.at(pair.one)->excludes(options.at(pair.other));
}

Refused refused_of(const CLI::App& app, const CLI::Error& error) {
  Refused out;
  out.command = app.get_name();
  const CLI::App* at = &app;
  while (!at->get_subcommands().empty()) {
    at = at->get_subcommands().back();
    out.command += " " + at->get_name();
  }
  for (const CLI::App* command : at->get_subcommands(nullptr)) out.commands.push_back(command->get_name());
  for (const CLI::App* one = at; one != nullptr; one = one->get_parent())
    for (const CLI::Option* option : one->get_options())
      for (const std::string& name : option->get_lnames()) out.flags.push_back("--" + name);
  for (const std::string& word : app.remaining(true))
    if (word != "--" && out.misplaced.empty()) out.misplaced = word;
  out.words = error.what();
  out.is_of_value = dynamic_cast<const CLI::ExtrasError*>(&error) == nullptr &&
                    dynamic_cast<const CLI::RequiredError*>(&error) == nullptr &&
                    dynamic_cast<const CLI::CallForHelp*>(&error) == nullptr;
  return out;
}

// "gantry help serve" and "gantry version" are habits from other programs.
std::vector<std::string> without_habits(std::vector<std::string> words) {
  if (words.empty()) return words;
  if (words[0] == "help") {
    words.erase(words.begin());
    if (!words.empty() && (words[0] == "help" || words[0] == "version")) words.clear();
    words.emplace_back("--help");
  } else if (words[0] == "version" && words.size() == 1) {
    words[0] = "--version";
  }
  return words;
}

void set_up(CLI::App& app, Values& flags) {
  app.footer(kExamples);
  // Said twice, the last word counts; the commands take this over.
  app.option_defaults()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  app.formatter(help_pages());  // its commands take it over
  app.require_subcommand(1);
  app.fallthrough();
  app.set_version_flag("--version", version_text());
  add_setting(app, settings::setting(Id::kLog), settings::Command::kServe, flags);
  for (const CommandFacts& facts : kCommands) add_command(app, facts, flags);
}

settings::Command chosen(const CLI::App& app) {
  for (const CommandFacts& facts : kCommands) {
    const CLI::App* parent = facts.group[0] == '\0' ? &app : app.get_subcommand(facts.group);
    if (parent->parsed() && parent->got_subcommand(facts.name)) return facts.command;
  }
  GANTRY_CHECK(false);
}

struct Settled {
  Values values;
  std::vector<Values> models;  // that a file names
};

// What the file names, no flag names as well; a variable that names the default model is then not asked.
void put_models(const std::vector<Values>& models, Settled& out) {
  for (const Id id : {Id::kModel, Id::kAlias}) {
    const settings::Held* held = out.values.find(id);
    if (held != nullptr && held->source == Source::kFlag)
      throw Error(ErrorCode::kUsage, "the configuration file names the models", held->place,
                  "leave it out, or name the model here alone");
    out.values.remove(id);
  }
  for (const Values& model : models) {
    out.models.push_back(out.values);
    out.models.back().put_all(model);
  }
}

// Flags, then what they leave open: variables, the file, the table.
Settled settle(settings::Command command, const Values& flags, const Surroundings& surroundings) {
  Settled out{settings::defaults(command), {}};
  settings::put_environment(out.values, command, surroundings.variable);
  out.values.put_all(flags);
  std::string path;
  out.values.take(Id::kConfig, path);
  if (path.empty()) return out;
  const settings::SettingsFile file = settings::read_settings_file(surroundings.read_file(path), path);
  out.values.put_all(file.server);
  if (file.models.empty())
    out.values.put_all(file.model_defaults);
  else
    put_models(file.models, out);
  return out;
}

}  // namespace

Surroundings real_surroundings() {
  return {[](const std::string& name) { return std::getenv(name.c_str()); },
          [](const std::string& path) { return os::read_file(path, settings::kFileBytesMax); }};
}

Command parse(const std::vector<std::string>& given, const Surroundings& surroundings) {
  const std::vector<std::string> arguments = without_habits(given);
  CLI::App app(kAbout, "gantry");
  Values flags;
  set_up(app, flags);
  try {
    if (arguments.empty()) return {ShowText{app.help()}};
    std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());
    app.parse(reversed);
  } catch (const CLI::CallForHelp& wish) {
    if (app.get_subcommands().empty() && app.remaining_size(true) > 0) throw complaint(refused_of(app, wish));
    return {ShowText{app.help()}};
  } catch (const CLI::CallForVersion& version) {
    return {ShowText{std::string(version.what()) + "\n"}};
  } catch (const CLI::ParseError& error) {
    throw complaint(refused_of(app, error));
  }
  Command command;
  command.name = chosen(app);
  const Settled settled = settle(command.name, flags, surroundings);
  command.values = settled.values;
  try {
    command.log_level = bind_log_level(command.values);
    command.timezone = bind_timezone(command.values);
    command.action = action_of(command.name, command.values, settled.models);
  } catch (const Error& error) {
    throw settings::at_its_place(error, command.name, command.values);
  }
  bool show = false;
  command.values.take(Id::kShowSettings, show);
  if (show) command.action = ShowText{values_text(command.name, command.values, settled.models)};
  return command;
}

}  // namespace gantry::cli
