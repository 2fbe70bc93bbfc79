#include "cli/dialog.h"

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <deque>
#include <functional>
#include <thread>

#include <gtest/gtest.h>

#include "cli/slash.h"
#include "engine/job_check.h"
#include "tests/deadline.h"
#include "tests/scenario/fakes.h"

namespace gantry::cli {
namespace {

using completion::Delta;
using completion::Finish;

// Lines as a person would type them; "^C" is Ctrl-C.
class ScriptedReader final : public LineReader {
 public:
  explicit ScriptedReader(std::deque<std::string> lines) : lines_(std::move(lines)) {}
  LineEnd read(const std::string& prompt, std::string& line) override {
    prompts.push_back(prompt);
    line.clear();
    if (lines_.empty()) return LineEnd::kEnd;
    line = lines_.front();
    lines_.pop_front();
    if (line != "^C") return LineEnd::kLine;
    line.clear();
    return LineEnd::kInterrupted;
  }
  void remember(const std::string& line) override { remembered.push_back(line); }
  size_t left() const { return lines_.size(); }

  std::vector<std::string> prompts, remembered;

 private:
  std::deque<std::string> lines_;
};

// Answers from a thread of its own, as completion workers do.
class FakeCompleter final : public completion::Completer {
 public:
  using Script = std::function<void(completion::DeltaSink&, const std::function<bool()>& cancelled)>;
  explicit FakeCompleter(Script script) : script_(std::move(script)) {}
  ~FakeCompleter() override {
    for (std::thread& thread : threads_) thread.join();
  }

  struct Running final : completion::Completion {
    void cancel() override { cancelled = true; }
    std::atomic<bool> cancelled = false;
  };

  completion::PreparedPtr prepare(completion::CompletionRequest request) const override {
    if (refuse) throw Error(ErrorCode::kTooLarge, "too long");
    completion::Prepared prepared;
    prepared.request = std::move(request);
    // A token for each byte, and none of a template's.
    if (const auto* chat = std::get_if<completion::ChatInput>(&prepared.request.prompt))
      for (const Json& message : chat->messages)
        prepared.job.prompt.resize(prepared.job.prompt.size() + message["content"].get<std::string>().size());
    if (prepared.job.prompt.size() >= context) throw engine::PromptTooLong("too long for the context");
    return std::make_shared<const completion::Prepared>(std::move(prepared));
  }
  Completions start(const completion::PreparedPtr& prepared, Sinks sinks) override {
    requests.push_back(prepared->request);
    auto running = std::make_shared<Running>();
    threads_.emplace_back([this, sink = sinks.front(), running] {
      script_(*sink, [running] { return running->cancelled.load(); });
    });
    return {running};
  }
  chat::Rendered render(const completion::ChatInput&) const override { return {}; }
  std::vector<TokenId> tokenize(const completion::Prompt&) const override { return {}; }
  const tokenizer::Tokenizer& tokenizer() const override { return tokenizer_; }

  std::vector<completion::CompletionRequest> requests;
  bool refuse = false;
  size_t context = SIZE_MAX;

