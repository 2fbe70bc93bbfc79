#include <utility>

#include "base/check.h"
#include "completion/completion.h"
#include "completion/prompt.h"
#include "completion/running.h"
#include "completion/workers.h"

namespace gantry::completion {
namespace {

constexpr size_t kStopTokensMax = 64;  // of one request

void check_request(const CompletionRequest& request) {
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
  if (request.stop_token_ids.size() > kStopTokensMax)
    refuse(fmt::format("{} stop tokens, at most {} are taken", request.stop_token_ids.size(), kStopTokensMax),
           "stop_token_ids");
  if (request.top_logprobs > sample::kTopLogprobsMax)
    refuse(fmt::format("must be from 0 to {}, is {}", sample::kTopLogprobsMax, request.top_logprobs),
           "top_logprobs");
}

}  // namespace

PromptTooLong::PromptTooLong(size_t tokens, uint32_t context, const char* where)
    : Error(ErrorCode::kInvalidRequest,
            fmt::format("it comes to {} tokens, the model's context of {} leaves no room for an answer",
                        tokens, context),
            where, "send less, or load the model with a larger context") {}

namespace {

class TextCompleter final : public Completer {
 public:
  TextCompleter(const CompleterParts& parts, const CompleterOptions& options)
      : parts_(checked(parts)), prompts_(parts), workers_(std::make_shared<Workers>(options.workers)) {}
  // Completions keep the pool's words alive, not its threads: those end here.
  ~TextCompleter() override { workers_->stop(); }

  std::shared_ptr<Completion> start(CompletionRequest request, std::shared_ptr<DeltaSink> sink) override {
    check_request(request);
    for (const TokenId token : request.stop_token_ids)
      if (token < 0 || static_cast<uint32_t>(token) >= parts_.tokenizer->size())
        throw Error(
            ErrorCode::kInvalidRequest,
            fmt::format("there is no token {}, the vocabulary has {}", token, parts_.tokenizer->size()),
            "stop_token_ids");
    sample::validate(request.sampling, parts_.tokenizer->size());
    ReadPrompt prompt = prompts_.read(request.prompt);
    if (const uint32_t context = parts_.engine->limits().context_max; prompt.tokens.size() >= context)
      throw PromptTooLong(prompt.tokens.size(), context,
                          std::holds_alternative<ChatInput>(request.prompt) ? "messages" : "prompt");
    auto running = std::make_shared<Running>(parts_, workers_, request, prompt, std::move(sink));
    running->submitted(parts_.engine->submit(job_of(request, std::move(prompt.tokens), running)));
    return running;
  }

  std::string render(const ChatInput& input) const override { return prompts_.render(input); }
  std::vector<TokenId> tokenize(const Prompt& prompt) const override { return prompts_.tokens(prompt); }
  const CompleterParts& parts() const override { return parts_; }

 private:
  engine::Job job_of(const CompletionRequest& request, std::vector<TokenId> prompt,
                     std::shared_ptr<engine::TokenSink> sink) const {
    engine::Job job;
    job.prompt = std::move(prompt);
    job.sampling = request.sampling;
    job.tokens_max = request.tokens_max;
    if (!request.ignore_end_of_generation) job.stop_tokens = parts_.tokenizer->special().end_of_generation;
    job.stop_tokens.insert(job.stop_tokens.end(), request.stop_token_ids.begin(),
                           request.stop_token_ids.end());
    job.logprobs = request.logprobs;
    job.top_logprobs = request.logprobs ? request.top_logprobs : 0;
    job.sink = std::move(sink);
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
