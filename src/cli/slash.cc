#include "cli/slash.h"

#include <algorithm>
#include <cstdlib>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include "base/counted.h"
#include "cli/bindings.h"
#include "cli/dialog.h"
#include "cli/output.h"
#include "cli/saved_talk.h"
#include "cli/terminal.h"
#include "cli/word_wrap.h"
#include "os/file.h"
#include "settings/spelling.h"

namespace gantry::cli {
namespace {

using settings::Scope;
using settings::Setting;

constexpr size_t kNameColumns = 24;
constexpr size_t kShownPromptBytes = 60;

constexpr const char* kBesideCommands =
    "A line that ends in \\ goes on in the next one. A text between two \"\"\" may have any number of lines, "
    "and so "
    "may a pasted text. Ctrl-C stops a running answer; what is typed during an answer waits for the next "
    "line. "
    "Tab completes commands, Ctrl-R searches earlier lines.\n";

std::string_view trimmed(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t\n");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\n") - begin + 1);
}

// "~/talk.json" is what people type.
std::string file_name(const std::string& text) {
  const char* home = std::getenv("HOME");
  return text.starts_with("~/") && home != nullptr ? home + text.substr(1) : text;
}

std::vector<const Setting*> settings_of_answers() {
  std::vector<const Setting*> rows;
  for (const Setting& row : settings::kTable)
    if (row.scope == Scope::kRequest) rows.push_back(&row);
  return rows;
}

// "top_k", "top-k" and "--top-k" are one.
const Setting* find_row(std::string_view name) {
  std::string plain;
  for (const char c : name.substr(std::min(name.find_first_not_of('-'), name.size())))
    plain += c == '-' ? '_' : c;
  for (const Setting* row : settings_of_answers())
    if (row->name == plain || row->also_flag == "--" + plain) return row;
  return nullptr;
}

std::string first_words(const std::string& text) {
  std::string line = text.substr(0, text.find('\n'));
  if (line.size() == text.size() && line.size() <= kShownPromptBytes) return harmless(line);
  while (line.size() > kShownPromptBytes || (!line.empty() && (line.back() & 0xc0) == 0x80)) line.pop_back();
  return harmless(line) + "...";
}

}  // namespace

struct Slash::Row {
  const char* name;
  const char* argument;
  const char* words;  // empty: another name, which the help does not list
  Wish (Slash::*act)(const std::string& rest);
};

const Slash::Row Slash::kRows[] = {
    {"/help", "", "list the commands", &Slash::help},
    {"/?", "", "", &Slash::help},
    {"/retry", "", "answer the last prompt once more", &Slash::retry},
    {"/undo", "", "take the last prompt and its answer back", &Slash::undo},
    {"/clear", "", "forget the conversation", &Slash::clear},
    {"/system", "[TEXT]", "show or set the system message; \"\" removes it", &Slash::system},
    {"/set", "[NAME [VALUE]]", "show or set how answers are sampled", &Slash::set},
    {"/show", "", "show the conversation so far", &Slash::show},
    {"/stats", "", "show tokens and speed of the last answer", &Slash::stats},
    {"/save", "FILE", "write the conversation and settings to a new file", &Slash::save},
    {"/save!", "FILE", "the same, over a file that is there already", &Slash::save_over},
    {"/load", "FILE", "go on with a saved conversation", &Slash::load},
    {"/exit", "", "leave; so do Ctrl-D, and Ctrl-C twice", &Slash::leave},
    {"/quit", "", "", &Slash::leave},
    {"/bye", "", "", &Slash::leave},
};

std::string slash_help() {
  std::string text;
  for (const Slash::Row& row : Slash::kRows)
    if (*row.words != '\0')
      text += fmt::format("{:{}}{}\n", fmt::format("{} {}", row.name, row.argument), kNameColumns, row.words);
  return text + wrapped(kBesideCommands, kHelpColumns);
}