 private:
  Script script_;
  std::vector<std::thread> threads_;
  testing::ByteTokenizer tokenizer_;
};

Delta delta(std::string text, Finish finish = Finish::kNone) {
  Delta made;
  made.text = std::move(text);
  made.finish = finish;
  made.usage = {3, 2, 1};
  return made;
}

void say_hello(completion::DeltaSink& sink, const std::function<bool()>&) {
  sink.on_delta(delta("Hel"));
  sink.on_delta(delta("lo", Finish::kStop));
}

const Json& messages_of(const completion::CompletionRequest& request) {
  return std::get<completion::ChatInput>(request.prompt).messages;
}

std::string message(std::deque<std::string> lines, LineEnd expected = LineEnd::kLine) {
  ScriptedReader reader(std::move(lines));
  std::string text;
  EXPECT_EQ(read_message(reader, text), expected);
  return text;
}

TEST(ReadMessage, LinesBackslashesAndFences) {
  EXPECT_EQ(message({"hello", "next"}), "hello");
  EXPECT_EQ(message({"a\\", "b\\", "c", "d"}), "a\nb\nc");
  EXPECT_EQ(message({"\"\"\"one line\"\"\""}), "one line");
  EXPECT_EQ(message({"\"\"\"", "a", "", "b\\", "\"\"\"", "c"}), "a\n\nb\\\n");
  EXPECT_EQ(message({"\"\"\"a", "b\"\"\""}), "a\nb");
  EXPECT_EQ(message({}, LineEnd::kEnd), "");
  EXPECT_EQ(message({"a\\"}, LineEnd::kEnd), "");
  EXPECT_EQ(message({"\"\"\"", "a", "^C"}, LineEnd::kInterrupted), "");
}

TEST(ReadMessage, PromptTellsWhetherALineGoesOn) {
  ScriptedReader reader({"a\\", "b"});
  std::string text;
  read_message(reader, text);
  EXPECT_EQ(reader.prompts, (std::vector<std::string>{"> ", ". "}));
}

TEST(Conversation, RemembersWhatWasSaid) {
  Interrupts interrupts(false);
  FakeCompleter completer(say_hello);
  RunCommand command;
  command.system = "Be brief.";
  command.tokens_max = 9;
  Conversation conversation(completer, command, false);
  std::string written;
  const Answer answer =
      conversation.answer("Hi", interrupts, [&](std::string_view text, bool) { written += text; });
  EXPECT_EQ(written, "Hello");
  EXPECT_EQ(answer.text, "Hello");
  EXPECT_EQ(answer.finish, Finish::kStop);
  EXPECT_EQ(answer.usage.completion_tokens, 2u);
  EXPECT_EQ(completer.requests[0].tokens_max, 9u);
  EXPECT_EQ(messages_of(completer.requests[0]).dump(),
            R"([{"role":"system","content":"Be brief."},{"role":"user","content":"Hi"}])");
  conversation.set_system("");
  conversation.answer("And?", interrupts, [](std::string_view, bool) {});
  EXPECT_EQ(
      messages_of(completer.requests[1]).dump(),
      R"([{"role":"user","content":"Hi"},{"role":"assistant","content":"Hello"},{"role":"user","content":"And?"}])");
  conversation.forget();
  EXPECT_EQ(conversation.messages(), 0u);
}

TEST(Conversation, RawRemembersNothing) {
  Interrupts interrupts(false);
  FakeCompleter completer(say_hello);
  Conversation conversation(completer, {}, true);
  conversation.answer("Once", interrupts, [](std::string_view, bool) {});
  conversation.answer("upon", interrupts, [](std::string_view, bool) {});
  EXPECT_EQ(std::get<std::string>(completer.requests[1].prompt), "upon");
}

TEST(Conversation, ASignalCancelsAndWhatWasSaidStays) {
  Interrupts interrupts(false);
  FakeCompleter completer([](completion::DeltaSink& sink, const std::function<bool()>& cancelled) {
    sink.on_delta(delta("part"));
    ::raise(SIGINT);
    testing::await([&] { return cancelled(); }, "the cancellation");
    sink.on_delta(delta("", Finish::kCancelled));
  });
  Conversation conversation(completer, {}, false);
  const Answer answer = conversation.answer("Hi", interrupts, [](std::string_view, bool) {});
  EXPECT_EQ(answer.signal, SIGINT);
  EXPECT_EQ(answer.finish, Finish::kCancelled);
  EXPECT_EQ(answer.text, "part");
  EXPECT_EQ(conversation.messages(), 2u);
  EXPECT_EQ(interrupts.take(), 0);
}

TEST(Conversation, AnErrorLeavesItAsItWas) {
  Interrupts interrupts(false);
  FakeCompleter completer([](completion::DeltaSink& sink, const std::function<bool()>&) {
    Delta last = delta("x", Finish::kError);
    last.error = Error(ErrorCode::kDevice, "gone");
    sink.on_delta(last);
  });
  Conversation conversation(completer, {}, false);
  EXPECT_THROW(conversation.answer("Hi", interrupts, [](std::string_view, bool) {}), Error);
  EXPECT_EQ(conversation.messages(), 0u);
  completer.refuse = true;
  EXPECT_THROW(conversation.answer("Hi", interrupts, [](std::string_view, bool) {}), Error);
  EXPECT_EQ(conversation.messages(), 0u);
}

// Each question and its answer of "Hello" come to ten tokens.
TEST(Conversation, LetsGoOfItsOldestTurns) {
  Interrupts interrupts(false);
  FakeCompleter completer(say_hello);
  completer.context = 64;
  RunCommand command;
  command.system = "Be brief.";
  Conversation conversation(completer, command, false, 64);
  std::vector<size_t> told;
  const auto ask = [&](const std::string& prompt) {
    conversation.answer(
        prompt, interrupts, [](std::string_view, bool) {},
        [&](const Outgrown& outgrown) {
          EXPECT_EQ(outgrown.context, 64u);
          told.push_back(outgrown.messages);
        });
  };
  for (const char* prompt : {"one..", "two..", "three", "four.", "five."}) ask(prompt);
  EXPECT_TRUE(told.empty()) << "54 tokens and an eighth of the context for the answer";
  ask("six..");
  EXPECT_EQ(told, std::vector<size_t>{2}) << "as few as leave the answer room";
  const Json& asked = messages_of(completer.requests.back());
  EXPECT_EQ(asked[0]["content"], "Be brief.");
  EXPECT_EQ(asked[1]["content"], "two..");
  EXPECT_EQ(asked.back()["content"], "six..");
  EXPECT_EQ(conversation.messages(), 10u);
  ask(std::string(50, 'x'));
  EXPECT_EQ(told.back(), 10u) << "what fits alone is asked alone, and may have less room";
  EXPECT_EQ(messages_of(completer.requests.back()).size(), 2u);
  const size_t before = conversation.messages();
  EXPECT_THROW(ask(std::string(60, 'x')), engine::PromptTooLong);
  EXPECT_EQ(conversation.messages(), before);
}

TEST(Answer, IsMeasuredAsAWholeWhereItCameInOnePiece) {
  Answer answer;
  answer.usage.completion_tokens = 11;
  answer.seconds = 2;
  answer.first_seconds = 1;
  EXPECT_NE(describe(answer).find("(10.0 tokens/s)"), std::string::npos) << describe(answer);
  answer.first_seconds = 1.999999;
  EXPECT_NE(describe(answer).find("(5.5 tokens/s)"), std::string::npos) << describe(answer);
}

class NoEngine final : public engine::Engine {
 public:
  JobId submit(engine::Job, std::vector<std::shared_ptr<engine::TokenSink>>) override { return 0; }
  void cancel(JobId) override {}
  bool drain(std::chrono::milliseconds) override { return true; }
  engine::Outlook outlook(uint64_t, uint64_t) const override { return {}; }
  engine::EngineStats stats() const override { return {}; }
  const model::RunnerLimits& limits() const override { return limits_; }
  uint32_t queue_max() const override { return 256; }

