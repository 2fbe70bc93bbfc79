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

// What a conversation that has outgrown the context lets go of: its oldest messages, question by question.
struct Outgrown {
  size_t messages = 0;
  uint32_t context = 0;  // tokens
};

class Conversation {
 public:
  // `raw`: prompts are continued as they stand, and nothing is remembered between them. `context`: tokens of
  // the model's; 0: not known.
  Conversation(completion::Completer& completer, const RunCommand& command, bool raw, uint32_t context = 0);

  // How answers are made from now on. Without a seed of its own each has another one.
  void use(const AnswerSettings& settings) { settings_ = settings; }

  // Takes what comes: a piece of the answer, or of the reasoning before it.
  using Write = std::function<void(std::string_view text, bool reasoning)>;
  // Hears what was let go of, before the answer begins.
  using Tell = std::function<void(const Outgrown& outgrown)>;

  // Gives each piece of the answer to `write` as it comes. A signal cancels it; what was said stays. An Error
  // leaves the conversation as it was. The oldest messages go where the context leaves no room for the
  // answer; the system message stays.
  Answer answer(const std::string& prompt, Interrupts& interrupts, const Write& write, const Tell& tell = {});

  void forget() { messages_ = Json::array(); }
  void set_system(std::string system) { system_ = std::move(system); }
  const std::string& system() const { return system_; }
  size_t messages() const { return messages_.size(); }
  // Those that the model is told of, the oldest first, without the system message.
  const Json& turns() const { return messages_; }
  void put_back(Json turns) { messages_ = std::move(turns); }
  // Forgets the last prompt and what came after it; the prompt, or nothing where there is none.
  std::optional<std::string> take_back();
  bool raw() const { return raw_; }

 private:
  completion::CompletionRequest request(const std::string& prompt, size_t from) const;
  bool leaves_room(const completion::Prepared& prepared) const;
  completion::PreparedPtr prepare(const std::string& prompt, size_t from) const;
  completion::PreparedPtr prepare_what_fits(const std::string& prompt, size_t& from) const;

  completion::Completer& completer_;
  AnswerSettings settings_;
  uint32_t context_;
  bool raw_;
  std::string system_;
  Json messages_ = Json::array();
};

}  // namespace gantry::cli
