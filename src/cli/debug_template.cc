#include <algorithm>
#include <fstream>
#include <memory>

#include <fmt/format.h>

#include "base/error.h"
#include "cli/commands.h"
#include "cli/input.h"
#include "cli/output.h"
#include "completion/prompt.h"
#include "gguf/gguf.h"
#include "jinja/cases.h"
#include "jinja/chat_template.h"
#include "os/file.h"
#include "tokenizer/tokenizer.h"

namespace gantry::cli {
namespace {

Json read_conversation(const TemplateCommand& command) {
  const bool piped = command.messages_path.empty() || command.messages_path == "-";
  const std::string text = piped ? read_all_input() : read_text(command.messages_path, kInputBytesMax);
  const std::string where = piped ? "standard input" : command.messages_path;
  Json conversation;
  try {
    conversation = Json::parse(text);
  } catch (const JsonError& error) {
    throw Error(ErrorCode::kBadFile, std::string("not JSON: ") + error.what(), where);
  }
  if (conversation.is_array()) conversation = {{"messages", conversation}};
  if (!conversation.is_object() || !conversation.contains("messages") || !conversation["messages"].is_array())
    throw Error(ErrorCode::kBadFile, "neither an array of messages nor an object with one", where,
                R"(for example [{"role": "user", "content": "Hi"}])");
  return conversation;
}

std::unique_ptr<const jinja::ChatTemplate> parse_template(std::string_view source, const std::string& where) {
  try {
    return jinja::ChatTemplate::parse(source);
  } catch (const jinja::TemplateError& error) {
    throw Error(ErrorCode::kBadFile, "the template does not parse: " + error.message(),
                fmt::format("{}, line {}", where, error.line()));
  }
}

bool is_gguf(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  char magic[4] = {};
  return in.read(magic, sizeof magic) && std::string_view(magic, sizeof magic) == "GGUF";
}

// A template, and the tokenizer of the model that it came with.
struct OpenedTemplate {
  std::unique_ptr<const jinja::ChatTemplate> parsed;
  std::unique_ptr<tokenizer::Tokenizer> tokenizer;
};

OpenedTemplate open_template(const std::string& path) {
  if (!is_gguf(path)) return {parse_template(read_text(path, kInputBytesMax), path), nullptr};
  const auto file = gguf::GgufFile::open(path, {.check_tensor_data = false});
  return gguf::read_whole(*file, [&] {
    const std::string where = path + ": tokenizer.chat_template";
    const auto source = file->metadata().get_string("tokenizer.chat_template");
    if (!source) throw Error(ErrorCode::kNotFound, "the file has no chat template", where);
    return OpenedTemplate{parse_template(*source, where), tokenizer::Tokenizer::from_gguf(file->metadata())};
  });
}

// A template on its own: the conversation's members are its variables.
std::string render_bare(const TemplateCommand& command, const jinja::ChatTemplate& parsed,
                        Json conversation) {
  if (!conversation.contains("tools")) conversation["tools"] = nullptr;
  conversation["add_generation_prompt"] = command.add_generation_prompt;
  try {
    return parsed.render(conversation, {}, command.now);
  } catch (const jinja::TemplateError& error) {
    throw Error(ErrorCode::kTemplate, error.message(),
                fmt::format("{}, line {}", command.path, error.line()));
  }
}

// A model's own: with its special tokens, exactly as a request would be rendered.
std::string render_of_model(const TemplateCommand& command, const OpenedTemplate& opened,
                            const Json& conversation) {
  if (command.now)
    throw Error(ErrorCode::kUsage, "a model's template sees the clock of the machine", "now",
                "--now goes with a template's own file, or with --cases");
  completion::ChatInput input;
  input.template_kwargs = Json::object();
  for (const auto& [key, value] : conversation.items()) {
    if (key == "messages") {
      input.messages = value;
    } else if (key == "tools") {
      input.tools = value;
    } else {
      input.template_kwargs[key] = value;
    }
  }
  input.add_generation_prompt = command.add_generation_prompt;
  return completion::PromptMaker({opened.tokenizer.get(), opened.parsed.get(), nullptr}).render(input).text;
}

// A case that brings its template, and how it is to be read, along.
std::string run_own_template(std::string_view line, std::optional<int64_t> now) {
  const Json test_case = Json::try_parse(line).value_or(Json());
  if (!test_case.is_object() || !test_case.contains("template") || !test_case["template"].is_string())
    throw Error(ErrorCode::kBadFile, "a case without a template, and no MODEL was given",
                std::string(line.substr(0, 80)));
  jinja::TemplateOptions options;
  const Json wishes = test_case.value("options", Json::object());
  const auto wish = [&wishes](const char* name, bool& value) {
    if (wishes.is_object() && wishes.contains(name) && wishes[name].is_boolean())
      value = wishes[name].get<bool>();
  };
  wish("trim_blocks", options.trim_blocks);
  wish("lstrip_blocks", options.lstrip_blocks);
  wish("keep_trailing_newline", options.keep_trailing_newline);
  wish("mutable_containers", options.mutable_containers);
  Json answer;
  try {
    const auto parsed = jinja::ChatTemplate::parse(test_case["template"].get<std::string>(), options);
    answer = jinja::run_case(*parsed, test_case, now);
  } catch (const jinja::TemplateError& error) {
    answer = jinja::error_answer(error);
  }
  return answer.dump();
}

int run_template_cases(const TemplateCommand& command) {
  const std::string cases = read_text(command.cases_path, kInputBytesMax);
  const auto parsed = command.path.empty() ? nullptr : open_template(command.path).parsed;
  for (size_t at = 0; at < cases.size();) {
    const size_t end = std::min(cases.find('\n', at), cases.size());
    const std::string_view line = std::string_view(cases).substr(at, end - at);
    at = end + 1;
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    say("{}\n",
        parsed ? jinja::run_case_line(*parsed, line, command.now) : run_own_template(line, command.now));
  }
  return 0;
}

}  // namespace

int debug_template(const TemplateCommand& command) {
  if (!command.cases_path.empty()) return run_template_cases(command);
  if (command.path.empty())
    throw Error(ErrorCode::kUsage, "MODEL is required", "gantry debug template",
                "a GGUF file or a Jinja template");
  const OpenedTemplate opened = open_template(command.path);
  const Json conversation = read_conversation(command);
  const std::string text = opened.tokenizer ? render_of_model(command, opened, conversation)
                                            : render_bare(command, *opened.parsed, conversation);
  put(stdout, text);
  return 0;
}

}  // namespace gantry::cli
