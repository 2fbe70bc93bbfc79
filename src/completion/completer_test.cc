#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "completion/completion.h"
#include "engine/job_check.h"
#include "tests/deadline.h"
#include "tests/scenario/fakes.h"

namespace gantry::completion {
namespace {

using testing::ByteTokenizer;
using testing::kBos;
using testing::kEos;
using testing::kTurn;
using testing::say_text;
using testing::ScriptedEngine;

// Collects the deltas, and can say no after some of them.
class Listener final : public DeltaSink {
 public:
  explicit Listener(size_t refuse_after = SIZE_MAX) : refuse_after_(refuse_after) {}
  bool on_delta(Delta delta) override {
    const std::lock_guard lock(mutex_);
    EXPECT_FALSE(last_) << "a delta after the last one";
    text_ += delta.text;
    for (TokenReport& report : delta.tokens) tokens_.push_back(std::move(report));
    if (delta.finish != Finish::kNone) last_ = std::move(delta);
    changed_.notify_all();
    return ++heard_ <= refuse_after_;
  }
  Delta wait() {
    std::unique_lock lock(mutex_);
    testing::await(
        changed_, lock, [this] { return last_.has_value(); }, "the last delta");
    return *last_;
  }
  void wait_for_text() {
    std::unique_lock lock(mutex_);
    testing::await(
        changed_, lock, [this] { return !text_.empty(); }, "the first text");
  }
  std::string text() {
    const std::lock_guard lock(mutex_);
    return text_;
  }
  const std::vector<TokenReport>& tokens() const { return tokens_; }

