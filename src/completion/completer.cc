#include <algorithm>
#include <utility>

#include "base/check.h"
#include "completion/completion.h"
#include "completion/prompt.h"
#include "completion/running.h"
#include "completion/workers.h"
#include "engine/prompt_check.h"

namespace gantry::completion {
namespace {

// `own_stop_tokens`: those of the vocabulary, which end an answer too.
void check_request(const CompletionRequest& request, uint32_t vocabulary, size_t own_stop_tokens) {
  const auto refuse = [](const std::string& what, const char* where) {
    throw Error(ErrorCode::kInvalidRequest, what, where);
  };
  if (request.stop.size() > kStopStringsMax)
    refuse(fmt::format("{} stop strings, at most {} are taken", request.stop.size(), kStopStringsMax),
           "stop");
  for (const std::string& stop : request.stop) {
    if (stop.empty()) refuse("a stop string must not be empty", "stop");
    if (stop.size() > kStopStringBytesMax)
      refuse(fmt::format("a stop string of {} bytes, at most {} are taken", stop.size(), kStopStringBytesMax),
             "stop");
  }
  const size_t stop_tokens_max =
      sample::kStopTokensMax - std::min<size_t>(own_stop_tokens, sample::kStopTokensMax);
  if (request.stop_token_ids.size() > stop_tokens_max)
    refuse(
        fmt::format("{} stop tokens, at most {} are taken", request.stop_token_ids.size(), stop_tokens_max),
        "stop_token_ids");
  if (request.top_logprobs > sample::kTopLogprobsMax)
    refuse(fmt::format("must be from 0 to {}, is {}", sample::kTopLogprobsMax, request.top_logprobs),
           "top_logprobs");
  for (const TokenId token : request.stop_token_ids)
    if (token < 0 || static_cast<uint32_t>(token) >= vocabulary)
      refuse(fmt::format("there is no token {}, the vocabulary has {}", token, vocabulary), "stop_token_ids");
  sample::validate(request.sampling, vocabulary);
}

class TextCompleter final : public Completer {
 public:
  TextCompleter(const CompleterParts& parts, const CompleterOptions& options)
      : parts_(checked(parts)), prompts_(parts), workers_(std::make_shared<Workers>(options.workers)) {}
  // Completions keep the pool's words alive, not its threads: those end here.
  ~TextCompleter() override { workers_->stop(); }

  PreparedPtr prepare(CompletionRequest request) const override {
    check_request(request, parts_.tokenizer->size(), parts_.tokenizer->special().end_of_generation.size());
    ReadPrompt prompt = prompts_.read(request.prompt);
    engine::check_prompt(prompt.tokens, parts_.engine->limits());
    return std::make_shared<const Prepared>(
        Prepared{std::move(request), std::move(prompt.tokens), std::move(prompt.text)});
  }

  std::shared_ptr<Completion> start(const PreparedPtr& prepared, uint32_t choice,
                                    std::shared_ptr<DeltaSink> sink) override {
    auto running = std::make_shared<Running>(parts_, workers_, *prepared, std::move(sink));
    running->submitted(parts_.engine->submit(job_of(*prepared, choice), running));
    return running;
  }

  std::string render(const ChatInput& input) const override { return prompts_.render(input); }
  std::vector<TokenId> tokenize(const Prompt& prompt) const override { return prompts_.tokens(prompt); }
  const tokenizer::Tokenizer& tokenizer() const override { return *parts_.tokenizer; }

 private:
  engine::Job job_of(const Prepared& prepared, uint32_t choice) const {
    const CompletionRequest& request = prepared.request;
    engine::Job job;
    job.prompt = prepared.tokens;
    job.sampling = request.sampling;
    job.sampling.seed += choice;
    job.tokens_max = request.tokens_max;
    if (!request.ignore_end_of_generation) job.stop_tokens = parts_.tokenizer->special().end_of_generation;
    job.stop_tokens.insert(job.stop_tokens.end(), request.stop_token_ids.begin(),
                           request.stop_token_ids.end());
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
