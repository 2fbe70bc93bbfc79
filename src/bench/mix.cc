#include "bench/mix.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <optional>
#include <span>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/error.h"
#include "settings/spelling.h"
#include "settings/toml.h"

namespace gantry::bench {
namespace {

using settings::TomlEntry;
using settings::TomlKind;
using settings::TomlValue;

constexpr size_t kShownMax = 80;     // bytes of a key or name that an error repeats
constexpr size_t kKindNameMax = 64;  // bytes
constexpr double kWeightMax = 1e6;
constexpr double kSigmaMax = 4;
constexpr double kTemperatureMax = 2;

class MixReader {
 public:
  explicit MixReader(const std::string& name) : name_(name) {}

  Mix read(const TomlValue& root) const {
    Mix out;
    out.name = name_;
    for (const TomlEntry& entry : root.entries)
      if (entry.key != "kind") refuse_key(entry, std::array<std::string_view, 1>{"kind"});
    const TomlValue* kinds = root.find("kind");
    if (kinds == nullptr)
      throw Error(ErrorCode::kUsage, "a mix without kinds of requests", name_,
                  "[[kind]], and below it lines like prompt = 512 and new = 128");
    if (kinds->kind != TomlKind::kList)
      refuse(kinds->line, "kind", "there may be several", "write each as [[kind]]");
    if (kinds->items.size() > kKindsMax || kinds->items.empty())
      refuse(kinds->line, "kind",
             fmt::format("{} kinds, from 1 to {} may be", kinds->items.size(), kKindsMax));
    double weights = 0;
    for (const TomlValue& item : kinds->items) {
      out.kinds.push_back(read_kind(item));
      weights += out.kinds.back().weight;
    }
    if (!(weights > 0)) refuse(kinds->line, "kind", "no kind has a weight above 0");
    return out;
  }

 private:
  std::string place(size_t line, std::string_view key) const {
    return key.empty() ? fmt::format("{}:{}", name_, line)
                       : fmt::format("{}:{}: {}", name_, line, key.substr(0, kShownMax));
  }

  [[noreturn]] void refuse(size_t line, std::string_view key, std::string what, std::string mend = {}) const {
    throw Error(ErrorCode::kUsage, std::move(what), place(line, key), std::move(mend));
  }

  [[noreturn]] void refuse_key(const TomlEntry& entry, std::span<const std::string_view> known) const {
    const std::vector<std::string> words(known.begin(), known.end());
    const std::string nearest = settings::nearest_word(entry.key, words);
    refuse(entry.line, {}, fmt::format("there is no key '{}' here", entry.key.substr(0, kShownMax)),
           nearest.empty() ? fmt::format("there are: {}", fmt::join(words, ", "))
                           : fmt::format("did you mean {}?", nearest));
  }

  Kind read_kind(const TomlValue& table) const {
    static constexpr std::array<std::string_view, 10> kKeys = {
        "name",   "weight",      "prompt", "new",    "shared",
        "groups", "temperature", "turns",  "cancel", "cancel_after"};
    if (table.kind != TomlKind::kTree) refuse(table.line, "kind", "this is a table", "write it as [[kind]]");
    Kind out;
    for (const TomlEntry& entry : table.entries) {
      if (entry.key == "name")
        out.name = name_of(entry);
      else if (entry.key == "weight")
        out.weight = real(entry.value, entry.key, 0, kWeightMax);
      else if (entry.key == "prompt")
        out.prompt = range(entry, 1, kMixTokensMax);
      else if (entry.key == "new")
        out.new_tokens = range(entry, 1, kMixTokensMax);
      else if (entry.key == "shared")
        out.shared = whole(entry.value, entry.key, 0, kMixTokensMax);
      else if (entry.key == "groups")
        out.groups = whole(entry.value, entry.key, 1, kGroupsMax);
      else if (entry.key == "temperature")
        out.temperature = real(entry.value, entry.key, 0, kTemperatureMax);
      else if (entry.key == "turns")
        out.turns = range(entry, 1, kTurnsMax);
      else if (entry.key == "cancel")
        out.cancel = real(entry.value, entry.key, 0, 1);
      else if (entry.key == "cancel_after")
        out.cancel_after = range(entry, 0, kMixTokensMax);
      else
        refuse_key(entry, kKeys);
    }
    return out;
  }