 private:
  const size_t refuse_after_;
  std::mutex mutex_;
  std::condition_variable changed_;
  size_t heard_ = 0;
  std::string text_;
  std::vector<TokenReport> tokens_;
  std::optional<Delta> last_;
};

struct Bench {
  explicit Bench(ScriptedEngine::Script script, ScriptedEngine::Options options = {}, bool add_bos = false)
      : tokenizer(add_bos),
        engine(std::move(script), options),
        chat_template(jinja::ChatTemplate::parse(testing::kPlainTemplate)),
        completer(Completer::create({&tokenizer, chat_template.get(), &engine})) {}
  ByteTokenizer tokenizer;
  ScriptedEngine engine;
  std::unique_ptr<const jinja::ChatTemplate> chat_template;
  std::unique_ptr<Completer> completer;
};

CompletionRequest ask(const std::string& prompt) {
  CompletionRequest request;
  request.prompt = prompt;
  return request;
}

void wait_for_rest(const engine::Engine& engine) {
  const auto rests = [&] {
    const engine::EngineStats stats = engine.stats();
    return stats.running + stats.waiting == 0 && stats.pages_free == stats.pages;
  };
  testing::await(rests, "an engine with nothing to do");
}

TEST(Completer, SaysTheAnswerAndCounts) {
  Bench bench(say_text("hello world"));
  auto sink = std::make_shared<Listener>();
  const auto completion = bench.completer->start(ask("abc"), sink);
  const Delta last = sink->wait();
  EXPECT_EQ(sink->text(), "hello world");
  EXPECT_EQ(last.finish, Finish::kStop);
  EXPECT_EQ(last.usage.prompt_tokens, 3U);
  EXPECT_EQ(last.usage.completion_tokens, 12U) << "the end token is one of them";
}

TEST(Completer, EndsAtTheLength) {
  Bench bench(say_text("hello world"));
  CompletionRequest request = ask("abc");
  request.tokens_max = 4;
  auto sink = std::make_shared<Listener>();
  const auto completion = bench.completer->start(std::move(request), sink);
  EXPECT_EQ(sink->wait().finish, Finish::kLength);
  EXPECT_EQ(sink->text(), "hell");
}

TEST(Completer, EndsBeforeAStopStringAndFreesTheJob) {
  Bench bench(say_text(std::string(2000, 'a') + "STOP" + std::string(2000, 'b')),
              {.step_pause = std::chrono::microseconds(10)});
  CompletionRequest request = ask("abc");
  request.stop = {"STOP", "never"};
  auto sink = std::make_shared<Listener>();
  const auto completion = bench.completer->start(std::move(request), sink);
  EXPECT_EQ(sink->wait().finish, Finish::kStop);
  EXPECT_EQ(sink->text(), std::string(2000, 'a'));
  wait_for_rest(bench.engine);
}

TEST(Completer, AStopStringInTheLastTokensWinsOverTheLength) {
  Bench bench(say_text("one two"));
  CompletionRequest request = ask("abc");
  request.stop = {"tw"};
  request.tokens_max = 6;
  auto sink = std::make_shared<Listener>();
  const auto completion = bench.completer->start(std::move(request), sink);
  EXPECT_EQ(sink->wait().finish, Finish::kStop);
  EXPECT_EQ(sink->text(), "one ");
}

TEST(Completer, EndTokensStopUnlessIgnored) {
  const auto script = [](const engine::Job&) { return std::vector<TokenId>{'a', kEos, 'b', 'c'}; };
  Bench bench(script);
  auto sink = std::make_shared<Listener>();
  const auto first = bench.completer->start(ask("x"), sink);
  EXPECT_EQ(sink->wait().finish, Finish::kStop);
  EXPECT_EQ(sink->text(), "a");

  CompletionRequest request = ask("x");
  request.ignore_end_of_generation = true;
  request.stop_token_ids = {'c'};
  sink = std::make_shared<Listener>();
  const auto second = bench.completer->start(std::move(request), sink);
  EXPECT_EQ(sink->wait().finish, Finish::kStop);
  EXPECT_EQ(sink->text(), "ab");
}

TEST(Completer, ReportsLogprobsWithBytes) {
  Bench bench(say_text("h\xC3\xA9"));
  CompletionRequest request = ask("abc");
  request.logprobs = true;
  request.top_logprobs = 2;
  auto sink = std::make_shared<Listener>();
  const auto completion = bench.completer->start(std::move(request), sink);
  sink->wait();
  ASSERT_EQ(sink->tokens().size(), 3U);
  EXPECT_EQ(sink->tokens()[1].chosen.bytes, "\xC3");
  EXPECT_EQ(sink->tokens()[1].chosen.logprob, -0.5F);
  ASSERT_EQ(sink->tokens()[0].top.size(), 2U);
  EXPECT_EQ(sink->tokens()[0].top[1].bytes, "i");
}

TEST(Completer, CancelFreesThePages) {
  Bench bench(say_text(std::string(4000, 'a')), {.step_pause = std::chrono::microseconds(200)});
  auto sink = std::make_shared<Listener>();
  const auto completion = bench.completer->start(ask("abc"), sink);
  sink->wait_for_text();
  completion->cancel();
  EXPECT_EQ(sink->wait().finish, Finish::kCancelled);
  wait_for_rest(bench.engine);
}

TEST(Completer, ASinkThatSaysNoCancels) {
  Bench bench(say_text(std::string(4000, 'a')), {.step_pause = std::chrono::microseconds(200)});
  auto sink = std::make_shared<Listener>(1);
  const auto completion = bench.completer->start(ask("abc"), sink);
  EXPECT_EQ(sink->wait().finish, Finish::kCancelled);
  EXPECT_LT(sink->text().size(), 4000U);
  wait_for_rest(bench.engine);
}

TEST(Completer, AnErrorOfTheEngineIsTheLastDelta) {
  Bench bench(say_text("ab!cd"), {.fail_at_token = '!'});
  auto sink = std::make_shared<Listener>();
  const auto completion = bench.completer->start(ask("abc"), sink);
  const Delta last = sink->wait();
  EXPECT_EQ(last.finish, Finish::kError);
  ASSERT_TRUE(last.error);
  EXPECT_EQ(last.error->code(), ErrorCode::kDevice);
  EXPECT_EQ(sink->text(), "ab");
}

TEST(Completer, ManyAtOnceKeepTheirOrder) {
  Bench bench(
      [](const engine::Job& job) {
        std::vector<TokenId> out;
        for (int i = 0; i < 500; ++i) out.push_back('a' + (i + job.prompt.front()) % 26);
        return out;
      },
      {.sequences_max = 64});
  std::vector<std::shared_ptr<Listener>> sinks;
  std::vector<std::shared_ptr<Completion>> completions;
  for (int i = 0; i < 100; ++i) {
    sinks.push_back(std::make_shared<Listener>());
    completions.push_back(
        bench.completer->start(ask(std::string(1, static_cast<char>('A' + i % 26))), sinks.back()));
  }
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(sinks[static_cast<size_t>(i)]->wait().finish, Finish::kStop);
    std::string wanted;
    for (int j = 0; j < 500; ++j) wanted += static_cast<char>('a' + (j + 'A' + i % 26) % 26);
    EXPECT_EQ(sinks[static_cast<size_t>(i)]->text(), wanted);
  }
}

TEST(Completer, MessagesAreTextAndPromptsMayBeMore) {
  Bench bench(say_text("x"));
  ChatInput input;
  input.messages = Json::parse(R"([{"role":"user","content":"a<|end|>"}])");
  input.template_kwargs = {{"suffix", "</s>"}};
  input.add_generation_prompt = false;
  std::vector<TokenId> wanted = {kTurn};
  for (const char c : std::string_view("user:a<|end|></s>")) wanted.push_back(c);
  EXPECT_EQ(bench.completer->tokenize(input), wanted);
  EXPECT_EQ(bench.completer->tokenize(std::string("a<|end|>")),
            (std::vector<TokenId>{'a', testing::kTurnEnd}));
}

TEST(Completer, RendersTheConversationWithTheModelsTemplate) {
  Bench bench(say_text("x"), {}, true);
  ChatInput input;
  input.messages = Json::parse(R"([{"role":"user","content":"hi"}])");
  input.add_generation_prompt = false;
  EXPECT_EQ(bench.completer->render(input).text, "<|turn|>user:hi");
  input.template_kwargs = {{"with_bos", true}, {"suffix", "!"}};
  EXPECT_EQ(bench.completer->render(input).text, "<s><|turn|>user:hi!");
  // There is one BOS, whether the template writes it or not.
  const std::vector<TokenId> wanted = {kBos, kTurn, 'u', 's', 'e', 'r', ':', 'h', 'i', '!'};
  EXPECT_EQ(bench.completer->tokenize(input), wanted);
  input.template_kwargs = {{"suffix", "!"}};
  EXPECT_EQ(bench.completer->tokenize(input), wanted);
  EXPECT_EQ(bench.completer->tokenize(std::string("hi")), (std::vector<TokenId>{kBos, 'h', 'i'}));
  EXPECT_EQ(bench.completer->tokenize(std::vector<TokenId>{5, 6}), (std::vector<TokenId>{5, 6}));
}

TEST(Completer, ARequestIsPreparedOnceForAllItsAnswers) {
  std::mutex mutex;
  std::vector<uint64_t> seeds;
  Bench bench([&](const engine::Job& job) {
    const std::lock_guard lock(mutex);
    seeds.push_back(job.sampling.seed);
    return std::vector<TokenId>{'x'};
  });
  CompletionRequest request = ask("abc");
  request.sampling.seed = UINT64_MAX;
  const PreparedPtr prepared = bench.completer->prepare(std::move(request));
  EXPECT_EQ(prepared->job.prompt, (std::vector<TokenId>{'a', 'b', 'c'}));
  std::vector<std::shared_ptr<Listener>> sinks;
  for (int i = 0; i < 16; ++i) sinks.push_back(std::make_shared<Listener>());
  const auto completions = bench.completer->start(prepared, {sinks.begin(), sinks.end()});
  EXPECT_EQ(completions.size(), 16U);
  for (const auto& sink : sinks) EXPECT_EQ(sink->wait().usage.prompt_tokens, 3U);
  EXPECT_EQ(bench.tokenizer.encodings(), 1U);
  std::ranges::sort(seeds);
  ASSERT_EQ(seeds.size(), 16U);
  EXPECT_EQ(seeds.front(), 0U) << "the seed after the largest";
  EXPECT_EQ(seeds[14], 14U);
  EXPECT_EQ(seeds.back(), UINT64_MAX) << "the first choice has the request's own";
}

TEST(Completer, PreparingFindsWhatIsWrongBeforeAnythingStarts) {
  Bench bench(say_text("x"), {.context_max = 8});
  EXPECT_NO_THROW(bench.completer->prepare(ask("1234567")));
  EXPECT_THROW(bench.completer->prepare(ask("12345678")), engine::PromptTooLong);
  EXPECT_THROW(bench.completer->prepare(ask("")), Error);
  CompletionRequest request = ask("a");
  request.sampling.temperature = -1;
  EXPECT_THROW(bench.completer->prepare(std::move(request)), Error);
  EXPECT_EQ(bench.engine.stats().jobs_done, 0U);
}

// What an engine would refuse is refused before it is asked, so that nothing has begun.
TEST(Completer, PreparingFindsWhatCanNeverFit) {
  Bench bench(say_text("x"), {.pages = 2});
  CompletionRequest request = ask("a");
  const auto where = [&] {
    try {
      bench.completer->prepare(request);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kInvalidRequest);
      return error.where();
    }
    return std::string();
  };
  request.tokens_max = 2 * kPageTokens;
  EXPECT_EQ(where(), "") << "the last token needs no memory";
  request.tokens_max = 2 * kPageTokens + 1;
  EXPECT_EQ(where(), "max_tokens");
  request.tokens_max = 0;
  EXPECT_EQ(where(), "");
  request.prompt = std::string(2 * kPageTokens + 1, 'a');
  EXPECT_EQ(where(), "prompt");
  request.prompt = "a";
  request.stop_token_ids.assign(sample::kStopTokensMax, 'c');
  EXPECT_EQ(where(), "stop_token_ids") << "the vocabulary's own are stop tokens as well";
  request.ignore_end_of_generation = true;
  EXPECT_EQ(where(), "");
  request.stop_token_ids = {-1};
  EXPECT_EQ(where(), "stop_token_ids");
}

