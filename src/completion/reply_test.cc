// A chat's answer in parts: what the model marks with control tokens reaches the reader of replies, and no
// other control token does.
#include <condition_variable>
#include <mutex>

#include <gtest/gtest.h>

#include "completion/completion.h"
#include "tests/deadline.h"
#include "tests/scenario/fakes.h"

namespace gantry::completion {
namespace {

using testing::ByteTokenizer;
using testing::kBos;
using testing::kTurn;
using testing::ScriptedEngine;

class Listener final : public DeltaSink {
 public:
  bool on_delta(Delta delta) override {
    const std::lock_guard lock(mutex_);
    all_.text += delta.text;
    all_.reasoning += delta.reasoning;
    for (CallDelta& call : delta.calls) {
      if (call.begins)
        all_.calls.push_back(std::move(call));
      else
        all_.calls.at(call.index).arguments += call.arguments;
    }
    all_.finish = delta.finish;
    all_.usage = delta.usage;
    changed_.notify_all();
    return true;
  }
  Delta wait() {
    std::unique_lock lock(mutex_);
    testing::await(
        changed_, lock, [this] { return all_.finish != Finish::kNone; }, "the end of the answer");
    return all_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  Delta all_;
};

// Reasoning between two control tokens, calls after a text marker.
reply::ReplyFormat format_of(reply::CallIds ids) {
  reply::ReplyFormat format = *reply::find_reply_format("hermes");
  format.reasoning = {{"<|turn|>", "<s>"}};
  format.ids = ids;
  return format;
}

std::vector<TokenId> say(const std::string& text) {
  std::vector<TokenId> out;
  for (const char c : text) out.push_back(static_cast<unsigned char>(c));
  return out;
}

Delta answer(const reply::ReplyFormat& format, const std::vector<TokenId>& tokens, bool tools,
             uint32_t tokens_max = 0) {
  const ByteTokenizer tokenizer;
  const auto chat_template = jinja::ChatTemplate::parse("{{ messages[0].content }}{{ tools if tools }}");
  ScriptedEngine engine([&](const engine::Job&) { return tokens; }, {});
  const auto completer = Completer::create({&tokenizer, chat_template.get(), &engine, &format});
  CompletionRequest request;
  ChatInput input;
  input.messages = Json::parse(R"([{"role": "user", "content": "hi"}])");
  if (tools) input.tools = Json::parse(R"([{"type": "function", "function": {"name": "f"}}])");
  request.prompt = std::move(input);
  request.tokens_max = tokens_max;
  auto sink = std::make_shared<Listener>();
  const auto completion = completer->start(std::move(request), sink);
  return sink->wait();
}

std::vector<TokenId> operator+(std::vector<TokenId> a, const std::vector<TokenId>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

TEST(Reply, ControlTokensThatAreMarkersAreRead) {
  const reply::ReplyFormat format = format_of(reply::CallIds::kRandom);
  const Delta heard =
      answer(format, std::vector<TokenId>{kTurn} + say("hm") + std::vector<TokenId>{kBos} + say("y\xC3\xA9s"),
             false);
  EXPECT_EQ(heard.reasoning, "hm");
  EXPECT_EQ(heard.text, "y\xC3\xA9s");
  EXPECT_EQ(heard.finish, Finish::kStop);
}

TEST(Reply, OtherControlTokensAreNoText) {
  const reply::ReplyFormat& plain = *reply::find_reply_format("plain");
  EXPECT_EQ(
      answer(plain, std::vector<TokenId>{kTurn} + say("a") + std::vector<TokenId>{kBos} + say("b"), false)
          .text,
      "ab");
}

TEST(Reply, CallsHaveIdsOfTheirFormatsKind) {
  const std::vector<TokenId> words =
      say("<tool_call>{\"name\": \"f\", \"arguments\": {\"a\": 1}}</tool_call>");
  Delta heard = answer(format_of(reply::CallIds::kRandom), words, true);
  ASSERT_EQ(heard.calls.size(), 1U);
  EXPECT_EQ(heard.calls[0].name, "f");
  EXPECT_EQ(heard.calls[0].arguments, "{\"a\": 1}");
  EXPECT_TRUE(heard.calls[0].id.starts_with("call_"));
  EXPECT_EQ(heard.finish, Finish::kToolCalls);
  EXPECT_EQ(heard.usage.completion_tokens, words.size() + 1);
  heard = answer(format_of(reply::CallIds::kNine), words, true);
  EXPECT_TRUE(heard.calls.at(0).id.starts_with("call_"));
  EXPECT_TRUE(reply::is_nine(heard.calls.at(0).id.substr(5))) << heard.calls.at(0).id;
  const auto written = [](const std::string& id) {
    const reply::ReplyFormat& mistral = *reply::find_reply_format("mistral");
    return answer(mistral, say("[TOOL_CALLS]f[CALL_ID]" + id + "[ARGS]{}"), true).calls.at(0).id;
  };
  EXPECT_EQ(written("abc123def"), "call_abc123def");
  EXPECT_TRUE(reply::is_nine(written("abc-123").substr(5)));
}

TEST(Reply, WithoutToolsCallsAreText) {
  const Delta heard = answer(format_of(reply::CallIds::kRandom), say("<tool_call>{}</tool_call>"), false);
  EXPECT_EQ(heard.text, "<tool_call>{}</tool_call>");
  EXPECT_EQ(heard.finish, Finish::kStop);
}

TEST(Reply, HalfACallAtTheEndOfTheBudget) {
  const std::string words = "<tool_call>{\"name\": \"f\", \"arguments\": {\"a\": ";
  const Delta heard = answer(format_of(reply::CallIds::kRandom), say(words + "12}}</tool_call>"), true,
                             static_cast<uint32_t>(words.size() + 1));
  ASSERT_EQ(heard.calls.size(), 1U);
  EXPECT_EQ(heard.calls[0].arguments, "{\"a\": 1");
  EXPECT_EQ(heard.finish, Finish::kLength);
}

}  // namespace
}  // namespace gantry::completion
