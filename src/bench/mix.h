// What kinds of requests a load is mixed of, read from TOML:
//
//   [[kind]]
//   name = "question"
//   weight = 3                                   # how often, beside the other kinds
//   prompt = [50, 500]                           # tokens: a number, from-to, or lognormal:
//   new = { median = 150, sigma = 0.8, most = 600 }
//   shared = 1000                                # tokens that prompts of one group begin with
//   groups = 4
//   temperature = 0.7
//   turns = [1, 4]                               # requests of one conversation
//   cancel = 0.1                                 # share of requests whose client leaves
//   cancel_after = [1, 40]                       # tokens
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace gantry::bench {

inline constexpr size_t kKindsMax = 64;
inline constexpr uint32_t kMixTokensMax = 1u << 20;
inline constexpr uint32_t kGroupsMax = 1u << 16;
inline constexpr uint32_t kTurnsMax = 64;

// A whole number that is drawn: evenly from least to most, or, with a median, lognormally between them.
struct Range {
  uint32_t least = 0, most = 0;
  double median = 0, sigma = 0;

  // `u`, `v`: two independent draws from [0, 1).
  uint32_t draw(double u, double v) const;
};

struct Kind {
  std::string name;
  double weight = 1;
  Range prompt{256, 256};      // tokens of a turn's own
  Range new_tokens{128, 128};  // of an answer
  uint32_t shared = 0;         // tokens before the first turn's own
  uint32_t groups = 1;         // how many such beginnings there are
  double temperature = 0;
  Range turns{1, 1};
  double cancel = 0;         // probability that the client leaves
  Range cancel_after{1, 1};  // after so many tokens
};

struct Mix {
  std::string name;
  std::vector<Kind> kinds;  // at least one
};

// Error kUsage naming file, line and key; kTooLarge.
Mix read_mix(std::string_view text, const std::string& name);

struct BuiltInMix {
  std::string_view name, text;
};
const std::vector<BuiltInMix>& built_in_mixes();
// Null: there is none by that name.
const BuiltInMix* find_built_in_mix(std::string_view name);
std::string built_in_mix_names();  // "chat, long, ..."

}  // namespace gantry::bench
