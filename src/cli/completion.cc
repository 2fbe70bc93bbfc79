#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/check.h"
#include "cli/command_table.h"
#include "cli/manual.h"
#include "cli/show_settings.h"
#include "settings/spelling.h"

namespace gantry::cli {
namespace {

using settings::Kind;
using settings::Setting;

// What may stand at one place: behind "gantry", behind "gantry debug", or among the flags of a command.
struct Word {
  std::string text, about;
};

std::vector<Word> commands_of(std::string_view group) {
  std::vector<Word> words;
  bool debug = false;
  for (const CommandFacts& facts : kCommands) {
    if (facts.group == group) words.push_back({facts.name, facts.about});
    if (group.empty() && facts.group[0] != '\0' && !std::exchange(debug, true))
      words.push_back({facts.group, kDebugAbout});
  }
  return words;
}

// A shell's single-quoted string.
std::string in_quotes(std::string_view text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

std::string key_of(const CommandFacts& facts) {
  return facts.group[0] == '\0' ? facts.name : fmt::format("{} {}", facts.group, facts.name);
}

bool has_flag(const Setting& row, const CommandFacts& facts) {
  return row.commands.has(facts.command) && !row.only_positional;
}

bool takes_value(const Setting& row) { return row.kind != Kind::kBool; }

std::string bash() {
  std::string flags, choices;
  for (const CommandFacts& facts : kCommands) {
    std::vector<std::string> names = {"--help"};
    for (const Setting& row : settings::kTable) {
      if (!has_flag(row, facts)) continue;
      const std::vector<std::string> spelled = settings::flags(row);
      names.insert(names.end(), spelled.begin(), spelled.end());
    }
    flags += fmt::format("    {}) words={} ;;\n", in_quotes(key_of(facts)),
                         in_quotes(fmt::format("{}", fmt::join(names, " "))));
  }
  for (const Setting& row : settings::kTable)
    if (row.kind == Kind::kChoice && !row.only_positional)
      choices += fmt::format("    {}) words={} ;;\n", fmt::join(settings::flags(row), "|"),
                             in_quotes(fmt::format("{}", fmt::join(row.choices, " "))));
  std::vector<std::string> first, second;
  for (const Word& word : commands_of("")) first.push_back(word.text);
  for (const Word& word : commands_of("debug")) second.push_back(word.text);
  return fmt::format(
      "_gantry() {{\n"
      "  local current=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD-1]}} words=\n"
      "  local command=${{COMP_WORDS[1]}}\n"
      "  COMPREPLY=()\n"
      "  if ((COMP_CWORD == 1)); then\n"
      "    words={}\n"
      "  elif [[ $command == debug ]] && ((COMP_CWORD == 2)); then\n"
      "    words={}\n"
      "  else\n"
      "    [[ $command == debug ]] && command=\"debug ${{COMP_WORDS[2]}}\"\n"
      "    case $before in\n{}    esac\n"
      "    [[ -z $words && $current == -* ]] && case $command in\n{}    esac\n"
      "  fi\n"
      "  if [[ -n $words ]]; then\n"
      "    mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$current\")\n"
      "  else\n"
      "    compopt -o default\n"
      "  fi\n"
      "}}\n"
      "complete -F _gantry gantry\n",
      in_quotes(fmt::format("{}", fmt::join(first, " "))),
      in_quotes(fmt::format("{}", fmt::join(second, " "))), choices, flags);
}

// What zsh's _describe and _arguments read behind a colon.
std::string without_colons(std::string text, std::string_view also = "") {
  std::string out;
  for (const char c : text) {
    if (c == ':' || also.find(c) != std::string_view::npos) out += '\\';
    out += c;
  }
  return out;
}

std::string zsh_words(const std::vector<Word>& words) {
  std::string text;
  for (const Word& word : words) text += " " + in_quotes(word.text + ":" + without_colons(word.about));
  return text;
}

std::string zsh_flags(const CommandFacts& facts) {
  std::string text;
  for (const Setting& row : settings::kTable) {
    if (!has_flag(row, facts)) continue;
    std::string value;
    if (row.kind == Kind::kChoice)
      value = fmt::format(":{}:({})", row.name, fmt::join(row.choices, " "));
    else if (takes_value(row))
      value = fmt::format(":{}:_files", row.name);
    for (const std::string& flag : settings::flags(row))
      text += fmt::format(
          " {}", in_quotes(fmt::format("{}[{}]{}", flag, without_colons(help_words(row), "[]"), value)));
  }
  return text;
}

std::string zsh() {
  std::string cases;
  for (const CommandFacts& facts : kCommands)
    cases +=
        fmt::format("    {}) _arguments{} '*:file:_files' ;;\n", in_quotes(key_of(facts)), zsh_flags(facts));
  return fmt::format(
      "#compdef gantry\n"
      "_gantry() {{\n"
      "  local -a commands\n"
      "  local command=$words[2]\n"
      "  if ((CURRENT == 2)); then\n"
      "    commands=({})\n"
      "    _describe command commands\n"
      "    return\n"
      "  fi\n"
      "  if [[ $command == debug ]]; then\n"
      "    if ((CURRENT == 3)); then\n"
      "      commands=({})\n"
      "      _describe command commands\n"
      "      return\n"
      "    fi\n"
      "    command=\"debug $words[3]\"\n"
      "    shift words\n"
      "    ((CURRENT--))\n"
      "  fi\n"
      "  shift words\n"
      "  ((CURRENT--))\n"
      "  case $command in\n{}"
      "    *) _files ;;\n"
      "  esac\n"
      "}}\n"
      "if [[ $funcstack[1] == _gantry ]]; then _gantry \"$@\"; else compdef _gantry gantry; fi\n",
      zsh_words(commands_of("")), zsh_words(commands_of("debug")), cases);
}

std::string fish() {
  std::string text;
  for (const Word& word : commands_of(""))
    text += fmt::format("complete -c gantry -n __fish_use_subcommand -f -a {} -d {}\n", word.text,
                        in_quotes(word.about));
  std::vector<std::string> debug;
  for (const Word& word : commands_of("debug")) debug.push_back(word.text);
  for (const Word& word : commands_of("debug"))
    text += fmt::format(
        "complete -c gantry -n '__fish_seen_subcommand_from debug; and not __fish_seen_subcommand_from {}' "
        "-f -a {} -d {}\n",
        fmt::join(debug, " "), word.text, in_quotes(word.about));
  for (const CommandFacts& facts : kCommands) {
    const std::string where =
        facts.group[0] == '\0'
            ? fmt::format("__fish_seen_subcommand_from {}; and not __fish_seen_subcommand_from debug",
                          facts.name)
            : fmt::format("__fish_seen_subcommand_from {}; and __fish_seen_subcommand_from {}", facts.group,
                          facts.name);
    for (const Setting& row : settings::kTable) {
      if (!has_flag(row, facts)) continue;
      std::string names;
      for (const std::string& flag : settings::flags(row))
        names += flag.starts_with("--") ? " -l " + flag.substr(2) : " -s " + flag.substr(1);
      std::string value = takes_value(row) ? " -r" : "";
      if (row.kind == Kind::kChoice)
        value = fmt::format(" -x -a {}", in_quotes(fmt::format("{}", fmt::join(row.choices, " "))));
      text += fmt::format("complete -c gantry -n {}{}{} -d {}\n", in_quotes(where), names, value,
                          in_quotes(help_words(row)));
    }
  }
  return text;
}

}  // namespace

std::string completion(std::string_view shell) {
  if (shell == "bash") return bash();
  if (shell == "zsh") return zsh();
  GANTRY_CHECK(shell == "fish");
  return fish();
}

}  // namespace gantry::cli
