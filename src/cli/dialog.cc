#include "cli/dialog.h"

#include <csignal>
#include <cstdio>

#include <fmt/format.h>

#include "cli/output.h"
#include "cli/terminal.h"

namespace gantry::cli {
namespace {

constexpr const char* kFence = "\"\"\"";
constexpr double kPieceSeconds = 0.01;  // what comes within it came at once
constexpr size_t kMessageBytesMax = size_t{16} << 20;

constexpr const char* kHelp =
    "/clear         forget the conversation\n"
    "/system TEXT   what the model is told first; without TEXT: nothing\n"
    "/stats         numbers of the last answer and of the engine\n"
    "/exit          leave (so does Ctrl-D, or Ctrl-C twice)\n"
    "A line that ends in \\ goes on in the next; a text between two \"\"\" may have any lines, and so may a "
    "pasted one.\n"
    "Ctrl-C stops a running answer.\n";

void tell_outgrown(const Outgrown& outgrown) {
  note(
      "the conversation has outgrown the context of {} tokens: its oldest {} messages are let go; "
      "/clear forgets all of it\n",
      outgrown.context, outgrown.messages);
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
        engine_(engine),
        options_(options) {}

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
    const size_t space = line.find_first_of(" \t\n");
    const std::string command = line.substr(0, space);
    std::string rest = space == std::string::npos ? std::string() : line.substr(space + 1);
    if (command == "/exit" || command == "/quit" || command == "/bye") return false;
    if (command == "/help" || command == "/?") {
      note("{}", kHelp);
    } else if (command == "/clear") {
      conversation_.forget();
      hint("forgotten\n");
    } else if (command == "/system") {
      conversation_.set_system(std::move(rest));
      if (conversation_.raw()) note("without a chat template there is no place for it\n");
    } else if (command == "/stats") {
      print_stats();
    } else {
      note("no command {}; /help lists them\n", harmless(command));
    }
    std::fflush(stderr);
    return true;
  }

  // False: leave.
  bool reply(const std::string& message) {
    AnswerWriter writer(stdout, stderr, options_.terminal);
    try {
      last_ = conversation_.answer(
          message, interrupts_, [&](std::string_view text, bool reasoning) { writer.write(text, reasoning); },
          tell_outgrown);
    } catch (const Error& error) {
      writer.end();
      note("{}", cli::describe(error));
      return true;
    }
    writer.end();
    if (last_->signal == SIGTERM) return false;
    if (last_->signal == SIGINT) hint("(stopped)\n");
    if (last_->finish == completion::Finish::kLength)
      hint(fmt::format("(cut after {} tokens: the limit)\n", last_->usage.completion_tokens));
    return true;
  }

  void print_stats() {
    note("last answer: {}\n", last_ ? cli::describe(*last_) : "none yet");
    note("conversation: {} messages{}\n", conversation_.messages(),
         conversation_.system().empty() ? "" : " and a system message");
    const engine::EngineStats stats = engine_.stats();
    note("{}: {} steps, {} tokens made, {} of {} prompt tokens from the cache, {} of {} pages free\n",
         options_.model_id, stats.steps, stats.generated_tokens, stats.cached_tokens, stats.prompt_tokens,
         stats.pages_free, stats.pages);
  }

  Conversation& conversation_;
  LineReader& reader_;
  Interrupts& interrupts_;
  const engine::Engine& engine_;
  const DialogOptions& options_;
  std::optional<Answer> last_;
};

}  // namespace

LineEnd read_message(LineReader& reader, std::string& message) {
  message.clear();
  std::string line;
  const auto next = [&](const char* prompt) {
    const LineEnd end = reader.read(prompt, line);
    if (end != LineEnd::kLine) message.clear();
    if (message.size() + line.size() > kMessageBytesMax)
      throw Error(ErrorCode::kTooLarge, fmt::format("a message of more than {} bytes", kMessageBytesMax));
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
  std::string text = fmt::format("{} tokens in {:.2f} s", tokens, answer.seconds);
  if (tokens > 1 && answer.seconds > 0)
    text +=
        fmt::format(" ({:.1f} tokens/s)", in_one_piece ? tokens / answer.seconds : (tokens - 1) / writing);
  return text + fmt::format(", first after {:.2f} s; prompt of {} tokens, {} of them cached",
                            answer.first_seconds, answer.usage.prompt_tokens, answer.usage.cached_tokens);
}

void hold_dialog(Conversation& conversation, LineReader& reader, Interrupts& interrupts,
                 const engine::Engine& engine, const DialogOptions& options) {
  Dialog(conversation, reader, interrupts, engine, options).hold();
}

}  // namespace gantry::cli