std::vector<std::string> complete_slash(const std::string& before) {
  std::vector<std::string> found;
  constexpr std::string_view kSet = "/set ";
  if (before.starts_with(kSet)) {
    for (const Setting* row : settings_of_answers())
      if (row->name.starts_with(std::string_view(before).substr(kSet.size())))
        found.push_back(std::string(kSet) + std::string(row->name));
  } else if (before.starts_with('/')) {
    for (const Slash::Row& row : Slash::kRows)
      if (*row.words != '\0' && std::string_view(row.name).starts_with(before)) found.emplace_back(row.name);
  }
  return found;
}

Slash::Wish Slash::obey(const std::string& line) {
  const size_t space = std::min(line.find_first_of(" \t\n"), line.size());
  const std::string name = line.substr(0, space);
  Wish wish = Wish::kNone;
  const auto* row = std::ranges::find(kRows, name, &Row::name);
  if (row == std::end(kRows)) {
    std::vector<std::string> names;
    for (const Row& known : kRows) names.emplace_back(known.name);
    const std::string meant = settings::nearest_word(name, names);
    note("there is no command {}; {}/help lists them\n", harmless(name),
         meant.empty() ? "" : fmt::format("did you mean {}? ", meant));
  } else {
    try {
      wish = (this->*row->act)(std::string(trimmed(std::string_view(line).substr(space))));
    } catch (const Error& error) {
      note("{}", describe(error));
    }
  }
  std::fflush(stderr);
  return wish;
}

bool Slash::remembers() const {
  if (conversation_.raw())
    note("without a chat template each prompt stands alone, and nothing is remembered\n");
  return !conversation_.raw();
}

Slash::Wish Slash::help(const std::string&) {
  note("{}", slash_help());
  return Wish::kNone;
}

Slash::Wish Slash::retry(const std::string&) { return Wish::kRetry; }

Slash::Wish Slash::undo(const std::string&) {
  if (!remembers()) return Wish::kNone;
  if (const auto prompt = conversation_.take_back())
    note("taken back: {}\n{} left\n", first_words(*prompt),
         conversation_.messages() == 1 ? "1 message is"
                                       : counted(conversation_.messages(), "message") + " are");
  else
    note("there is nothing to take back\n");
  return Wish::kNone;
}

Slash::Wish Slash::clear(const std::string&) {
  conversation_.forget();
  note("the conversation is forgotten{}\n",
       conversation_.system().empty() ? "" : "; the system message stays");
  return Wish::kNone;
}

Slash::Wish Slash::system(const std::string& text) {
  if (!remembers()) return Wish::kNone;
  if (text == "\"\"") {
    conversation_.set_system("");
    note("the system message is removed\n");
  } else if (!text.empty()) {
    conversation_.set_system(text);
    note("the system message is now: {}\n", harmless(text));
  } else if (conversation_.system().empty()) {
    note("there is no system message\n");
  } else {
    note("the system message is: {}\n", harmless(conversation_.system()));
  }
  return Wish::kNone;
}

void Slash::show_setting(const Setting& row) const {
  const settings::Held* held = values_.find(row.id);
  note("{:{}}{}\n", row.name, kNameColumns,
       held == nullptr ? fmt::format("({})", row.left_out) : to_text(row, held->value));
}

Slash::Wish Slash::set(const std::string& text) {
  if (text.empty()) {
    for (const Setting* row : settings_of_answers()) show_setting(*row);
    return Wish::kNone;
  }
  const size_t space = std::min(text.find_first_of(" \t="), text.size());
  const std::string name = text.substr(0, space);
  const std::string value(trimmed(std::string_view(text).substr(std::min(space + 1, text.size()))));
  const Setting* row = find_row(name);
  if (row == nullptr)
    throw Error(ErrorCode::kUsage, fmt::format("there is no setting '{}'", harmless(name)), "/set",
                "/set alone lists them");
  if (value.empty()) {
    show_setting(*row);
    return Wish::kNone;
  }
  if (value == "default") {
    values_.remove(row->id);
    if (const auto fallback = settings::fallback(*row, settings::Command::kRun); !fallback.empty())
      values_.put(row->id, {settings::read_text(*row, fallback), settings::Source::kDefault, ""});
  } else {
    const settings::Value read = settings::read_text(*row, value);
    values_.remove(row->id);
    values_.put(row->id, {read, settings::Source::kFlag, "/set"});
  }
  conversation_.use(bind_answers(values_));
  show_setting(*row);
  return Wish::kNone;
}

