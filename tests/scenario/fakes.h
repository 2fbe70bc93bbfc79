// Models for tests of the upper floors, without weights: a tokenizer of bytes and an engine that says what a
// script tells it to say. Text of a token is its byte; four control tokens follow the bytes.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "engine/engine.h"
#include "engine/job_check.h"
#include "tokenizer/tokenizer.h"

namespace gantry::testing {

inline constexpr TokenId kBos = 256, kEos = 257, kTurn = 258, kTurnEnd = 259;

class ByteTokenizer final : public tokenizer::Tokenizer {
 public:
  explicit ByteTokenizer(bool add_bos = false,
                         tokenizer::LeadingSpace leading_space = tokenizer::LeadingSpace::kOwn)
      : leading_space_(leading_space) {
    special_.bos = kBos;
    special_.eos = kEos;
    special_.add_bos = add_bos;
    special_.end_of_generation = {kEos, kTurnEnd};
    for (int byte = 0; byte < 256; ++byte) texts_.push_back(std::string(1, static_cast<char>(byte)));
    for (const char* text : {"<s>", "</s>", "<|turn|>", "<|end|>"}) texts_.emplace_back(text);
  }
  void encode_to(std::string_view text, const tokenizer::EncodeOptions& options,
                 const tokenizer::TakeTokens& take) const override {
    constexpr size_t kTaken = 10'000;
    ++encodings_;
    std::vector<TokenId> out;
    if (options.add_special && special_.add_bos) out.push_back(kBos);
    for (size_t at = 0; at < text.size();) {
      if (out.size() == kTaken) {
        if (!take(out)) return;
        out.clear();
      }
      TokenId token = static_cast<unsigned char>(text[at]);
      for (TokenId control = kBos; options.parse_special && control <= kTurnEnd; ++control) {
        const std::string& word = texts_[static_cast<size_t>(control)];
        if (!text.substr(at).starts_with(word)) continue;
        const auto range = std::ranges::upper_bound(options.given, at, {}, &Range::end);
        if (range == options.given.end() || range->begin >= at + word.size()) token = control;
      }
      out.push_back(token);
      at += texts_[static_cast<size_t>(token)].size();
    }
    take(out);
  }
  std::string token_bytes(TokenId token, bool special) const override {
    return token >= kBos && !special ? std::string() : texts_.at(static_cast<size_t>(token));
  }
  std::string decode(std::span<const TokenId> tokens, bool special) const override {
    std::string out;
    for (const TokenId token : tokens) out += token_bytes(token, special);
    return out;
  }
  uint32_t size() const override { return static_cast<uint32_t>(texts_.size()); }
  std::string_view text(TokenId token) const override { return texts_.at(static_cast<size_t>(token)); }
  tokenizer::TokenKind kind(TokenId token) const override {
    return token < kBos ? tokenizer::TokenKind::kNormal : tokenizer::TokenKind::kControl;
  }
  std::optional<TokenId> find(std::string_view text) const override {
    for (size_t i = 0; i < texts_.size(); ++i)
      if (texts_[i] == text) return static_cast<TokenId>(i);
    return std::nullopt;
  }
  const tokenizer::SpecialTokens& special() const override { return special_; }
  std::string_view model() const override { return "bytes"; }
  std::string_view pre_split() const override { return ""; }
  tokenizer::LeadingSpace leading_space() const override { return leading_space_; }
  uint64_t encodings() const { return encodings_.load(); }  // texts that were encoded so far

 private:
  const tokenizer::LeadingSpace leading_space_;
  std::vector<std::string> texts_;
  tokenizer::SpecialTokens special_;
  mutable std::atomic<uint64_t> encodings_ = 0;
};

// An engine that answers a job with script(job), token by token, a token of every running job in a step. A
// running job holds its prompt's and answer's pages of kPageTokens.
class ScriptedEngine final : public engine::Engine {
 public:
  using Script = std::function<std::vector<TokenId>(const engine::Job&)>;
  struct Options {
    uint32_t queue_max = 256, sequences_max = 8, pages = 4096, context_max = 4096;
    std::chrono::microseconds step_pause{0};
    TokenId fail_at_token = kNoToken;  // this token of a script is an error of the device
  };

  ScriptedEngine(Script script, const Options& options) : script_(std::move(script)), options_(options) {
    limits_.vocab = 260;
    limits_.context_max = options.context_max;
    limits_.sequences_max = options.sequences_max;
    limits_.pages = options.pages;
    thread_ = std::thread([this] { work(); });
  }
  ~ScriptedEngine() override {
    stop();
    thread_.join();
  }

