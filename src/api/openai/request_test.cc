#include "api/openai/request.h"

#include <gtest/gtest.h>

#include "api/limits.h"
#include "http/http.h"

namespace gantry::api::openai {
namespace {

GenerateRequest chat(const std::string& more) {
  return parse(Api::kChat, R"({"messages":[{"role":"user","content":"x"}])" + more + "}").request;
}

TEST(OpenaiRequest, Defaults) {
  const GenerateRequest request = chat("");
  EXPECT_EQ(request.model, "");
  EXPECT_EQ(request.n, 1U);
  EXPECT_FALSE(request.stream);
  EXPECT_EQ(request.base.tokens_max, 0U) << "as many as the context holds";
  EXPECT_EQ(request.base.sampling.temperature, 1);
  EXPECT_EQ(request.base.sampling.top_p, 1);
  EXPECT_LT(request.base.sampling.seed, uint64_t{1} << 63);
  EXPECT_NE(chat("").base.sampling.seed, chat("").base.sampling.seed) << "random where none is given";
}

TEST(OpenaiRequest, EverySamplingFieldArrives) {
  const auto sampling =
      chat(
          R"(,"temperature":0.5,"top_p":0.25,"top_k":7,"min_p":0.125,"typical_p":0.75,"repetition_penalty":1.5,
              "presence_penalty":-1,"frequency_penalty":2,"penalty_window":9,"seed":-2,"logit_bias":{"5":-2.5})")
          .base.sampling;
  EXPECT_EQ(sampling.temperature, 0.5);
  EXPECT_EQ(sampling.top_p, 0.25);
  EXPECT_EQ(sampling.top_k, 7U);
  EXPECT_EQ(sampling.min_p, 0.125);
  EXPECT_EQ(sampling.typical_p, 0.75);
  EXPECT_EQ(sampling.repetition_penalty, 1.5);
  EXPECT_EQ(sampling.presence_penalty, -1);
  EXPECT_EQ(sampling.frequency_penalty, 2);
  EXPECT_EQ(sampling.penalty_window, 9U);
  EXPECT_EQ(sampling.seed, UINT64_MAX - 1);
  ASSERT_EQ(sampling.logit_bias.size(), 1U);
  EXPECT_EQ(sampling.logit_bias[0], (std::pair<TokenId, float>(5, -2.5F)));
}

TEST(OpenaiRequest, ASeedOfMinusOneIsRandom) {
  for (const char* seed : {R"(,"seed":-1)", R"(,"seed":-1.0)", R"(,"seed":null)"}) {
    EXPECT_NE(chat(seed).base.sampling.seed, chat(seed).base.sampling.seed) << seed;
    EXPECT_LT(chat(seed).base.sampling.seed, uint64_t{1} << 63);
  }
}

TEST(OpenaiRequest, StopStrings) {
  using Strings = std::vector<std::string>;
  EXPECT_EQ(chat(R"(,"stop":"a")").base.stop, Strings{"a"});
  EXPECT_EQ(chat(R"(,"stop":["","a",""])").base.stop, Strings{"a"});
  EXPECT_TRUE(chat(R"(,"stop":"")").base.stop.empty()) << "an empty one is none";
  const auto many = [](size_t count) {
    std::string out = R"(,"stop":["x")";
    for (size_t i = 1; i < count; ++i) out += R"(,"x")";
    return out + "]";
  };
  EXPECT_EQ(chat(many(completion::kStopStringsMax)).base.stop.size(), completion::kStopStringsMax);
  EXPECT_THROW(chat(many(completion::kStopStringsMax + 1)), http::Refusal);
  const std::string longest(completion::kStopStringBytesMax, 'x');
  EXPECT_NO_THROW(chat(R"(,"stop":")" + longest + '"'));
  EXPECT_THROW(chat(R"(,"stop":")" + longest + "x\""), http::Refusal);
}

TEST(OpenaiRequest, GoingOnWithTheLastMessage) {
  const auto input = [](const std::string& more) {
    return std::get<completion::ChatInput>(chat(more).prompts.at(0));
  };
  EXPECT_TRUE(input("").add_generation_prompt);
  EXPECT_FALSE(input("").continue_final);
  for (const char* more : {R"(,"continue_final_message":true)", R"(,"continue_":true)",
                           R"(,"continue_final_message":true,"add_generation_prompt":false)"}) {
    EXPECT_TRUE(input(more).continue_final) << more;
    EXPECT_FALSE(input(more).add_generation_prompt) << more;
  }
  EXPECT_FALSE(input(R"(,"add_generation_prompt":false)").continue_final);
  EXPECT_THROW(chat(R"(,"continue_final_message":true,"add_generation_prompt":true)"), http::Refusal);
}

// As clients of Mistral and DeepSeek say it.
TEST(OpenaiRequest, GoingOnWithAPrefix) {
  const auto request = [](const std::string& prefix, const std::string& more = "") {
    return parse(Api::kChat, R"({"messages":[{"role":"assistant","content":"a","prefix":true},
                                 {"role":"user","content":"x"},
                                 {"role":"assistant","content":"y","prefix":)" +
                                 prefix + "}]" + more + "}")
        .request;
  };
  const auto input = [&](const std::string& prefix) {
    return std::get<completion::ChatInput>(request(prefix).prompts.at(0));
  };
  EXPECT_TRUE(input("true").continue_final);
  EXPECT_FALSE(input("true").add_generation_prompt);
  EXPECT_EQ(request("true").names.written("continue_final_message"), "messages[2].prefix");
  for (const char* prefix : {"false", "null"}) {
    EXPECT_FALSE(input(prefix).continue_final) << prefix;
    EXPECT_TRUE(input(prefix).add_generation_prompt) << prefix;
  }
  EXPECT_THROW(request("1"), http::Refusal);
  EXPECT_THROW(request("true", R"(,"add_generation_prompt":true)"), http::Refusal);
}

TEST(OpenaiRequest, OtherNames) {
  EXPECT_EQ(chat(R"(,"repeat_penalty":1.25)").base.sampling.repetition_penalty, 1.25);
  EXPECT_EQ(chat(R"(,"repeat_last_n":3)").base.sampling.penalty_window, 3U);
  EXPECT_EQ(chat(R"(,"top_k":-1)").base.sampling.top_k, 0U);
}

TEST(OpenaiRequest, MinusOneTokensAreAsManyAsTheContextHolds) {
  for (const char* field : {"max_tokens", "max_completion_tokens"})
    EXPECT_EQ(chat(",\"" + std::string(field) + "\":-1").base.tokens_max, 0U);
  EXPECT_EQ(chat(R"(,"max_tokens":7,"max_completion_tokens":-1)").base.tokens_max, 0U);
  EXPECT_EQ(chat(R"(,"max_tokens":-1,"max_completion_tokens":7)").base.tokens_max, 7U);
  const GenerateRequest bare = parse(Api::kCompletions, R"({"prompt":"a","max_tokens":-1})").request;
  EXPECT_EQ(bare.base.tokens_max, 0U);
  EXPECT_FALSE(bare.nothing_to_generate);
  for (const char* bad : {R"(,"max_tokens":0)", R"(,"max_tokens":-2)", R"(,"max_tokens":-1.5)"})
    EXPECT_THROW(chat(bad), http::Refusal) << bad;
}

TEST(OpenaiRequest, TheWindowOfPenaltiesInBothWords) {
  const auto sampling = [](const std::string& window) {
    return chat(R"(,"repeat_penalty":1.5,"presence_penalty":1,"frequency_penalty":1,)" + window)
        .base.sampling;
  };
  EXPECT_EQ(sampling(R"("repeat_last_n":-1)").penalty_window, 0U);
  EXPECT_EQ(sampling(R"("repeat_last_n":-1)").repetition_penalty, 1.5);
  const auto none = sampling(R"("repeat_last_n":0)");
  EXPECT_EQ(none.repetition_penalty, 1);
  EXPECT_EQ(none.presence_penalty, 0);
  EXPECT_EQ(none.frequency_penalty, 0);
  EXPECT_EQ(sampling(R"("penalty_window":0)").repetition_penalty, 1.5) << "our own word: 0 is all";
}

// What clients send for "nothing".
TEST(OpenaiRequest, NullsAndEmptyValuesAreAsAbsent) {
  for (const char* field : {"stream",
                            "stream_options",
                            "n",
                            "stop",
                            "stop_token_ids",
                            "ignore_eos",
                            "seed",
                            "priority",
                            "deadline_ms",
                            "first_token_ms",
                            "temperature",
                            "top_p",
                            "top_k",
                            "min_p",
                            "typical_p",
                            "repeat_penalty",
                            "repetition_penalty",
                            "presence_penalty",
                            "frequency_penalty",
                            "repeat_last_n",
                            "penalty_window",
                            "logit_bias",
                            "response_format",
                            "max_tokens",
                            "max_completion_tokens",
                            "logprobs",
                            "top_logprobs",
                            "tools",
                            "tool_choice",
                            "chat_template_kwargs",
                            "add_generation_prompt",
                            "functions",
                            "function_call",
                            "audio",
                            "modalities",
                            "model"}) {
    EXPECT_NO_THROW(chat(",\"" + std::string(field) + "\":null")) << field;
  }
  for (const char* more : {R"(,"functions":[])", R"(,"audio":{})", R"(,"tools":[])", R"(,"stop":[])",
                           R"(,"logit_bias":{})", R"(,"function_call":"auto")", R"(,"function_call":"none")"})
    EXPECT_NO_THROW(chat(more)) << more;
  EXPECT_NO_THROW(parse(Api::kCompletions, R"({"prompt":"a","suffix":"","best_of":null})"));
  EXPECT_THROW(chat(R"(,"function_call":{"name":"f"})"), http::Refusal);
}

TEST(OpenaiRequest, NumbersThatAreNotCountsAreToldThemselves) {
  const auto message = [](const std::string& more) {
    try {
      chat(more);
    } catch (const http::Refusal& error) {
      return error.code() + ": " + error.message();
    }
    return std::string("taken");
  };
  EXPECT_EQ(message(R"(,"n":1.5)"), "invalid_type: 'n' must be an integer, not 1.5");
  EXPECT_EQ(message(R"(,"max_tokens":1e30)"),
            "out_of_range: 'max_tokens' must be an integer of 64 bits, written out, not 1e+30");
  EXPECT_EQ(message(R"(,"stop":1)"),
            "invalid_type: 'stop' must be a string or an array of strings, not a number");
}

TEST(OpenaiRequest, ChoicesOfAllPrompts) {
  const GenerateRequest request =
      parse(Api::kCompletions, R"({"prompt":["a","b"],"n":2,"seed":18446744073709551615})").request;
  EXPECT_EQ(request.choices(), 4U);
  EXPECT_EQ(std::get<std::string>(request.prompts.at(1)), "b");
  EXPECT_EQ(request.base.sampling.seed, UINT64_MAX);
}

TEST(OpenaiRequest, ErrorsFromBelowAreToldByTheNamesThatWereSent) {
  EXPECT_EQ(chat(R"(,"max_tokens":7)").names.written("max_tokens"), "max_tokens");
  EXPECT_EQ(chat(R"(,"max_completion_tokens":7)").names.written("max_tokens"), "max_completion_tokens");
  EXPECT_EQ(chat(R"(,"max_tokens":7,"max_completion_tokens":7)").names.written("max_tokens"),
            "max_completion_tokens")
      << "the one that counts";
  EXPECT_EQ(chat(R"(,"repeat_penalty":1.5)").names.written("repetition_penalty"), "repeat_penalty");
  EXPECT_EQ(chat(R"(,"repeat_last_n":5)").names.written("penalty_window"), "repeat_last_n");
  EXPECT_EQ(chat("").names.written("prompt"), "messages");
  EXPECT_EQ(chat("").names.written("messages[2].role"), "messages[2].role");
  const GenerateRequest bare = parse(Api::kCompletions, R"({"prompt":"a","logprobs":3})").request;
  EXPECT_EQ(bare.names.written("prompt"), "prompt");
  EXPECT_EQ(bare.names.written("top_logprobs"), "logprobs");
}

TEST(OpenaiRequest, PromptsAtTheirLimit) {
  const auto body = [](uint32_t prompts) {
    std::string out = R"({"prompt":["x")";
    for (uint32_t i = 1; i < prompts; ++i) out += R"(,"x")";
    return out + "]}";
  };
  EXPECT_EQ(parse(Api::kCompletions, body(kPromptsMax)).request.prompts.size(), kPromptsMax);
  EXPECT_THROW(parse(Api::kCompletions, body(kPromptsMax + 1)), http::Refusal);
}

TEST(OpenaiRequest, EffortHasManyNames) {
  const auto effort = [](const char* field) {
    return std::get<completion::ChatInput>(chat(field).prompts.at(0)).reasoning_effort;
  };
  EXPECT_EQ(effort(""), "");
  EXPECT_EQ(effort(R"(,"reasoning_effort":"high")"), "high");
  EXPECT_EQ(effort(R"(,"reasoning_effort":null)"), "");
  EXPECT_EQ(effort(R"(,"reasoning":{"effort":"low","summary":"auto"})"), "low");
  EXPECT_EQ(effort(R"(,"reasoning":{})"), "");
  EXPECT_EQ(effort(R"(,"think":true)"), "on");
  EXPECT_EQ(effort(R"(,"think":false)"), "none");
  EXPECT_EQ(effort(R"(,"think":"medium")"), "medium");
  EXPECT_EQ(effort(R"(,"enable_thinking":false)"), "none");
  EXPECT_EQ(effort(R"(,"thinking":{"type":"enabled"})"), "on");
  EXPECT_EQ(effort(R"(,"thinking":{"type":"disabled","budget_tokens":null})"), "none");
  EXPECT_EQ(effort(R"(,"thinking":{"type":"auto"})"), "");
  EXPECT_EQ(effort(R"(,"thinking":{})"), "");
  EXPECT_EQ(effort(R"(,"thinking":true)"), "on");
  for (const char* bad :
       {R"(,"reasoning_effort":3)", R"(,"think":1)", R"(,"reasoning":{"effort":true})", R"(,"thinking":1)",
        R"(,"thinking":{"type":"much"})", R"(,"thinking":{"type":"enabled","budget_tokens":1024})",
        R"(,"enable_thinking":1)", R"(,"reasoning_effort":"123456789012345678901234567890123")"})
    EXPECT_THROW(chat(bad), http::Refusal) << bad;
}

TEST(OpenaiRequest, KeepsTheOrderOfKeysInTools) {
  const GenerateRequest request = chat(R"(,"tools":[{"z":1,"a":2}],"chat_template_kwargs":{"y":1,"b":2})");
  const auto& input = std::get<completion::ChatInput>(request.prompts.at(0));
  EXPECT_EQ(input.tools.dump(), R"([{"z":1,"a":2}])");
  EXPECT_EQ(input.template_kwargs.dump(), R"({"y":1,"b":2})");
}

}  // namespace
}  // namespace gantry::api::openai
