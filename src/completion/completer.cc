#include <utility>
#include <variant>

#include <fmt/format.h>

#include "base/check.h"
#include "completion/completion.h"
#include "completion/prompt.h"
#include "completion/running.h"
#include "completion/workers.h"
#include "engine/job_check.h"

namespace gantry::completion {
namespace {

void check_stop_strings(const std::vector<std::string>& stops) {
  const auto refuse = [](const std::string& what) { throw Error(ErrorCode::kInvalidRequest, what, "stop"); };
  if (stops.size() > kStopStringsMax)
    refuse(fmt::format("{} stop strings, at most {} are taken", stops.size(), kStopStringsMax));
  for (const std::string& stop : stops) {
    if (stop.size() > kStopStringBytesMax)
      refuse(
          fmt::format("a stop string of {} bytes, at most {} are taken", stop.size(), kStopStringBytesMax));
  }
}

class TextCompleter final : public Completer {
 public:
  TextCompleter(const CompleterParts& parts, const CompleterOptions& options)
      : parts_(checked(parts)), prompts_(parts), workers_(std::make_shared<Workers>(options.workers)) {}
  // Completions keep the pool's words alive, not its threads: those end here.
  ~TextCompleter() override { workers_->stop(); }

  PreparedPtr prepare(CompletionRequest request) const override {
    check_stop_strings(request.stop);
    ReadPrompt prompt = prompts_.read(request.prompt, tokens_counted());
    const bool is_text = !std::holds_alternative<std::vector<TokenId>>(request.prompt);
    if (is_text && prompt.tokens.size() > tokens_counted()) throw too_long();
    Prepared prepared{std::move(request), {}, std::move(prompt.chat), prompt.continued_bytes, {}};
    prepared.job = job_of(prepared.request, std::move(prompt.tokens));
    engine::check_job(prepared.job, parts_.engine->limits());
    if (!prepared.request.stop.empty())
      prepared.stops = std::make_shared<const StopStrings>(prepared.request.stop);
    return std::make_shared<const Prepared>(std::move(prepared));
  }

  Completions start(const PreparedPtr& prepared, Sinks sinks) override {
    std::vector<std::shared_ptr<Running>> running;
    for (auto& sink : sinks)
      running.push_back(std::make_shared<Running>(parts_, workers_, *prepared, std::move(sink)));
    engine::Job job = prepared->job;
    job.answers = static_cast<uint32_t>(sinks.size());
    Completions started(running.begin(), running.end());  // nothing may fail once the engine has the job
    JobId id = parts_.engine->submit(std::move(job), {running.begin(), running.end()});
    for (const auto& answer : running) answer->submitted(id++);
    return started;
  }

  chat::Rendered render(const ChatInput& input) const override { return prompts_.render(input); }
  std::vector<TokenId> tokenize(const Prompt& prompt) const override { return prompts_.tokens(prompt); }
  const tokenizer::Tokenizer& tokenizer() const override { return *parts_.tokenizer; }

 private:
  // A prompt is counted beyond the context, so that one can see how much too long it is, but not to the end
  // of every text.
  size_t tokens_counted() const {
    constexpr size_t kContexts = 4;
    return kContexts * parts_.engine->limits().context_max;
  }
  engine::PromptTooLong too_long() const {
    return engine::PromptTooLong(
        fmt::format("it comes to more than {} tokens, the model's context of {} leaves no room for an answer",
                    tokens_counted(), parts_.engine->limits().context_max));
  }
  engine::Job job_of(const CompletionRequest& request, std::vector<TokenId> tokens) const {
    engine::Job job;
    job.prompt = std::move(tokens);
    job.sampling = request.sampling;
    job.tokens_max = request.tokens_max;
    if (!request.ignore_end_of_generation) job.stop_tokens = parts_.tokenizer->special().end_of_generation;
    job.stop_tokens.insert(job.stop_tokens.end(), request.stop_token_ids.begin(),
                           request.stop_token_ids.end());
    job.client = request.client;
    job.priority = request.priority;
    job.deadline_ms = request.deadline_ms;
    job.first_token_ms = request.first_token_ms;
    job.logprobs = request.logprobs;
    job.top_logprobs = request.logprobs ? request.top_logprobs : 0;
    return job;
  }

  static const CompleterParts& checked(const CompleterParts& parts) {
    GANTRY_CHECK(parts.tokenizer != nullptr && parts.engine != nullptr);
    return parts;
  }

  const CompleterParts parts_;
  const PromptMaker prompts_;
  const std::shared_ptr<Workers> workers_;
};

}  // namespace

std::unique_ptr<Completer> Completer::create(const CompleterParts& parts, const CompleterOptions& options) {
  return std::make_unique<TextCompleter>(parts, options);
}

}  // namespace gantry::completion
