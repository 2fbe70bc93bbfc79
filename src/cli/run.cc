#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <system_error>
#include <utility>

#include <fmt/format.h>
#include <unistd.h>

#include "base/counted.h"
#include "cli/commands.h"
#include "cli/conversation.h"
#include "cli/dialog.h"
#include "cli/history_file.h"
#include "cli/input.h"
#include "cli/interrupts.h"
#include "cli/loading.h"
#include "cli/output.h"
#include "cli/slash.h"
#include "cli/terminal.h"
#include "os/file.h"
#include "settings/spelling.h"
#include "text/utf8.h"

namespace gantry::cli {
namespace {

// A word in the place of the model that is no file: what was meant by it.
bool is_no_file(const RunCommand& command) {
  std::error_code error;
  return command.model_source.empty() && !command.load.model_path.empty() &&
         !std::filesystem::exists(command.load.model_path, error);
}

// `gantry run "Why is the sky blue?"`: words that name no file and do not look as if they should.
bool is_plainly_a_prompt(const std::string& words) {
  return words.find_first_of(" \t\n") != std::string::npos && !words.ends_with(".gguf") &&
         words.find_first_of("/.~") != 0;
}

void take_prompt_for_what_it_is(RunCommand& command) {
  if (command.prompt || !is_no_file(command) || !is_plainly_a_prompt(command.load.model_path)) return;
  command.prompt = std::exchange(command.load.model_path, {});
  const std::string variable = settings::environment(settings::setting(settings::Id::kModel));
  if (const char* model = std::getenv(variable.c_str()); model != nullptr && *model != '\0') {
    command.load.model_path = model;
    command.model_source = "$" + variable;
  }
}

std::string hint_of_model(const RunCommand& command) {
  if (!is_no_file(command) || command.prompt) return {};
  const std::string word = harmless(command.load.model_path);
  return fmt::format(
      "there is no file '{}'; a model is named by the path of its GGUF file, and a prompt for the default "
      "model is given as: gantry run --prompt '{}'",
      word, word);
}

// A word in the place of the model that cannot be read as a file is what is wrong, whatever standard input
// is: that may be empty, or without an end.
void refuse_unreadable_model(const RunCommand& command) {
  if (!command.model_source.empty() || command.load.model_path.empty()) return;
  try {
    uint64_t size = 0;
    os::open_to_read(command.load.model_path, &size);
  } catch (const Error& error) {
    const std::string hint = hint_of_model(command);
    if (error.code() != ErrorCode::kNotFound || hint.empty()) throw;
    throw Error(error.code(), error.message(), error.where(), hint);
  }
}

void refuse_empty_prompt(bool asked) {
  if (asked) throw Error(ErrorCode::kUsage, "the prompt is empty", "prompt", "give it at least a word");
  throw Error(ErrorCode::kUsage, "the prompt is empty: nothing was piped in", "standard input",
              "pipe a text in, or give a prompt: gantry run --prompt TEXT");
}

std::string without_line_end(std::string text) {
  if (text.ends_with('\n')) text.pop_back();
  if (text.ends_with('\r')) text.pop_back();
  return text;
}

// What is piped in, then what is asked of it.
std::string both(const std::string& piped, const std::string& prompt) {
  return piped.empty() || prompt.empty() ? piped + prompt : piped + "\n\n" + prompt;
}

int answer_once(Conversation& conversation, Interrupts& interrupts, const std::string& prompt, bool verbose) {
  AnswerWriter writer(stdout, stderr, is_terminal(STDOUT_FILENO));
  const Answer answer = conversation.answer(
      prompt, interrupts, [&](std::string_view text, bool reasoning) { writer.write(text, reasoning); });
  writer.end();
  if (verbose) note("[{}]\n", describe(answer));
  return answer.signal == 0 ? 0 : 128 + answer.signal;
}

}  // namespace

int run(const RunCommand& command, const device::Registry& registry) {
  // Everything that can be refused is refused before the model is loaded.
  RunCommand settled = command;
  take_prompt_for_what_it_is(settled);
  refuse_unreadable_model(settled);
  // Somebody waits for the first word, and speaks alone: a large context costs what is used of it.
  settled.load.memory_on_demand = true;
  // "$(cat letter.txt)" may have brought one along.
  settled.system = text::without_mark(command.system);
  const bool asked = settled.prompt.has_value();
  if (asked) settled.prompt = std::string(text::without_mark(*settled.prompt));
  const bool talks = !asked && is_terminal(STDIN_FILENO);
  if (!asked && !talks) settled.prompt = without_line_end(read_all_input());
  if (asked && is_piped()) settled.prompt = both(without_line_end(read_beside_prompt()), *settled.prompt);
  if (settled.prompt && settled.prompt->empty()) refuse_empty_prompt(asked);

  const auto model = load_chosen(registry, settled.load, settled.model_source);
  const fleet::ModelCard& card = model->card();
  if (!command.raw && !card.has_chat_template)
    note("{} has no chat template: each prompt is continued as it stands, and nothing is remembered\n",
         card.id);
  if (is_terminal(STDOUT_FILENO)) use_utf8_locale();
  Interrupts interrupts(false);
  Conversation conversation(model->completer(), settled, command.raw || !card.has_chat_template,
                            card.context);
  if (settled.prompt) return answer_once(conversation, interrupts, *settled.prompt, settled.verbose);

  const bool edits = is_terminal(STDOUT_FILENO);
  note("{}, {} of context; /help lists the commands\n", card.id, counted(card.context, "token"));
  const std::string history =
      settled.history ? *settled.history
                      : history_path([](const std::string& name) { return std::getenv(name.c_str()); });
  const auto reader = make_line_reader(interrupts, edits, {history, complete_slash});
  hold_dialog(conversation, *reader, interrupts, model->engine(),
              {edits, card.id, settled.values, settled.verbose});
  return 0;
}

}  // namespace gantry::cli
