#include <csignal>
#include <filesystem>
#include <system_error>

#include <fmt/format.h>
#include <unistd.h>

#include "base/random_id.h"
#include "cli/commands.h"
#include "cli/conversation.h"
#include "cli/dialog.h"
#include "cli/input.h"
#include "cli/interrupts.h"
#include "cli/loading.h"
#include "cli/output.h"
#include "cli/terminal.h"
#include "text/utf8.h"

namespace gantry::cli {
namespace {

// The one word of `gantry run hello` names a model; often it was meant as the prompt.
std::string mend_of_model(const RunCommand& command) {
  const std::string& path = command.load.model_path;
  std::error_code error;
  if (command.prompt || path.empty() || std::filesystem::exists(path, error)) return {};
  return fmt::format("'{}' is taken for a model; a prompt for the default one: gantry run --prompt '{}'",
                     harmless(path), harmless(path));
}

std::string without_line_end(std::string text) {
  if (text.ends_with('\n')) text.pop_back();
  return text;
}

// What is piped in, then what is asked of it.
std::string both(const std::string& piped, const std::string& prompt) {
  return piped.empty() || prompt.empty() ? piped + prompt : piped + "\n\n" + prompt;
}

int answer_once(Conversation& conversation, Interrupts& interrupts, const std::string& prompt) {
  AnswerWriter writer(stdout, stderr, is_terminal(STDOUT_FILENO));
  const Answer answer = conversation.answer(
      prompt, interrupts, [&](std::string_view text, bool reasoning) { writer.write(text, reasoning); });
  writer.end();
  return answer.signal == 0 ? 0 : 128 + answer.signal;
}

}  // namespace

int run(const RunCommand& command, const device::Registry& registry) {
  // Everything that can be refused is refused before the model is loaded.
  RunCommand settled = command;
  // "$(cat letter.txt)" may have brought one along.
  settled.system = text::without_mark(command.system);
  if (command.prompt) settled.prompt = text::without_mark(*command.prompt);
  const bool talks = !command.prompt && is_terminal(STDIN_FILENO);
  if (!command.prompt && !talks) settled.prompt = without_line_end(read_all_input());
  if (command.prompt && is_piped())
    settled.prompt = both(without_line_end(read_beside_prompt()), *settled.prompt);
  if (settled.prompt && settled.prompt->empty())
    throw Error(ErrorCode::kUsage, "the prompt is empty", command.prompt ? "prompt" : "standard input",
                mend_of_model(command));
  if (!command.seed_given) settled.sampling.seed = random_bits();

  const auto model = load_chosen(registry, settled.load, command.model_source);
  const fleet::ModelCard& card = model->card();
  if (!command.raw && !card.has_chat_template)
    note("{} has no chat template: each prompt is continued as it stands, nothing is remembered\n", card.id);
  Interrupts interrupts(false);
  Conversation conversation(model->completer(), settled, command.raw || !card.has_chat_template,
                            card.context);
  if (settled.prompt) return answer_once(conversation, interrupts, *settled.prompt);

  const bool edits = is_terminal(STDOUT_FILENO);
  note("{}, context {}; /help lists the commands\n", card.id, card.context);
  const auto reader = make_line_reader(interrupts, edits);
  hold_dialog(conversation, *reader, interrupts, model->engine(), {edits, card.id});
  return 0;
}

}  // namespace gantry::cli
