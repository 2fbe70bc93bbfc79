#include <string>
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

// What may stand at one place: behind "gantry", behind a group ("gantry debug"), or among the flags of a
// command.
struct Word {
  std::string text, about;
};

std::vector<Word> commands_of(std::string_view group) {
  std::vector<Word> words;
  for (const CommandFacts& facts : kCommands)
    if (facts.group == group) words.push_back({facts.name, facts.about});
  if (group.empty())
    for (const GroupFacts& facts : kGroups) words.push_back({facts.name, facts.about});
  return words;
}

// "serve run plan"
std::string texts_of(const std::vector<Word>& words) {
  std::string out;
  for (const Word& word : words) out += (out.empty() ? "" : " ") + word.text;
  return out;
}

// "bench|debug"
std::string group_names(std::string_view between) {
  std::string out;
  for (const GroupFacts& group : kGroups) out.append(out.empty() ? "" : between).append(group.name);
  return out;
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
  std::string groups;
  for (const GroupFacts& group : kGroups)
    groups += fmt::format("    {}) words={} ;;\n", group.name, in_quotes(texts_of(commands_of(group.name))));
  return fmt::format(
      "_gantry() {{\n"
      "  local current=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD-1]}} words=\n"
      "  local command=${{COMP_WORDS[1]}}\n"
      "  COMPREPLY=()\n"
      "  if ((COMP_CWORD == 1)); then\n"
      "    words={}\n"
      "  elif [[ $command == @({}) ]] && ((COMP_CWORD == 2)); then\n"
      "    case $command in\n{}    esac\n"
      "  else\n"
      "    [[ $command == @({}) ]] && command+=\" ${{COMP_WORDS[2]}}\"\n"
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
      in_quotes(texts_of(commands_of(""))), group_names("|"), groups, group_names("|"), choices, flags);
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
  std::string cases, groups;
  for (const GroupFacts& group : kGroups)
    groups += fmt::format("        {}) commands=({}) ;;\n", group.name, zsh_words(commands_of(group.name)));
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
      "  if [[ $command == ({}) ]]; then\n"
      "    if ((CURRENT == 3)); then\n"
      "      case $command in\n{}      esac\n"
      "      _describe command commands\n"
      "      return\n"
      "    fi\n"
      "    command+=\" $words[3]\"\n"
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
      zsh_words(commands_of("")), group_names("|"), groups, cases);
}

std::string fish() {
  std::string text;
  for (const Word& word : commands_of(""))
    text += fmt::format("complete -c gantry -n __fish_use_subcommand -f -a {} -d {}\n", word.text,
                        in_quotes(word.about));
  for (const GroupFacts& group : kGroups) {
    const std::vector<Word> words = commands_of(group.name);
    for (const Word& word : words)
      text += fmt::format(
          "complete -c gantry -n '__fish_seen_subcommand_from {}; and not __fish_seen_subcommand_from {}' "
          "-f -a {} -d {}\n",
          group.name, texts_of(words), word.text, in_quotes(word.about));
  }
  for (const CommandFacts& facts : kCommands) {
    const std::string where =
        facts.group[0] == '\0'
            ? fmt::format("__fish_seen_subcommand_from {}; and not __fish_seen_subcommand_from {}",
                          facts.name, group_names(" "))
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