 private:
  model::RunnerLimits limits_;
};

// What the dialog printed, and how many lines it left unread.
struct Held {
  std::string out, err;
  size_t left;
  std::vector<std::string> remembered;
  std::vector<completion::CompletionRequest> requests;
};

Held hold(std::deque<std::string> lines, bool refuse = false) {
  Interrupts interrupts(false);
  FakeCompleter completer(say_hello);
  completer.refuse = refuse;
  const NoEngine engine;
  Conversation conversation(completer, {}, false);
  ScriptedReader reader(std::move(lines));
  ::testing::internal::CaptureStdout();
  ::testing::internal::CaptureStderr();
  hold_dialog(conversation, reader, interrupts, engine, {true, "m"});
  Held held;
  held.out = ::testing::internal::GetCapturedStdout();
  held.err = ::testing::internal::GetCapturedStderr();
  held.left = reader.left();
  held.remembered = reader.remembered;
  held.requests = completer.requests;
  return held;
}

TEST(Dialog, AnswersLineAfterLine) {
  const Held held = hold({"one", "", "  ", "two"});
  EXPECT_EQ(held.out, "Hello\nHello\n");
  EXPECT_EQ(held.remembered, (std::vector<std::string>{"one", "two"}));
  EXPECT_EQ(held.requests.size(), 2u);
}

TEST(Dialog, TwoCtrlCLeaveOneDoesNot) {
  EXPECT_EQ(hold({"^C", "^C", "never"}).left, 1u);
  const Held held = hold({"^C", "hi", "^C", "hi", "^C", "^C", "never"});
  EXPECT_EQ(held.out, "Hello\nHello\n");
  EXPECT_EQ(held.left, 1u);
}

TEST(Dialog, ObeysCommands) {
  EXPECT_EQ(hold({"/exit", "never"}).left, 1u);
  EXPECT_NE(hold({"/help"}).err.find("/system"), std::string::npos);
  EXPECT_NE(hold({"/dance"}).err.find("/dance"), std::string::npos);
  EXPECT_NE(hold({"/stats"}).err.find("none yet"), std::string::npos);
  EXPECT_NE(hold({"hi", "/stats"}).err.find("2 tokens in"), std::string::npos);
  const Held held = hold({"/system Be kind.", "a", "/clear", "/system", "/system \"\"", "b"});
  EXPECT_EQ(messages_of(held.requests[0])[0]["content"], "Be kind.");
  EXPECT_EQ(messages_of(held.requests[1]).size(), 1u);
  EXPECT_NE(held.err.find("the system message is now: Be kind.\n"), std::string::npos) << held.err;
  EXPECT_NE(held.err.find("the system message is: Be kind.\n"), std::string::npos) << held.err;
}

TEST(Dialog, EveryCommandStandsInTheHelpAndIsCompleted) {
  const std::string help = slash_help();
  for (const char* name : {"/help", "/retry", "/undo", "/clear", "/system", "/set", "/show", "/stats",
                           "/save", "/save!", "/load", "/exit"}) {
    EXPECT_NE(help.find(name), std::string::npos) << name;
    const std::vector<std::string> whole = complete_slash(name);
    EXPECT_NE(std::ranges::find(whole, name), whole.end()) << name;
    EXPECT_EQ(hold({name}).err.find("there is no command"), std::string::npos) << name;
  }
  for (size_t at = 0; at < help.size(); at = help.find('\n', at) + 1)
    EXPECT_LE(help.find('\n', at) - at, 80u) << help.substr(at, 90);
  EXPECT_EQ(complete_slash("/set temp"), std::vector<std::string>{"/set temperature"});
  EXPECT_TRUE(complete_slash("hello").empty());
  EXPECT_TRUE(complete_slash("/nothing").empty());
  EXPECT_NE(hold({"/hlep"}).err.find("did you mean /help?"), std::string::npos);
}

TEST(Dialog, RetryAsksTheSameOnceMoreAndUndoTakesItBack) {
  const Held held = hold({"one", "two", "/retry", "/undo", "three", "/undo", "/undo", "/undo", "/retry"});
  ASSERT_EQ(held.requests.size(), 4u);
  EXPECT_EQ(messages_of(held.requests[1]), messages_of(held.requests[2]));
  EXPECT_NE(held.requests[1].sampling.seed, held.requests[2].sampling.seed) << "another answer is wanted";
  EXPECT_EQ(messages_of(held.requests[3]).size(), 3u);
  EXPECT_EQ(messages_of(held.requests[3])[2]["content"], "three");
  EXPECT_NE(held.err.find("taken back: two\n2 messages are left\n"), std::string::npos) << held.err;
  EXPECT_NE(held.err.find("there is nothing to take back\n"), std::string::npos) << held.err;
  EXPECT_NE(held.err.find("there is no prompt to answer again\n"), std::string::npos) << held.err;
}

TEST(Dialog, SettingsHoldFromTheNextAnswerOn) {
  const Held held = hold({"/set temperature 0.5", "/set --top-k 7", "/set seed 3", "a", "b",
                          "/set seed default", "/set top_k", "c", "/set colour red", "/set top_p 2"});
  EXPECT_EQ(held.requests[0].sampling.temperature, 0.5);
  EXPECT_EQ(held.requests[0].sampling.top_k, 7u);
  EXPECT_EQ(held.requests[1].sampling.seed, 3u);
  EXPECT_EQ(held.requests[2].sampling.temperature, 0.5);
  EXPECT_NE(held.requests[2].sampling.seed, 3u);
  for (const char* said :
       {"temperature             0.5\n", "top_k                   7\n", "(a random one)\n",
        "error: there is no setting 'colour'\n", "error: '2' is not a number from 0 to 1\n"})
    EXPECT_NE(held.err.find(said), std::string::npos) << said << held.err;
}

TEST(Dialog, WhatIsSavedIsLoadedAndNothingIsOverwritten) {
  const std::string path = ::testing::TempDir() + "gantry-talk.json";
  std::remove(path.c_str());
  const Held first = hold({"/system Be kind.", "/set top_k 7", "a", "/save " + path, "b", "/save " + path});
  EXPECT_NE(first.err.find("saved 2 messages to " + path), std::string::npos) << first.err;
  EXPECT_NE(first.err.find("error: the file is there already\n"), std::string::npos) << first.err;
  const Held second =
      hold({"/load " + path, "c", "/save! " + path, "/load " + path, "/load /nonexistent", "/save"});
  EXPECT_EQ(messages_of(second.requests[0]).size(), 4u);
  EXPECT_EQ(messages_of(second.requests[0])[0]["content"], "Be kind.");
  EXPECT_EQ(second.requests[0].sampling.top_k, 7u);
  EXPECT_NE(second.err.find("loaded 4 messages and a system message from"), std::string::npos) << second.err;
  EXPECT_NE(second.err.find("where: /nonexistent\n"), std::string::npos) << second.err;
  std::remove(path.c_str());
}

TEST(Conversation, ARetryThatFailsLosesNothing) {
  Interrupts interrupts(false);
  FakeCompleter completer(say_hello);
  const NoEngine engine;
  Conversation conversation(completer, {}, false);
  conversation.answer("one", interrupts, [](std::string_view, bool) {});
  completer.refuse = true;
  ScriptedReader reader({"/retry"});
  ::testing::internal::CaptureStderr();
  hold_dialog(conversation, reader, interrupts, engine, {true, "m"});
  EXPECT_NE(::testing::internal::GetCapturedStderr().find("error: too long"), std::string::npos);
  EXPECT_EQ(conversation.messages(), 2u);
}

// As a pasted text may have it.
TEST(Dialog, OfSeveralLinesOnlySystemIsACommand) {
  const Held held = hold({"/usr/bin/x: not found\nWhy?", "/system Be kind.\nAnd brief.", "a"});
  EXPECT_EQ(held.out, "Hello\nHello\n");
  EXPECT_EQ(messages_of(held.requests[0])[0]["content"], "/usr/bin/x: not found\nWhy?");
  EXPECT_EQ(messages_of(held.requests[1])[0]["content"], "Be kind.\nAnd brief.");
}

TEST(Dialog, ARefusedMessageDoesNotEndIt) {
  const Held held = hold({"one", "two"}, true);
  EXPECT_NE(held.err.find("error: too long"), std::string::npos);
  EXPECT_EQ(held.left, 0u);
}

}  // namespace
}  // namespace gantry::cli
