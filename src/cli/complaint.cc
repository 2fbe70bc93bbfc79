#include "cli/complaint.h"

#include <algorithm>
#include <numeric>

#include <fmt/format.h>

#include "cli/terminal.h"

namespace gantry::cli {
namespace {

constexpr size_t kWordMax = 64;  // bytes; what is longer is no slip of a name

// Letters to add, drop, change or swap with their neighbour.
size_t distance(std::string_view a, std::string_view b) {
  std::vector<size_t> before, last(b.size() + 1), row(b.size() + 1);
  std::iota(last.begin(), last.end(), size_t{0});
  for (size_t i = 0; i < a.size(); ++i) {
    row[0] = i + 1;
    for (size_t j = 0; j < b.size(); ++j) {
      row[j + 1] = std::min({last[j + 1] + 1, row[j] + 1, last[j] + (a[i] == b[j] ? 0 : 1)});
      if (i > 0 && j > 0 && a[i] == b[j - 1] && a[i - 1] == b[j])
        row[j + 1] = std::min(row[j + 1], before[j - 1] + 1);
    }
    before = last;
    last = row;
  }
  return last[b.size()];
}

}  // namespace

std::string nearest_word(std::string_view word, const std::vector<std::string>& known) {
  if (word.empty() || word.size() > kWordMax) return {};
  const auto begins = [&](const std::string& name) { return name.starts_with(word); };
  const bool letters = word.find_first_not_of('-') != std::string_view::npos;
  if (letters && std::count_if(known.begin(), known.end(), begins) == 1)
    return *std::find_if(known.begin(), known.end(), begins);
  std::string best;
  // A third of the word may be wrong, so that short words find nothing far away.
  size_t least = word.size() / 3 + 1;
  for (const std::string& name : known) {
    const size_t steps = distance(word, name);
    if (steps >= least) continue;
    least = steps;
    best = name;
  }
  return best;
}

Error complaint(const Refused& refused) {
  const auto refusal = [&](std::string what, const std::string& meant) {
    const std::string help = "see: " + refused.command + " --help";
    return Error(ErrorCode::kUsage, std::move(what), refused.command,
                 meant.empty() ? help : fmt::format("did you mean {}? {}", meant, help));
  };
  if (refused.is_of_value) return refusal(refused.words, "");
  const std::string& word = refused.misplaced;
  // A word that has no place says more than what is missing for its sake.
  if (word.size() > 1 && word[0] == '-') {
    const std::string flag = word.substr(0, word.find('='));
    return refusal(fmt::format("there is no flag '{}'", harmless(flag)), nearest_word(flag, refused.flags));
  }
  if (refused.commands.empty()) return refusal(refused.words, "");
  if (!word.empty())
    return refusal(fmt::format("there is no command '{}'", harmless(word)),
                   nearest_word(word, refused.commands));
  return refusal(fmt::format("a command is missing: one of {}", fmt::join(refused.commands, ", ")), "");
}

}  // namespace gantry::cli
