#include "bench/mix.h"

#include <cmath>
#include <string>

#include <gtest/gtest.h>

#include "base/error.h"
#include "base/rng.h"

namespace gantry::bench {
namespace {

TEST(Mix, ThoseInTheProgramAreRead) {
  ASSERT_FALSE(built_in_mixes().empty());
  for (const BuiltInMix& mix : built_in_mixes()) {
    const Mix read = read_mix(mix.text, std::string(mix.name));
    EXPECT_FALSE(read.kinds.empty()) << mix.name;
    EXPECT_NE(built_in_mix_names().find(mix.name), std::string::npos);
    EXPECT_EQ(find_built_in_mix(mix.name), &mix);
  }
  EXPECT_EQ(find_built_in_mix("nothing"), nullptr);
}

TEST(Mix, EveryKeyIsRead) {
  const Mix mix = read_mix(
      "[[kind]]\nname = 'a'\nweight = 2.5\nprompt = 7\nnew = [3, 9]\nshared = 100\ngroups = 3\ntemperature = "
      "1\n"
      "turns = { median = 2, sigma = 0.5, most = 5 }\ncancel = 0.25\ncancel_after = [0, 4]\n[[kind]]\n",
      "m");
  ASSERT_EQ(mix.kinds.size(), 2u);
  const Kind& kind = mix.kinds[0];
  EXPECT_EQ(kind.name, "a");
  EXPECT_EQ(kind.weight, 2.5);
  EXPECT_EQ(kind.prompt.least, 7u);
  EXPECT_EQ(kind.prompt.most, 7u);
  EXPECT_EQ(kind.new_tokens.least, 3u);
  EXPECT_EQ(kind.new_tokens.most, 9u);
  EXPECT_EQ(kind.shared, 100u);
  EXPECT_EQ(kind.groups, 3u);
  EXPECT_EQ(kind.temperature, 1);
  EXPECT_EQ(kind.turns.median, 2);
  EXPECT_EQ(kind.turns.most, 5u);
  EXPECT_EQ(kind.cancel, 0.25);
  EXPECT_EQ(kind.cancel_after.most, 4u);
}

TEST(Mix, WhatIsWrongIsToldWithItsLine) {
  struct Case {
    const char *text, *where, *words;
  };
  for (const Case& one : {
           Case{"", "m", "without kinds"},
           Case{"[[kinds]]\n", "m:1", "no key 'kinds'"},
           Case{"[kind]\n", "m:1: kind", "several"},
           Case{"[[kind]]\n\npromt = 5\n", "m:3", "no key 'promt'"},
           Case{"[[kind]]\nprompt = 0\n", "m:2: prompt", "from 1 to"},
           Case{"[[kind]]\nprompt = 1048577\n", "m:2: prompt", "from 1 to 1048576"},
           Case{"[[kind]]\nprompt = 'x'\n", "m:2: prompt", "whole number"},
           Case{"[[kind]]\nprompt = [5, 4]\n", "m:2: prompt", "ends before"},
           Case{"[[kind]]\nprompt = [5]\n", "m:2: prompt", "two numbers"},
           Case{"[[kind]]\nprompt = { sigma = 1 }\n", "m:2: prompt", "median"},
           Case{"[[kind]]\nprompt = { median = 5, sigma = 9 }\n", "m:2: sigma", "from 0 to 4"},
           Case{"[[kind]]\nprompt = { median = 5, least = 9, most = 8 }\n", "m:2: prompt", "least is above"},
           Case{"[[kind]]\nturns = 65\n", "m:2: turns", "from 1 to 64"},
           Case{"[[kind]]\nweight = -1\n", "m:2: weight", "from 0"},
           Case{"[[kind]]\nweight = 0\n", "m:1: kind", "weight above 0"},
           Case{"[[kind]]\ncancel = 1.5\n", "m:2: cancel", "from 0 to 1"},
           Case{"[[kind]]\nname = 5\n", "m:2: name", "text"},
           Case{"[[kind]\n", "m:1", ""},
           Case{"kind = []\n", "m:1: kind", "0 kinds"},
       }) {
    try {
      read_mix(one.text, "m");
      ADD_FAILURE() << one.text;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kUsage);
      EXPECT_EQ(error.where(), one.where) << one.text;
      EXPECT_NE(error.message().find(one.words), std::string::npos) << error.what();
    }
  }
  std::string many;
  for (size_t i = 0; i < kKindsMax; ++i) many += "[[kind]]\n";
  EXPECT_EQ(read_mix(many, "m").kinds.size(), kKindsMax);
  EXPECT_THROW(read_mix(many + "[[kind]]\n", "m"), Error);
}

TEST(Mix, DrawsAreOfTheirDistribution) {
  const Range even{10, 19};
  const Range spread{1, 1u << 20, 100, 0.5};
  double sum = 0, logs = 0;
  std::vector<uint32_t> counts(20);
  constexpr uint32_t kDraws = 20000;
  for (uint64_t i = 0; i < kDraws; ++i) {
    const double u = uniform_at(3, i), v = uniform_at(3, i, 1);
    ++counts[even.draw(u, v)];
    sum += spread.draw(u, v) <= 100 ? 1 : 0;
    logs += std::pow(std::log(spread.draw(u, v) / 100.0), 2);
  }
  for (uint32_t i = 10; i < 20; ++i) EXPECT_NEAR(counts[i], kDraws / 10, 200);
  EXPECT_NEAR(sum / kDraws, 0.5, 0.02);
  EXPECT_NEAR(std::sqrt(logs / kDraws), 0.5, 0.02);
}

}  // namespace
}  // namespace gantry::bench
