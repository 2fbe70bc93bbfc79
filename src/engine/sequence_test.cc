#include "engine/sequence.h"

#include <functional>

#include <gtest/gtest.h>

#include "base/error.h"
#include "engine/job_check.h"

namespace gantry::engine {
namespace {

class Nobody final : public TokenSink {
 public:
  bool on_token(const TokenEvent&) override { return true; }
};

// A context of 200 tokens, a pool of 4 pages (128 positions).
model::RunnerLimits limits(uint32_t pages = 4) {
  model::RunnerLimits limits;
  limits.vocab = 100;
  limits.context_max = 200;
  limits.sequences_max = limits.logit_rows_max = 2;
  limits.rows_max = 16;
  limits.pages = pages;
  limits.pages_max = 7;
  return limits;
}

Job job(size_t prompt, uint32_t tokens_max) {
  Job job;
  job.prompt.assign(prompt, 5);
  job.tokens_max = tokens_max;
  return job;
}

std::unique_ptr<Sequence> take(Job asked, const model::RunnerLimits& limits) {
  return make_sequence(std::move(asked), std::make_shared<Nobody>(), limits);
}

const Error* refusal(Job asked, uint32_t pages = 4) {
  static Error last(ErrorCode::kInternal, "");
  try {
    take(std::move(asked), limits(pages));
    return nullptr;
  } catch (const Error& error) {
    last = error;
    return &last;
  }
}

TEST(MakeSequence, TakesTheJobIn) {
  const auto s = take(job(10, 5), limits());
  EXPECT_EQ(s->tokens, std::vector<TokenId>(10, 5));
  EXPECT_EQ(s->prompt_tokens, 10u);
  EXPECT_EQ(s->end, 15u);
  EXPECT_EQ(s->pending(), 10u);
  EXPECT_EQ(s->positions_soon(), 11u);
  EXPECT_GE(s->tokens.capacity(), 15u);
}

TEST(MakeSequence, TheAnswerEndsWithTheContext) {
  EXPECT_EQ(take(job(10, 500), limits(7))->end, 200u);
  EXPECT_EQ(take(job(10, 0), limits(7))->end, 200u);
  EXPECT_EQ(take(job(199, 0), limits(7))->end, 200u);
  EXPECT_EQ(refusal(job(200, 1), 7)->code(), ErrorCode::kInvalidRequest);
  EXPECT_EQ(refusal(job(5000, 1), 7)->code(), ErrorCode::kInvalidRequest);
}

TEST(MakeSequence, WhatCanNeverFitThePoolIsRefusedWithTheArithmetic) {
  EXPECT_EQ(take(job(100, 29), limits())->end, 129u);  // the 129th is never fed back
  const Error* error = refusal(job(100, 30));
  ASSERT_NE(error, nullptr);
  EXPECT_EQ(error->code(), ErrorCode::kInvalidRequest);
  EXPECT_EQ(error->where(), "max_tokens");
  EXPECT_EQ(error->message(),
            "100 prompt tokens and 30 of the answer need 5 pages of 32 tokens, the pool has 4");
  // "As many as fit" ends where the pool ends.
  EXPECT_EQ(take(job(100, 0), limits())->end, 129u);
  EXPECT_EQ(take(job(128, 0), limits())->end, 129u);
  EXPECT_THROW(take(job(129, 0), limits()), PromptTooLong);
  EXPECT_EQ(refusal(job(129, 1))->message(), "its 129 tokens need 5 pages of 32 tokens, the pool has 4");
}

TEST(MakeSequence, EveryFieldIsChecked) {
  const auto field = [](const std::function<void(Job&)>& change) {
    Job asked = job(3, 3);
    change(asked);
    const Error* error = refusal(std::move(asked));
    if (error == nullptr) return std::string();
    EXPECT_EQ(error->code(), ErrorCode::kInvalidRequest);
    return error->where();
  };
  EXPECT_EQ(field([](Job&) {}), "");
  EXPECT_EQ(field([](Job& j) { j.prompt.clear(); }), "prompt");
  EXPECT_EQ(field([](Job& j) { j.prompt[1] = 100; }), "prompt");
  EXPECT_EQ(field([](Job& j) { j.prompt[1] = -1; }), "prompt");
  EXPECT_EQ(field([](Job& j) { j.stop_tokens = {100}; }), "stop_token_ids");
  EXPECT_EQ(field([](Job& j) { j.stop_tokens.assign(sample::kStopTokensMax, 1); }), "");
  EXPECT_EQ(field([](Job& j) { j.stop_tokens.assign(sample::kStopTokensMax + 1, 1); }), "stop_token_ids");
  EXPECT_EQ(field([](Job& j) { j.top_logprobs = sample::kTopLogprobsMax; }), "");
  EXPECT_EQ(field([](Job& j) { j.top_logprobs = sample::kTopLogprobsMax + 1; }), "top_logprobs");
  EXPECT_EQ(field([](Job& j) { j.sampling.top_p = 2; }), "top_p");
  EXPECT_EQ(field([](Job& j) { j.salt.assign(kv::kSaltBytesMax, 's'); }), "");
  EXPECT_EQ(field([](Job& j) { j.salt.assign(kv::kSaltBytesMax + 1, 's'); }), "salt");
  EXPECT_EQ(field([](Job& j) { j.salt.assign(1, '\0'); }), "salt") << "zeros end a shorter one";
}

TEST(MakeSequence, AnAdapterIsOneOfTheModels) {
  Job asked = job(3, 3);
  asked.adapter = 1;
  EXPECT_EQ(refusal(asked)->code(), ErrorCode::kUnsupported);
  EXPECT_EQ(refusal(asked)->where(), "adapter");
  auto having = limits();
  having.adapters = 2;
  asked.adapter = 2;
  EXPECT_NE(take(asked, having)->root, take(job(3, 3), having)->root);
  asked.adapter = 3;
  EXPECT_THROW(take(asked, having), Error);
}

TEST(MakeSequence, ASaltIsPartOfTheRoot) {
  Job asked = job(3, 3), other = asked;
  asked.salt = "one";
  other.salt = "another";
  EXPECT_EQ(take(asked, limits())->root, take(asked, limits())->root);
  EXPECT_NE(take(asked, limits())->root, take(other, limits())->root);
  EXPECT_NE(take(asked, limits())->root, take(job(3, 3), limits())->root);
}

TEST(MakeSequence, AScoreNeedsARankingHead) {
  Job asked = job(3, 3);
  asked.wanted = Wanted::kScore;
  EXPECT_EQ(refusal(asked)->code(), ErrorCode::kUnsupported);
  EXPECT_NE(refusal(asked)->message().find("scores"), std::string::npos);
}

TEST(MakeSequence, SomebodyMustListen) { EXPECT_THROW(make_sequence(job(3, 3), nullptr, limits()), Error); }

TEST(MakeSequence, GrammarsAndEmbeddingsNeedSomebodyWhoCan) {
  Job asked = job(3, 3);
  asked.grammar = {std::string(kGrammarKindBytesMax, 'k'), std::string(kGrammarBytesMax, 'g')};
  EXPECT_EQ(refusal(asked)->code(), ErrorCode::kUnsupported);
  asked.grammar.kind = "ebnf";
  EXPECT_STREQ(
      refusal(asked)->what(),
      "grammar: grammars of kind 'ebnf' are not understood here (ask without one, or for another kind)");
  asked.grammar.kind.assign(kGrammarKindBytesMax, 'k');
  Job longer = asked;
  longer.grammar.kind += 'k';
  EXPECT_EQ(refusal(longer)->code(), ErrorCode::kInvalidRequest);
  longer = asked;
  longer.grammar.text += 'g';
  EXPECT_EQ(refusal(longer)->code(), ErrorCode::kInvalidRequest);
  asked = job(3, 3);
  asked.wanted = Wanted::kEmbedding;
  EXPECT_EQ(refusal(asked)->code(), ErrorCode::kUnsupported);
  auto giving = limits();
  giving.width = 8;
  EXPECT_EQ(take(asked, giving)->end, 4u) << "no answer, so no room for one";
}

}  // namespace
}  // namespace gantry::engine