  std::string name_of(const TomlEntry& entry) const {
    if (entry.value.kind != TomlKind::kText || entry.value.text.size() > kKindNameMax)
      refuse(entry.line, entry.key, fmt::format("this is a text of at most {} bytes", kKindNameMax));
    return entry.value.text;
  }

  double real(const TomlValue& value, std::string_view key, double least, double most) const {
    const std::optional<double> number = value.kind == TomlKind::kReal ? std::optional(value.real)
                                         : value.kind == TomlKind::kInteger
                                             ? std::optional(static_cast<double>(value.integer))
                                             : std::nullopt;
    if (!number || !(*number >= least && *number <= most))
      refuse(value.line, key, fmt::format("this is a number from {} to {}", least, most));
    return *number;
  }

  uint32_t whole(const TomlValue& value, std::string_view key, uint32_t least, uint32_t most) const {
    if (value.kind != TomlKind::kInteger || value.integer < least || value.integer > most)
      refuse(value.line, key, fmt::format("this is a whole number from {} to {}", least, most));
    return static_cast<uint32_t>(value.integer);
  }

  // 512, [50, 500] or { median = 150, sigma = 0.8, most = 600 }.
  Range range(const TomlEntry& entry, uint32_t least, uint32_t most) const {
    const TomlValue& value = entry.value;
    if (value.kind == TomlKind::kTree) return lognormal(entry, least, most);
    if (value.kind != TomlKind::kList) {
      const uint32_t number = whole(value, entry.key, least, most);
      return {number, number};
    }
    if (value.items.size() != 2) refuse(value.line, entry.key, "a range is two numbers", "[50, 500]");
    const Range out{whole(value.items[0], entry.key, least, most),
                    whole(value.items[1], entry.key, least, most)};
    if (out.least > out.most) refuse(value.line, entry.key, "the range ends before it begins");
    return out;
  }

  Range lognormal(const TomlEntry& entry, uint32_t least, uint32_t most) const {
    static constexpr std::array<std::string_view, 4> kKeys = {"median", "sigma", "least", "most"};
    Range out{least, most, 0, 1};
    for (const TomlEntry& part : entry.value.entries) {
      if (part.key == "median")
        out.median = real(part.value, part.key, 1, most);
      else if (part.key == "sigma")
        out.sigma = real(part.value, part.key, 0, kSigmaMax);
      else if (part.key == "least")
        out.least = whole(part.value, part.key, least, most);
      else if (part.key == "most")
        out.most = whole(part.value, part.key, least, most);
      else
        refuse_key(part, kKeys);
    }
    if (out.median == 0)
      refuse(entry.line, entry.key, "a spread without a median", "{ median = 150, sigma = 0.8 }");
    if (out.least > out.most) refuse(entry.line, entry.key, "least is above most");
    return out;
  }

  const std::string& name_;
};

}  // namespace

uint32_t Range::draw(double u, double v) const {
  if (median == 0) {
    const double span = static_cast<double>(most - least) + 1;
    return std::min(most, least + static_cast<uint32_t>(u * span));
  }
  // Box and Muller, "A note on the generation of random normal deviates", 1958.
  const double normal = std::sqrt(-2 * std::log1p(-u)) * std::cos(2 * std::numbers::pi * v);
  const double value = std::round(median * std::exp(sigma * normal));
  return static_cast<uint32_t>(std::clamp(value, static_cast<double>(least), static_cast<double>(most)));
}

Mix read_mix(std::string_view text, const std::string& name) {
  return MixReader(name).read(settings::read_toml(text, name, "[[kind]]"));
}

}  // namespace gantry::bench
