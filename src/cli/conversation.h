// A conversation with one model: the messages so far, and one answer at a time. Main thread.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "cli/interrupts.h"
#include "cli/options.h"
#include "completion/completion.h"

namespace gantry::cli {

struct Answer {
  std::string reasoning, text;
  completion::Finish finish = completion::Finish::kNone;
  completion::Usage usage;
  double first_seconds = 0;  // until the first text
  double seconds = 0;
  int signal = 0;  // that cut it
};

class Conversation {
 public:
  // `raw`: prompts are continued as they stand, and nothing is remembered between them.
  Conversation(completion::Completer& completer, const RunCommand& command, bool raw);

  // Takes what comes: a piece of the answer, or of the reasoning before it.
  using Write = std::function<void(std::string_view text, bool reasoning)>;

  // Gives each piece of the answer to `write` as it comes. A signal cancels it; what was said stays. An Error
  // leaves the conversation as it was.
  Answer answer(const std::string& prompt, Interrupts& interrupts, const Write& write);

  void forget() { messages_ = Json::array(); }
  void set_system(std::string system) { system_ = std::move(system); }
  const std::string& system() const { return system_; }
  size_t messages() const { return messages_.size(); }
  bool raw() const { return raw_; }

 private:
  completion::CompletionRequest request(const std::string& prompt) const;

  completion::Completer& completer_;
  sample::SamplingParams sampling_;
  uint32_t tokens_max_;
  bool raw_;
  std::string system_;
  Json messages_ = Json::array();
};

}  // namespace gantry::cli
