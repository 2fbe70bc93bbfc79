#include "settings/spelling.h"

#include <algorithm>
#include <numeric>

namespace gantry::settings {
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

bool is_of_name(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; }

}  // namespace

std::string flag(const Setting& setting) {
  if (setting.only_positional) return std::string(setting.positional);
  std::string out = is_taken_away(setting) ? "--no-" : "--";
  for (const char c : setting.name) out += c == '_' ? '-' : c;
  return out;
}

std::string environment(const Setting& setting) {
  if (setting.scope == Scope::kCommand && !setting.is_variable) return {};
  std::string out = "GANTRY_";
  for (const char c : setting.name) out += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  return out;
}

std::string_view file_key(const Setting& setting) {
  return setting.file_key.empty() ? setting.name : setting.file_key;
}

std::vector<std::string> flags(const Setting& setting) {
  std::vector<std::string> out = {flag(setting)};
  if (!setting.also_flag.empty()) out.emplace_back(setting.also_flag);
  if (!setting.short_flag.empty()) out.emplace_back(setting.short_flag);
  return out;
}

std::string as_flags(std::string_view text, Command command) {
  std::string out;
  for (size_t i = 0; i < text.size();) {
    const bool quoted = text[i] == '`';
    const size_t first = i + (quoted ? 1 : 0);
    size_t end = first;
    while (end < text.size() && is_of_name(text[end])) ++end;
    const char after = end < text.size() ? text[end] : '\0';
    const bool begins = i == 0 || !(is_of_name(text[i - 1]) || text[i - 1] == '-');
    const bool named = end > first && begins && after == (quoted ? '`' : '=');
    const Setting* row = named ? find_setting(command, text.substr(first, end - first)) : nullptr;
    if (row == nullptr) {  // past the word as a whole: its end is no beginning
      end = std::max(end, i + 1);
      out += text.substr(i, end - i);
    } else {
      out += flag(*row) + (quoted ? "" : " ");
      ++end;
    }
    i = end;
  }
  return out;
}

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

}  // namespace gantry::settings
