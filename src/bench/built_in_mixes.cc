#include <fmt/format.h>

#include "bench/mix.h"

namespace gantry::bench {

const std::vector<BuiltInMix>& built_in_mixes() {
  static const std::vector<BuiltInMix> kMixes = {
      {"chat",
       R"(# People who talk: questions of some lines, answers of some paragraphs, some of them asked further.
[[kind]]
name = "question"
weight = 3
prompt = { median = 120, sigma = 0.8, least = 8, most = 1000 }
new = { median = 120, sigma = 0.6, least = 8, most = 400 }
temperature = 0.7

[[kind]]
name = "conversation"
weight = 1
prompt = [20, 100]
new = [40, 160]
turns = [2, 4]
temperature = 0.7
)"},
      {"short", R"(# Small requests, for small models and quick looks.
[[kind]]
name = "short"
prompt = [16, 48]
new = 32
)"},
      {"long", R"(# Long documents, short answers: the time goes into reading.
[[kind]]
name = "document"
prompt = [2000, 6000]
new = [50, 200]
)"},
      {"shared", R"(# Agents: long beginnings that many requests have in common, and a little of their own.
[[kind]]
name = "agent"
shared = 2000
groups = 4
prompt = [50, 200]
new = [50, 150]
)"},
      {"disconnects", R"(# As chat, but every third client leaves before its answer is whole.
[[kind]]
name = "impatient"
prompt = [50, 400]
new = [100, 300]
temperature = 0.7
cancel = 0.33
cancel_after = [1, 60]
)"}};
  return kMixes;
}

const BuiltInMix* find_built_in_mix(std::string_view name) {
  for (const BuiltInMix& mix : built_in_mixes())
    if (mix.name == name) return &mix;
  return nullptr;
}

std::string built_in_mix_names() {
  std::string out;
  for (const BuiltInMix& mix : built_in_mixes())
    out += fmt::format("{}{}", out.empty() ? "" : ", ", mix.name);
  return out;
}

}  // namespace gantry::bench