TEST(Completer, TellsWhichStopStringEndedTheAnswer) {
  Bench bench(say_text("one two three"));
  CompletionRequest request = ask("abc");
  request.stop = {"three", "tw"};
  auto sink = std::make_shared<Listener>();
  const auto first = bench.completer->start(request, sink);
  EXPECT_EQ(sink->wait().stop_string, "tw");
  request.stop = {"four"};
  sink = std::make_shared<Listener>();
  const auto second = bench.completer->start(request, sink);
  EXPECT_EQ(sink->wait().stop_string, "");
}

ErrorCode refused(Completer& completer, CompletionRequest request, std::string* where = nullptr) {
  try {
    completer.start(std::move(request), std::make_shared<Listener>());
  } catch (const Error& error) {
    if (where != nullptr) *where = error.where();
    return error.code();
  }
  ADD_FAILURE() << "not refused";
  return ErrorCode::kInternal;
}

TEST(Completer, RefusesMessagesByTheirField) {
  Bench bench(say_text("x"));
  const auto where_of = [&](const char* messages, const char* tools) {
    CompletionRequest request;
    request.prompt = ChatInput{Json::parse(messages), Json::parse(tools), {}, true};
    std::string where;
    refused(*bench.completer, std::move(request), &where);
    return where;
  };
  EXPECT_EQ(where_of(R"([{"role":"user","content":7}])", "null"), "messages[0].content");
  EXPECT_EQ(where_of(R"([{"role":"nobody","content":"x"}])", "null"), "messages[0].role");
  EXPECT_TRUE(where_of(R"([{"role":"user","content":"x"}])", "[1]").starts_with("tools"));
}

