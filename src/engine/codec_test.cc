#include "engine/codec.h"

#include <bit>
#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include "base/rng.h"
#include "kv/root_key.h"

namespace gantry::engine {
namespace {

// Numbers of a seed: mostly ordinary, now and then at the edge.
class Dice {
 public:
  explicit Dice(uint64_t seed) : seed_(seed) {}
  uint64_t roll(uint64_t below) { return static_cast<uint64_t>(next() * static_cast<double>(below)); }
  bool chance(double p) { return next() < p; }
  double real() {
    constexpr double kEdges[] = {0.0, -0.0, 1e-320, std::numeric_limits<double>::infinity(), 1.0 / 3};
    return chance(0.2) ? kEdges[roll(5)] : (next() - 0.5) * 1e6;
  }
  TokenId token() { return static_cast<TokenId>(roll(200000)) - 1; }
  std::vector<TokenId> tokens(uint64_t most) {
    std::vector<TokenId> tokens(roll(most + 1));
    for (TokenId& t : tokens) t = token();
    return tokens;
  }
  std::string text(uint64_t most) {
    std::string text(roll(most + 1), '\0');
    for (char& c : text) c = static_cast<char>(roll(256));
    return text;
  }

 private:
  double next() { return uniform_at(seed_, count_++); }
  uint64_t seed_, count_ = 0;
};

Job random_job(Dice& dice) {
  Job job;
  job.prompt = dice.tokens(300);
  auto& s = job.sampling;
  for (double* number : {&s.temperature, &s.top_p, &s.min_p, &s.typical_p, &s.repetition_penalty,
                         &s.presence_penalty, &s.frequency_penalty})
    if (dice.chance(0.5)) *number = dice.real();
  s.top_k = static_cast<uint32_t>(dice.roll(1u << 31));
  s.penalty_window = static_cast<uint32_t>(dice.roll(100));
  for (uint64_t n = dice.roll(20); n > 0; --n)
    s.logit_bias.emplace_back(dice.token(), static_cast<float>(dice.real()));
  s.seed = dice.roll(~uint64_t{0});
  job.tokens_max = static_cast<uint32_t>(dice.roll(1u << 31));
  job.stop_tokens = dice.tokens(10);
  job.logprobs = dice.chance(0.5);
  job.top_logprobs = static_cast<uint32_t>(dice.roll(21));
  job.grammar = {dice.text(kGrammarKindBytesMax), dice.text(500)};
  job.wanted = static_cast<Wanted>(dice.roll(kWantedCount));
  job.client = dice.roll(1000000);
  job.priority = static_cast<int32_t>(dice.roll(2001)) - 1000;
  job.deadline_ms = static_cast<uint32_t>(dice.roll(100000));
  job.first_token_ms = static_cast<uint32_t>(dice.roll(100000));
  job.salt = dice.text(kv::kSaltBytesMax);
  job.adapter = static_cast<uint32_t>(dice.roll(100));
  job.answers = static_cast<uint32_t>(dice.roll(100));
  return job;
}

TokenEvent random_event(Dice& dice) {
  TokenEvent event;
  event.job = dice.roll(~uint64_t{0});
  event.token = dice.token();
  event.logprob = static_cast<float>(dice.real());
  event.top_count = static_cast<uint32_t>(dice.roll(sample::kTopLogprobsMax + 1));
  for (uint32_t i = 0; i < event.top_count; ++i)
    event.top[i] = {dice.token(), static_cast<float>(dice.real())};
  event.finish = static_cast<FinishReason>(dice.roll(kFinishReasonCount));
  if (dice.chance(0.3))
    event.error = std::make_shared<Error>(static_cast<ErrorCode>(dice.roll(error_table().size())),
                                          dice.text(60), dice.text(60), dice.text(60));
  event.prompt_tokens = static_cast<uint32_t>(dice.roll(1000));
  event.cached_tokens = static_cast<uint32_t>(dice.roll(1000));
  for (uint64_t n = dice.roll(50); n > 0; --n) event.values.push_back(static_cast<float>(dice.real()));
  return event;
}

ErrorCode refusal(std::span<const std::byte> bytes) {
  try {
    decode_job(bytes);
  } catch (const Error& error) {
    return error.code();
  }
  return ErrorCode::kInternal;
}

TEST(Codec, JobsComeBackAsTheyWere) {
  for (uint64_t seed = 1; seed <= 500; ++seed) {
    Dice dice(seed);
    const Job job = random_job(dice);
    const auto bytes = encode(job);
    const Job back = decode_job(bytes);
    ASSERT_EQ(back, job) << seed;
    ASSERT_EQ(encode(back), bytes) << seed;
    ASSERT_EQ(std::signbit(back.sampling.temperature), std::signbit(job.sampling.temperature)) << seed;
  }
}

TEST(Codec, EventsComeBackAsTheyWere) {
  for (uint64_t seed = 1; seed <= 500; ++seed) {
    Dice dice(seed);
    const TokenEvent event = random_event(dice);
    const auto bytes = encode(event);
    const TokenEvent back = decode_event(bytes);
    ASSERT_EQ(encode(back), bytes) << seed;
    ASSERT_EQ(back.job, event.job);
    ASSERT_EQ(back.token, event.token);
    ASSERT_EQ(std::bit_cast<uint32_t>(back.logprob), std::bit_cast<uint32_t>(event.logprob));
    ASSERT_EQ(back.finish, event.finish);
    ASSERT_EQ(back.top_count, event.top_count);
    ASSERT_EQ(back.values, event.values);
    ASSERT_EQ(back.error != nullptr, event.error != nullptr);
    if (event.error == nullptr) continue;
    ASSERT_EQ(back.error->code(), event.error->code());
    ASSERT_STREQ(back.error->what(), event.error->what());
  }
}

TEST(Codec, NotANumberKeepsItsBits) {
  TokenEvent event;
  event.values = {std::bit_cast<float>(0x7fc12345u)};
  EXPECT_EQ(std::bit_cast<uint32_t>(decode_event(encode(event)).values[0]), 0x7fc12345u);
}

TEST(Codec, TooShortTooLongAndForeignBytesAreRefused) {
  Dice dice(3);
  Job job = random_job(dice);
  job.prompt.resize(5);
  const auto bytes = encode(job);
  for (size_t length = 0; length < bytes.size(); ++length)
    ASSERT_EQ(refusal(std::span(bytes).first(length)), ErrorCode::kInvalidRequest) << length;
  auto longer = bytes;
  longer.push_back(std::byte{0});
  EXPECT_EQ(refusal(longer), ErrorCode::kInvalidRequest);
  auto other = bytes;
  ++reinterpret_cast<uint8_t&>(other[4]);  // the version
  EXPECT_EQ(refusal(other), ErrorCode::kInvalidRequest);
  EXPECT_EQ(refusal(encode(TokenEvent{})), ErrorCode::kInvalidRequest);
}

TEST(Codec, LimitsHoldToTheLastOne) {
  Job job;
  job.prompt = {1};
  job.stop_tokens.assign(sample::kStopTokensMax, 1);
  job.sampling.logit_bias.assign(sample::kLogitBiasMax, {1, 1.0f});
  job.grammar = {std::string(kGrammarKindBytesMax, 'k'), std::string(kGrammarBytesMax, 'g')};
  job.salt.assign(kv::kSaltBytesMax, 's');
  EXPECT_EQ(decode_job(encode(job)), job);
  const auto too_much = [&](const auto& change) {
    Job more = job;
    change(more);
    return refusal(encode(more)) == ErrorCode::kInvalidRequest;
  };
  EXPECT_TRUE(too_much([](Job& j) { j.stop_tokens.push_back(1); }));
  EXPECT_TRUE(too_much([](Job& j) { j.sampling.logit_bias.emplace_back(1, 1.0f); }));
  EXPECT_TRUE(too_much([](Job& j) { j.grammar.kind += 'k'; }));
  EXPECT_TRUE(too_much([](Job& j) { j.grammar.text += 'g'; }));
  EXPECT_TRUE(too_much([](Job& j) { j.salt += 's'; }));
}

TEST(Codec, AnErrorsLongTextsAreCut) {
  TokenEvent event;
  event.error = std::make_shared<Error>(ErrorCode::kDevice, std::string(kEventTextBytesMax + 7, 'x'));
  EXPECT_EQ(decode_event(encode(event)).error->message().size(), kEventTextBytesMax);
}

}  // namespace
}  // namespace gantry::engine
