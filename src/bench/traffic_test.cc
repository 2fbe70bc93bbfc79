#include "bench/traffic.h"

#include <algorithm>
#include <set>
#include <string>

#include <gtest/gtest.h>

#include "bench/arrivals.h"
#include "bench/words.h"

namespace gantry::bench {
namespace {

Mix mix_of(const std::string& text) { return read_mix(text, "m"); }

uint64_t words_in(const std::string& text) {
  return 1 + static_cast<uint64_t>(std::ranges::count(text, ' '));
}

TEST(Arrivals, ArePoissons) {
  constexpr uint64_t kCount = 50000;
  double sum = 0, squares = 0, beyond = 0;
  for (uint64_t i = 0; i < kCount; ++i) {
    const double gap = arrival_gap(11, i, 4);
    ASSERT_GE(gap, 0);
    sum += gap;
    squares += gap * gap;
    beyond += gap > 0.25 ? 1 : 0;
  }
  const double mean = sum / kCount;
  EXPECT_NEAR(mean, 0.25, 0.004);
  EXPECT_NEAR(squares / kCount - mean * mean, 0.0625,
              0.003);  // the variance of an exponential gap is its mean's square
  EXPECT_NEAR(beyond / kCount, std::exp(-1), 0.01);
  EXPECT_NE(arrival_gap(11, 0, 4), arrival_gap(12, 0, 4));
}

TEST(Traffic, IsAFunctionOfSeedAndNumber) {
  const Mix mix = mix_of("[[kind]]\nprompt = [5, 50]\nnew = [1, 100]\nturns = [1, 3]\n");
  const Traffic one(mix, 7, 1), same(mix, 7, 1), other(mix, 8, 1), later(mix, 7, 2);
  std::set<std::string> texts;
  for (uint64_t i = 0; i < 100; ++i) {
    const Ask ask = one.ask(i, 0, {});
    EXPECT_EQ(ask.text, same.ask(i, 0, {}).text);
    EXPECT_EQ(ask.new_tokens, same.ask(i, 0, {}).new_tokens);
    for (const Traffic* traffic : {&one, &other, &later}) texts.insert(traffic->ask(i, 0, {}).text);
    texts.insert(one.ask(i, 1, {}).text);
    EXPECT_GE(words_in(ask.text), 5u);
    EXPECT_LE(words_in(ask.text), 50u);
  }
  EXPECT_EQ(texts.size(), 400u);
}

TEST(Traffic, KindsComeByTheirWeight) {
  const Mix mix =
      mix_of("[[kind]]\nname='a'\nweight = 3\n[[kind]]\nname='never'\nweight = 0\n[[kind]]\nname='b'\n");
  const Traffic traffic(mix, 1, 0);
  int a = 0, b = 0;
  for (uint64_t i = 0; i < 4000; ++i) {
    const std::string& name = traffic.kind(i).name;
    a += name == "a" ? 1 : 0;
    b += name == "b" ? 1 : 0;
  }
  EXPECT_EQ(a + b, 4000);
  EXPECT_NEAR(a, 3000, 120);
}

TEST(Traffic, AGroupBeginsAlike) {
  const Mix mix = mix_of("[[kind]]\nshared = 40\ngroups = 3\nprompt = 4\n");
  const Traffic traffic(mix, 1, 0);
  std::set<std::string> beginnings, all;
  for (uint64_t i = 0; i < 60; ++i) {
    const std::string text = traffic.ask(i, 0, {}).text;
    EXPECT_EQ(words_in(text), 44u);
    size_t end = 0;
    for (int word = 0; word < 40; ++word) end = text.find(' ', end) + 1;
    beginnings.insert(text.substr(0, end));
    all.insert(text);
  }
  EXPECT_EQ(beginnings.size(), 3u);
  EXPECT_EQ(all.size(), 60u);
  EXPECT_EQ(words_in(traffic.ask(0, 1, {}).text), 4u);  // later turns have what is their own
}

TEST(Traffic, TokensAreMeasuredInTheServersOwn) {
  const Mix mix = mix_of("[[kind]]\nprompt = 110\n");
  const Traffic traffic(mix, 1, 0);
  EXPECT_EQ(words_in(traffic.ask(0, 0, {.words_per_token = 0.5, .frame = 10}).text), 50u);
  EXPECT_EQ(words_in(traffic.ask(0, 0, {.words_per_token = 1, .frame = 500}).text), 1u);
}

TEST(Traffic, SomeLeave) {
  const Mix mix = mix_of("[[kind]]\ncancel = 0.25\ncancel_after = [3, 5]\n");
  const Traffic traffic(mix, 1, 0);
  int leave = 0;
  for (uint64_t i = 0; i < 4000; ++i) {
    const auto after = traffic.ask(i, 0, {}).cancel_after;
    if (!after) continue;
    ++leave;
    EXPECT_TRUE(*after >= 3 && *after <= 5);
  }
  EXPECT_NEAR(leave, 1000, 100);
}

TEST(Bodies, AreThoseOfTheApi) {
  Form form;
  form.model = "m";
  const Ask ask{"b", 9, {}};
  const Said said = {{"a", "x"}};
  EXPECT_EQ(Json::parse(body_of(form, said, ask, 0.5)),
            Json::parse(
                R"({"model":"m","messages":[{"role":"user","content":"a"},{"role":"assistant","content":"x"},
              {"role":"user","content":"b"}],"max_tokens":9,"temperature":0.5,"stream":true,
              "stream_options":{"include_usage":true},"ignore_eos":true})"));
  form.api = Api::kCompletions;
  form.asks_usage = form.ignore_eos = false;
  form.extra = Json::parse(R"({"temperature":null,"max_tokens":1,"best_of":2})");
  EXPECT_EQ(Json::parse(body_of(form, said, ask, 0)),
            Json::parse(R"({"model":"m","prompt":"ax b","max_tokens":1,"stream":true,"best_of":2})"));
}

}  // namespace
}  // namespace gantry::bench