TEST(Completer, WithoutATemplateMessagesAreRefused) {
  const ByteTokenizer tokenizer;
  ScriptedEngine engine(say_text("x"), {});
  const auto completer = Completer::create({&tokenizer, nullptr, &engine});
  CompletionRequest request;
  request.prompt = ChatInput{Json::array(), {}, {}, true};
  std::string where;
  EXPECT_EQ(refused(*completer, std::move(request), &where), ErrorCode::kInvalidRequest);
  EXPECT_EQ(where, "messages");
}

TEST(Completer, RefusesWhatIsOverItsLimit) {
  Bench bench(say_text("x"));
  std::string where;
  CompletionRequest request = ask("a");
  request.stop.assign(kStopStringsMax + 1, "x");
  EXPECT_EQ(refused(*bench.completer, request, &where), ErrorCode::kInvalidRequest);
  EXPECT_EQ(where, "stop");
  request.stop.assign(1, std::string(kStopStringBytesMax + 1, 'x'));
  EXPECT_EQ(refused(*bench.completer, request), ErrorCode::kInvalidRequest);
  request.stop.assign(1, "");
  EXPECT_NO_THROW(bench.completer->prepare(request)) << "an empty one is none";
  request.stop.clear();
  request.logprobs = true;
  request.top_logprobs = sample::kTopLogprobsMax + 1;
  EXPECT_EQ(refused(*bench.completer, request, &where), ErrorCode::kInvalidRequest);
  EXPECT_EQ(where, "top_logprobs");
  EXPECT_EQ(refused(*bench.completer, ask("")), ErrorCode::kInvalidRequest);
  request.logprobs = false;
  request.top_logprobs = 0;
  request.stop.assign(kStopStringsMax, std::string(kStopStringBytesMax, 'x'));
  auto sink = std::make_shared<Listener>();
  const auto completion = bench.completer->start(std::move(request), sink);
  EXPECT_EQ(sink->wait().finish, Finish::kStop);
}

}  // namespace
}  // namespace gantry::completion