Slash::Wish Slash::show(const std::string&) {
  if (!remembers()) return Wish::kNone;
  if (conversation_.messages() == 0 && conversation_.system().empty()) note("the conversation is empty\n");
  if (!conversation_.system().empty()) note("[system]\n{}\n", harmless(conversation_.system()));
  for (const Json& message : conversation_.turns())
    note("[{}]\n{}\n", message["role"].get<std::string>(), harmless(message["content"].get<std::string>()));
  return Wish::kNone;
}

Slash::Wish Slash::stats(const std::string&) {
  note("last answer: {}\n", last_ ? cli::describe(*last_) : "there is none yet");
  note("conversation: {}{}\n", counted(conversation_.messages(), "message"),
       conversation_.system().empty() ? "" : " and a system message");
  const engine::EngineStats stats = engine_.stats();
  note("{} since the start: {} of answers; {} of prompts, {} of them cached\n", model_id_,
       counted(stats.generated_tokens, "token"), counted(stats.prompt_tokens, "token"), stats.cached_tokens);
  return Wish::kNone;
}

Slash::Wish Slash::write(const std::string& given, bool over) {
  if (!remembers()) return Wish::kNone;
  const std::string path = file_name(given);
  if (path.empty())
    throw Error(ErrorCode::kUsage, "the name of a file is missing", "/save", "for example: /save talk.json");
  if (!over && ::access(path.c_str(), F_OK) == 0)
    throw Error(ErrorCode::kUsage, "the file is there already", path,
                fmt::format("/save! {} writes over it", harmless(given)));
  SavedTalk talk{model_id_, conversation_.system(), conversation_.turns(), values_};
  os::write_file_atomically(path, talk_text(talk));
  note("saved {} to {}\n", counted(conversation_.messages(), "message"), harmless(path));
  return Wish::kNone;
}

Slash::Wish Slash::save(const std::string& path) { return write(path, false); }
Slash::Wish Slash::save_over(const std::string& path) { return write(path, true); }

Slash::Wish Slash::load(const std::string& given) {
  if (!remembers()) return Wish::kNone;
  const std::string path = file_name(given);
  if (path.empty())
    throw Error(ErrorCode::kUsage, "the name of a file is missing", "/load", "for example: /load talk.json");
  SavedTalk talk = parse_talk(os::read_file(path, kTalkBytesMax), path);
  size_t changed = 0;
  for (const Setting* row : settings_of_answers()) {
    const settings::Held* held = talk.values.find(row->id);
    if (held == nullptr) continue;
    const settings::Held* before = values_.find(row->id);
    if (before == nullptr || before->value != held->value) ++changed;
    values_.remove(row->id);
    values_.put(row->id, *held);
  }
  conversation_.use(bind_answers(values_));
  conversation_.set_system(std::move(talk.system));
  conversation_.put_back(std::move(talk.messages));
  note("loaded {}{} from {}{}\n", counted(conversation_.messages(), "message"),
       conversation_.system().empty() ? "" : " and a system message", harmless(path),
       changed == 0 ? "" : fmt::format("; {} changed: /set shows them", counted(changed, "setting")));
  if (!talk.model.empty() && talk.model != model_id_)
    note("the answers in it are by the model {}\n", harmless(talk.model));
  return Wish::kNone;
}

}  // namespace gantry::cli
