// Text in, text out: chat messages or a prompt become tokens, the engine's tokens become text, stop strings
// end it, usage is counted. One Completer per live model; thread-safe. What a client said is a
// CompletionRequest; what it hears are Deltas.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/error.h"
#include "chat/conversation.h"
#include "completion/stop_matcher.h"
#include "engine/engine.h"
#include "jinja/chat_template.h"
#include "reply/reply_format.h"
#include "sample/params.h"
#include "tokenizer/tokenizer.h"

namespace gantry::completion {

inline constexpr size_t kStopStringsMax = 256;
inline constexpr size_t kStopStringBytesMax = 1024;

struct ChatInput {
  Json messages;         // as OpenAI's API has them
  Json tools;            // array or null
  Json template_kwargs;  // object or null: further variables of the template
  bool add_generation_prompt = true;
  // How much the model is to think: "none", "low", "high", ...; "on": as much as it likes; empty: not said.
  std::string reasoning_effort = {};
  bool parallel_calls = true;  // false: the answer ends before a second call
  // The prompt ends within the last message, an assistant's, and the answer goes on with it.
  bool continue_final = false;
};
using Prompt = std::variant<std::string, std::vector<TokenId>, ChatInput>;

struct CompletionRequest {
  Prompt prompt;
  sample::SamplingParams sampling;
  uint32_t tokens_max = 0;  // 0: as many as the context holds
  // The visible answer ends before the first of them; what stands in reasoning or in a call ends nothing. An
  // empty one is none.
  std::vector<std::string> stop;
  std::vector<TokenId> stop_token_ids;
  bool ignore_end_of_generation = false;  // go on past EOS, until tokens_max
  bool logprobs = false;
  uint32_t top_logprobs = 0;
  uint64_t client = 0;  // whose it is, as engine::Job has it
  int32_t priority = 0;
  uint32_t deadline_ms = 0, first_token_ms = 0;
};

// A request that was looked at once, for any number of answers: checked, rendered, tokenized. Immutable.
struct Prepared {
  CompletionRequest request;
  engine::Job job;                                // of the first answer
  chat::Rendered chat;                            // of a chat: as the template wrote it
  size_t continued_bytes = 0;                     // of its end, which the answer goes on with
  std::shared_ptr<const StopStrings> stops = {};  // none: nothing but the model ends an answer
};
using PreparedPtr = std::shared_ptr<const Prepared>;

struct TokenText {
  TokenId token = kNoToken;
  std::string bytes;  // what the token adds; not necessarily whole UTF-8
  float logprob = 0;
};
struct TokenReport {
  TokenText chosen;
  std::vector<TokenText> top;
  uint64_t offset = 0;  // characters of the answer's text in front of the token's own
};

struct Usage {
  uint32_t prompt_tokens = 0, completion_tokens = 0, cached_tokens = 0;
};

// kToolCalls: the model stopped, and what it said are calls.
enum class Finish : uint8_t { kNone, kStop, kToolCalls, kLength, kCancelled, kError };

// A piece of a tool call. Pieces of one call follow each other; calls do not overlap.
struct CallDelta {
  uint32_t index = 0;   // of the call in the answer
  bool begins = false;  // the first piece: it has the id and the name
  std::string id, name;
  std::string arguments;  // a piece of JSON text
};

// A piece of the answer. The texts of all deltas, put together, are the answer: whole UTF-8, without the stop
// string. In a chat, reasoning and (with tools) calls are told apart from it.
struct Delta {
  std::string reasoning;
  std::string text;
  bool is_echo = false;  // the text is the prompt's
  std::vector<CallDelta> calls;
  std::vector<TokenReport> tokens;  // when logprobs were asked for: the tokens that this text came from
  Finish finish = Finish::kNone;    // the last delta has another value
  std::string stop_string;          // the one that ended the answer, if one did
  std::optional<Error> error;       // kError
  Usage usage;                      // so far
};

// Hears the deltas in order, on a completion worker; must not block. Returning false cancels.
class DeltaSink {
 public:
  virtual ~DeltaSink() = default;
  virtual bool on_delta(Delta delta) = 0;
};

// One running answer. Destroying it does not end it; cancel() does, within one engine step (contract L2).
class Completion {
 public:
  virtual ~Completion() = default;
  virtual void cancel() = 0;
};

struct CompleterOptions {
  uint32_t workers = 2;  // threads that turn tokens into text
};

// What a Completer is made of; all outlive it.
struct CompleterParts {
  const tokenizer::Tokenizer* tokenizer = nullptr;
  const jinja::ChatTemplate* chat_template = nullptr;  // nullptr: the model has none
  engine::Engine* engine = nullptr;
  // How the model writes reasoning and tool calls; nullptr: what its chat template says.
  const reply::ReplyFormat* reply_format = nullptr;
  // What the template has no words for is refused instead of said otherwise.
  bool strict_chat = false;
};

class Completer {
 public:
  static std::unique_ptr<Completer> create(const CompleterParts& parts, const CompleterOptions& options = {});
  virtual ~Completer() = default;

  // Everything that can be found wrong with a request is found here: Error (kInvalidRequest, kTemplate, ...)
  // that names the field; engine::PromptTooLong.
  virtual PreparedPtr prepare(CompletionRequest request) const = 0;
  using Sinks = std::vector<std::shared_ptr<DeltaSink>>;
  using Completions = std::vector<std::shared_ptr<Completion>>;
  // An answer for each sink, each with the seed after that of the one before; their prompt is computed once.
  // Error kInvalidRequest for too many, kBusy, kShuttingDown, kDevice of the engine; nothing has started
  // then.
  virtual Completions start(const PreparedPtr& prepared, Sinks sinks) = 0;
  // Both, for one answer.
  std::shared_ptr<Completion> start(CompletionRequest request, std::shared_ptr<DeltaSink> sink) {
    Sinks sinks;
    sinks.push_back(std::move(sink));
    return std::move(start(prepare(std::move(request)), std::move(sinks)).front());
  }

  // The prompt as the model would see it.
  virtual chat::Rendered render(const ChatInput& input) const = 0;
  virtual std::vector<TokenId> tokenize(const Prompt& prompt) const = 0;
  // The model's vocabulary, for texts and tokens that are no prompt.
  virtual const tokenizer::Tokenizer& tokenizer() const = 0;
};

}  // namespace gantry::completion
