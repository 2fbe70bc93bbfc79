#include "cli/complaint.h"

#include <utility>

#include <fmt/format.h>

#include "cli/habits.h"
#include "cli/terminal.h"
#include "settings/spelling.h"

namespace gantry::cli {

Error complaint(const Refused& refused) {
  const auto refusal = [&](std::string what, const std::string& meant) {
    const std::string help = "see: " + refused.command + " --help";
    return Error(ErrorCode::kUsage, std::move(what), refused.command,
                 meant.empty() ? help : fmt::format("did you mean {}? {}", meant, help));
  };
  const auto habit = [&](std::string what, std::string_view hint) {
    return Error(ErrorCode::kUsage, std::move(what), refused.command,
                 fmt::format("{}; see: {} --help", hint, refused.command));
  };
  if (refused.is_of_value) return refusal(refused.words, "");
  const std::string& word = refused.misplaced;
  // A word that has no place says more than what is missing for its sake.
  if (word.size() > 1 && word[0] == '-') {
    const std::string flag = word.substr(0, word.find('='));
    if (const auto hint = hint_on_flag(flag); !hint.empty())
      return habit(fmt::format("there is no flag '{}'", flag), hint);
    return refusal(fmt::format("there is no flag '{}'", harmless(flag)),
                   settings::nearest_word(flag, refused.flags));
  }
  if (refused.commands.empty()) return refusal(refused.words, "");
  if (const auto hint = hint_on_command(word); !hint.empty())
    return habit(fmt::format("there is no command '{}'", word), hint);
  if (!word.empty())
    return refusal(fmt::format("there is no command '{}'", harmless(word)),
                   settings::nearest_word(word, refused.commands));
  return refusal(fmt::format("a command is missing; it is one of {}", fmt::join(refused.commands, ", ")), "");
}

}  // namespace gantry::cli
