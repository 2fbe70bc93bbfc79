#include "cli/manual.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/error.h"
#include "cli/command_table.h"
#include "cli/show_settings.h"
#include "library/recipe.h"
#include "settings/spelling.h"

namespace gantry::cli {
namespace {

using settings::Id;
using settings::Kind;
using settings::Setting;

// Text as roff takes it for text: no escapes, no requests, hyphens that can be copied.
std::string roff(std::string_view text) {
  std::string out;
  bool begins = true;
  for (const char c : text) {
    if (begins && (c == '.' || c == '\'')) out += "\\&";
    if (c == '\\')
      out += "\\e";
    else if (c == '-')
      out += "\\-";
    else
      out += c;
    begins = c == '\n';
  }
  return out;
}

std::string page_name(const CommandFacts& facts) {
  return facts.group[0] == '\0' ? fmt::format("gantry-{}", facts.name)
                                : fmt::format("gantry-{}-{}", facts.group, facts.name);
}

std::string spoken_name(const CommandFacts& facts) {
  return facts.group[0] == '\0' ? fmt::format("gantry {}", facts.name)
                                : fmt::format("gantry {} {}", facts.group, facts.name);
}

std::string header(std::string_view name, std::string_view about) {
  std::string upper(name);
  std::transform(upper.begin(), upper.end(), upper.begin(),
                 [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
  return fmt::format(".TH {} 1 \"\" \"gantry {}\" \"Gantry\"\n.SH NAME\n{} \\- {}\n", roff(upper),
                     GANTRY_VERSION, roff(name), roff(about));
}

// "[MODEL]", "FROM TO TYPE": what needs no flag.
std::string positionals(settings::Command command) {
  std::string text;
  for (const Setting& row : settings::kTable)
    if (row.commands.has(command) && !row.positional.empty())
      text += row.required ? fmt::format(" {}", row.positional) : fmt::format(" [{}]", row.positional);
  return text;
}

std::string item(const Setting& row, settings::Command command) {
  std::vector<std::string> names;
  if (!row.positional.empty()) names.emplace_back(row.positional);
  if (!row.only_positional)
    for (const std::string& flag : settings::flags(row)) names.push_back(flag);
  std::string words = help_words(row);
  if (row.kind == Kind::kChoice) words += fmt::format(": {}", fmt::join(row.choices, ", "));
  words += ".";
  const std::string_view fallback = settings::fallback(row, command);
  if (row.kind != Kind::kBool && !fallback.empty())
    words += fmt::format(" Default: {}.", fallback);
  else if (!row.left_out.empty())
    words += fmt::format(" Left out: {}.", row.left_out);
  if (const std::string variable = settings::environment(row); !variable.empty() && !row.only_positional)
    words += fmt::format(" Variable: {}.", variable);
  const std::string value =
      row.value.empty() || row.only_positional ? "" : fmt::format(" \\fI{}\\fR", roff(row.value));
  return fmt::format(".TP\n\\fB{}\\fR{}\n{}\n", roff(fmt::format("{}", fmt::join(names, ", "))), value,
                     roff(words));
}

std::string options(settings::Command command) {
  std::string text;
  std::vector<std::string_view> groups = {""};
  for (const Setting& row : settings::kTable)
    if (row.commands.has(command) && std::find(groups.begin(), groups.end(), row.group) == groups.end())
      groups.push_back(row.group);
  for (const std::string_view group : groups) {
    std::string items;
    for (const Setting& row : settings::kTable)
      if (row.commands.has(command) && row.group == group) items += item(row, command);
    if (items.empty()) continue;
    text += fmt::format(".{} \"{}\"\n{}", group.empty() ? "SH" : "SS",
                        group.empty() ? "OPTIONS" : roff(group), items);
  }
  return text;
}

std::string as_it_stands(std::string_view text) { return fmt::format(".PP\n.nf\n{}\n.fi\n", roff(text)); }

std::string see_also(std::string_view but) {
  std::vector<std::string> pages;
  for (const std::string& name : manual_names())
    if (name != but) pages.push_back(fmt::format("\\fB{}\\fR(1)", roff(name)));
  return fmt::format(".SH SEE ALSO\n{}\n", fmt::join(pages, ",\n"));
}

std::string page_of_program() {
  std::string text = header("gantry", "a server for language models");
  text += ".SH SYNOPSIS\n\\fBgantry\\fR \\fICOMMAND\\fR [\\fIOPTION\\fR...]\n.SH DESCRIPTION\n";
  text += roff(kAbout) + "\n.SH COMMANDS\n";
  for (const CommandFacts& facts : kCommands)
    text += fmt::format(".TP\n\\fB{}\\fR(1)\n{}.\n", roff(page_name(facts)), roff(facts.about));
  text += ".SH EXAMPLES\n" + as_it_stands(kExamples);
  return text + see_also("gantry");
}

std::string page_of(const CommandFacts& facts) {
  const std::string name = page_name(facts);
  std::string text = header(name, facts.about);
  text += fmt::format(".SH SYNOPSIS\n\\fB{}\\fR{} [\\fIOPTION\\fR...]\n.SH DESCRIPTION\n{}.\n",
                      roff(spoken_name(facts)), roff(positionals(facts.command)), roff(facts.about));
  text += options(facts.command);
  std::string examples = facts.examples;
  if (facts.command == settings::Command::kQuantize)
    for (const library::Recipe& recipe : library::recipe_table())
      examples += fmt::format("  {:10} {}\n", recipe.name, recipe.in_a_word);
  if (!examples.empty()) text += ".SH EXAMPLES\n" + as_it_stands(examples);
  text +=
      ".SH EXIT STATUS\n.TP\n0\ndone\n.TP\n2\nthe command line or a request is wrong\n.TP\nothers\nsee "
      "docs/operating/cli.md\n";
  return text + see_also(name);
}

}  // namespace

std::vector<std::string> manual_names() {
  std::vector<std::string> names = {"gantry"};
  for (const CommandFacts& facts : kCommands) names.push_back(page_name(facts));
  return names;
}

std::string manual_page(std::string_view name) {
  if (name == "gantry") return page_of_program();
  for (const CommandFacts& facts : kCommands)
    if (name == page_name(facts)) return page_of(facts);
  throw Error(ErrorCode::kUsage, fmt::format("there is no manual page '{}'", name), "",
              fmt::format("one of {}", fmt::join(manual_names(), ", ")));
}

}  // namespace gantry::cli