  JobId submit(engine::Job job, std::vector<std::shared_ptr<engine::TokenSink>> sinks) override {
    engine::check_job(job, limits_);
    const std::lock_guard lock(mutex_);
    if (draining_) throw Error(ErrorCode::kShuttingDown, "the engine is draining");
    if (waiting_.size() + sinks.size() > options_.queue_max)
      throw Error(ErrorCode::kBusy, "too many requests are waiting");
    const JobId first = last_id_ + 1;
    for (auto& sink : sinks) {
      Run run{
          .id = ++last_id_, .job = job, .sink = std::move(sink), .answer = {}, .said = 0, .cancelled = false};
      run.answer = script_(run.job);
      waiting_.push_back(std::move(run));
      ++job.sampling.seed;
    }
    wake_.notify_one();
    return first;
  }
  void cancel(JobId id) override {
    const std::lock_guard lock(mutex_);
    cancels_.push_back(id);
  }
  bool drain(std::chrono::milliseconds limit) override {
    const auto end = std::chrono::steady_clock::now() + limit;
    while (true) {
      {
        const std::lock_guard lock(mutex_);
        draining_ = true;
        if (stats_.running == 0 && waiting_.empty()) return true;
        if (std::chrono::steady_clock::now() >= end) break;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    stop();
    return false;
  }
  engine::Outlook outlook(uint64_t, uint64_t) const override { return {}; }
  engine::EngineStats stats() const override {
    const std::lock_guard lock(mutex_);
    engine::EngineStats stats = stats_;
    stats.waiting = static_cast<uint32_t>(waiting_.size());
    stats.pages = options_.pages;
    return stats;
  }
  const model::RunnerLimits& limits() const override { return limits_; }
  uint32_t queue_max() const override { return options_.queue_max; }

 private:
  struct Run {
    JobId id = 0;
    engine::Job job;
    std::shared_ptr<engine::TokenSink> sink;
    std::vector<TokenId> answer;
    size_t said = 0;
    bool cancelled = false;
  };

  // True when the job is done.
  bool say(Run& run) {
    engine::TokenEvent event;
    event.job = run.id;
    event.prompt_tokens = static_cast<uint32_t>(run.job.prompt.size());
    const size_t room = options_.context_max - run.job.prompt.size();
    const size_t most = run.job.tokens_max == 0 ? room : std::min<size_t>(room, run.job.tokens_max);
    if (stopping_.load() || run.cancelled) {
      event.finish = engine::FinishReason::kCancelled;
    } else if (run.said >= run.answer.size()) {
      event.token = run.job.stop_tokens.empty() ? kNoToken : run.job.stop_tokens.front();
      event.finish = engine::FinishReason::kStop;
    } else {
      event.token = run.answer[run.said++];
      event.logprob = -0.5F;
      for (uint32_t i = 0; i < run.job.top_logprobs; ++i)
        event.top[event.top_count++] = {(event.token + static_cast<TokenId>(i)) % 256,
                                        -0.5F - static_cast<float>(i)};
      if (std::ranges::count(run.job.stop_tokens, event.token) > 0)
        event.finish = engine::FinishReason::kStop;
      else if (run.said >= most)
        event.finish = engine::FinishReason::kLength;
      if (event.token == options_.fail_at_token) {
        event.token = kNoToken;
        event.finish = engine::FinishReason::kError;
        event.error = std::make_shared<Error>(ErrorCode::kDevice, "the device is lost");
      }
    }
    const bool go_on = run.sink->on_token(event);
    run.cancelled |= !go_on;
    return event.finish != engine::FinishReason::kNone;
  }

  void stop() {
    const std::lock_guard lock(mutex_);
    stopping_.store(true);
    wake_.notify_one();
  }

  void work() {
    std::vector<Run> running;
    while (true) {
      {
        std::unique_lock lock(mutex_);
        if (running.empty()) wake_.wait(lock, [this] { return !waiting_.empty() || stopping_.load(); });
        while (running.size() < options_.sequences_max && !waiting_.empty()) {
          running.push_back(std::move(waiting_.front()));
          waiting_.pop_front();
        }
        for (const JobId id : cancels_) {
          for (Run& run : running) run.cancelled |= run.id == id;
          for (Run& run : waiting_) run.cancelled |= run.id == id;
        }
        cancels_.clear();
        count(running);
        if (stopping_.load() && running.empty() && waiting_.empty()) return;
      }
      for (Run& run : running)
        if (say(run)) run.sink.reset();
      std::erase_if(running, [](const Run& run) { return run.sink == nullptr; });
      {
        const std::lock_guard lock(mutex_);
        count(running);
      }
      std::this_thread::sleep_for(options_.step_pause);
    }
  }
  void count(const std::vector<Run>& running) {
    stats_.running = static_cast<uint32_t>(running.size());
    uint32_t used = 0;
    for (const Run& run : running)
      used += static_cast<uint32_t>((run.job.prompt.size() + run.said) / kPageTokens + 1);
    stats_.pages_free = options_.pages - std::min(used, options_.pages);
    ++stats_.steps;
  }

  const Script script_;
  const Options options_;
  model::RunnerLimits limits_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;  // something waits, or it is the end
  std::deque<Run> waiting_;
  std::vector<JobId> cancels_;
  engine::EngineStats stats_;
  JobId last_id_ = 0;
  bool draining_ = false;
  std::atomic<bool> stopping_ = false;
  std::thread thread_;
};

// "<|turn|>ROLE:CONTENT" for each message, the tools before them where there are some, "<|turn|>assistant:"
// at the end. `suffix` is a variable of the caller's. Refuses a user who says "never".
inline constexpr std::string_view kPlainTemplate =
    "{{ bos_token if with_bos }}{% if tools %}tools:{{ tools | tojson }}{% endif %}{% for m in messages %}"
    "{% if m.content == 'never' %}{{ raise_exception('this is never said') }}{% endif %}"
    "<|turn|>{{ m.role }}:{{ m.content }}{% if m.tool_calls %}{% endif %}{% endfor %}{{ suffix }}"
    "{% if add_generation_prompt %}<|turn|>assistant:{% endif %}";

// A script that says the bytes of a text, whatever was asked.
inline ScriptedEngine::Script say_text(std::string text) {
  return [text = std::move(text)](const engine::Job&) {
    std::vector<TokenId> out;
    for (const char c : text) out.push_back(static_cast<unsigned char>(c));
    return out;
  };
}

}  // namespace gantry::testing
