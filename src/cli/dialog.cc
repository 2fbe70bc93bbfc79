#include "cli/dialog.h"

#include <csignal>
#include <cstdio>

#include <fmt/format.h>

#include "base/bytes.h"
#include "base/counted.h"
#include "cli/output.h"
#include "cli/slash.h"
#include "cli/terminal.h"

namespace gantry::cli {
namespace {

constexpr const char* kFence = "\"\"\"";
constexpr double kPieceSeconds = 0.01;  // what comes within it came at once
constexpr size_t kMessageBytesMax = size_t{16} << 20;

void tell_outgrown(const Outgrown& outgrown) {
  note("the conversation has outgrown the context of {}: its {} are let go; /clear forgets all of it\n",
       counted(outgrown.context, "token"),
       outgrown.messages == 1 ? "oldest message" : fmt::format("oldest {} messages", outgrown.messages));
  std::fflush(stderr);
}

// A pasted text may begin with the path of a file.
bool is_command(std::string_view message) {
  return message.starts_with('/') &&
         (message.find('\n') == std::string_view::npos || message.starts_with("/system"));
}

bool take_suffix(std::string& line, std::string_view suffix) {
  if (!std::string_view(line).ends_with(suffix)) return false;
  line.resize(line.size() - suffix.size());
  return true;
}

class Dialog {
 public:
  Dialog(Conversation& conversation, LineReader& reader, Interrupts& interrupts, const engine::Engine& engine,
         const DialogOptions& options)
      : conversation_(conversation),
        reader_(reader),
        interrupts_(interrupts),
        options_(options),
        slash_(conversation, engine, options.model_id, options.values) {}

  void hold() {
    bool interrupted_before = false;
    while (true) {
      std::string message;
      const LineEnd end = read_message(reader_, message);
      if (end == LineEnd::kEnd) return;
      if (end == LineEnd::kInterrupted) {
        if (interrupted_before) return;
        interrupted_before = true;
        hint("Ctrl-C once more, or Ctrl-D, to leave\n");
        continue;
      }
      interrupted_before = false;
      if (message.find_first_not_of(" \t\n") == std::string::npos) continue;
      reader_.remember(message);
      if (is_command(message) ? !obey(message) : !reply(message)) return;
    }
  }

 private:
  void hint(std::string_view text) {
    if (!options_.terminal) return;
    note("{}", text);
    std::fflush(stderr);
  }

  // False: leave.
  bool obey(const std::string& line) {
    switch (slash_.obey(line)) {
      case Slash::Wish::kLeave:
        return false;
      case Slash::Wish::kRetry:
        return retry();
      case Slash::Wish::kNone:
        break;
    }
    return true;
  }

  // False: leave. What was there stays where the new answer is none.
  bool retry() {
    const Json turns = conversation_.turns();
    const auto prompt = conversation_.raw() ? last_prompt_ : conversation_.take_back();
    if (!prompt) {
      note("there is no prompt to answer again\n");
      return true;
    }
    answered_ = false;
    const bool stays = reply(*prompt);
    if (!answered_) conversation_.put_back(turns);
    return stays;
  }

  // False: leave.
  bool reply(const std::string& message) {
    AnswerWriter writer(stdout, stderr, options_.terminal);
    last_prompt_ = message;
    Answer answer;
    try {
      answer = conversation_.answer(
          message, interrupts_, [&](std::string_view text, bool reasoning) { writer.write(text, reasoning); },
          tell_outgrown);
    } catch (const Error& error) {
      writer.end();
      note("{}", cli::describe(error));
      return true;
    }
    writer.end();
    answered_ = true;
    slash_.remember(answer);
    if (answer.signal == SIGTERM) return false;
    if (answer.signal == SIGINT) hint("(stopped)\n");
    if (answer.finish == completion::Finish::kLength)
      hint(fmt::format("(cut at the limit of {})\n", counted(answer.usage.completion_tokens, "token")));
    if (options_.verbose) note("[{}]\n", cli::describe(answer));
    std::fflush(stderr);
    return true;
  }

  Conversation& conversation_;
  LineReader& reader_;
  Interrupts& interrupts_;
  const DialogOptions& options_;
  Slash slash_;
  std::optional<std::string> last_prompt_;
  bool answered_ = false;  // the last prompt
};

}  // namespace

LineEnd read_message(LineReader& reader, std::string& message) {
  message.clear();
  std::string line;
  const auto next = [&](const char* prompt) {
    const LineEnd end = reader.read(prompt, line);
    if (end != LineEnd::kLine) message.clear();
    if (message.size() + line.size() > kMessageBytesMax)
      throw Error(ErrorCode::kTooLarge,
                  fmt::format("the message is longer than {}", human_bytes(kMessageBytesMax)));
    return end;
  };
  if (const LineEnd end = next("> "); end != LineEnd::kLine) return end;
  if (line.starts_with(kFence)) {
    line.erase(0, 3);
    while (!take_suffix(line, kFence)) {
      // The fence's own line may be empty: the text begins on the next.
      if (!message.empty() || !line.empty()) message += line + "\n";
      if (const LineEnd end = next(". "); end != LineEnd::kLine) return end;
    }
    message += line;
    return LineEnd::kLine;
  }
  while (take_suffix(line, "\\")) {
    message += line + "\n";
    if (const LineEnd end = next(". "); end != LineEnd::kLine) return end;
  }
  message += line;
  return LineEnd::kLine;
}

std::string describe(const Answer& answer) {
  const uint32_t tokens = answer.usage.completion_tokens;
  // A short answer may come in one piece: then only the whole time says something.
  const double writing = answer.seconds - answer.first_seconds;
  const bool in_one_piece = writing < kPieceSeconds;
  std::string text = fmt::format("{} in {:.2f} s", counted(tokens, "token"), answer.seconds);
  if (tokens > 1 && answer.seconds > 0)
    text +=
        fmt::format(" ({:.1f} tokens/s)", in_one_piece ? tokens / answer.seconds : (tokens - 1) / writing);
  return text + fmt::format(", the first after {:.2f} s; prompt of {}, {} of them cached",
                            answer.first_seconds, counted(answer.usage.prompt_tokens, "token"),
                            answer.usage.cached_tokens);
}

void hold_dialog(Conversation& conversation, LineReader& reader, Interrupts& interrupts,
                 const engine::Engine& engine, const DialogOptions& options) {
  Dialog(conversation, reader, interrupts, engine, options).hold();
}

}  // namespace gantry::cli
