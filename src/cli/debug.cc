#include <charconv>
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/error.h"
#include "chat/chat_template.h"
#include "cli/commands.h"
#include "cli/input.h"
#include "cli/terminal.h"
#include "cli/token_list.h"
#include "completion/prompt.h"
#include "gguf/gguf.h"
#include "os/file.h"
#include "tokenizer/tokenizer.h"

namespace gantry::cli {
namespace {

constexpr uint64_t kFileBytesMax = uint64_t{64} << 20;

// The bytes of a token in quotes: what is no printable ASCII or whole UTF-8 as \xNN.
std::string in_quotes(std::string_view bytes) {
  std::string text = "'";
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '\n') {
      text += "\\n";
    } else if (c == '\\' || c == '\'') {
      text += fmt::format("\\{}", c);
    } else if (byte < 0x20 || byte >= 0x7f) {
      text += fmt::format("\\x{:02x}", byte);
    } else {
      text += c;
    }
  }
  return text + "'";
}

chat::Json read_conversation(const TemplateCommand& command) {
  const bool piped = command.messages_path.empty() || command.messages_path == "-";
  const std::string text = piped ? read_all_input() : os::read_file(command.messages_path, kFileBytesMax);
  const std::string where = piped ? "standard input" : command.messages_path;
  chat::Json conversation;
  try {
    conversation = chat::Json::parse(text);
  } catch (const chat::Json::exception& error) {
    throw Error(ErrorCode::kBadFile, fmt::format("not JSON: {}", error.what()), where);
  }
  if (conversation.is_array()) conversation = {{"messages", conversation}};
  if (!conversation.is_object() || !conversation.contains("messages") || !conversation["messages"].is_array())
    throw Error(ErrorCode::kBadFile, "neither an array of messages nor an object with one", where,
                R"(for example [{"role": "user", "content": "Hi"}])");
  return conversation;
}

std::unique_ptr<const chat::ChatTemplate> parse_template(std::string_view source, const std::string& where) {
  try {
    return chat::ChatTemplate::parse(source);
  } catch (const chat::TemplateError& error) {
    throw Error(ErrorCode::kBadFile, "the template does not parse: " + error.message(),
                fmt::format("{}, line {}", where, error.line()));
  }
}

// A template on its own: the conversation's members are its variables.
std::string render_bare(const TemplateCommand& command, chat::Json conversation) {
  const auto parsed = parse_template(os::read_file(command.path, kFileBytesMax), command.path);
  if (!conversation.contains("tools")) conversation["tools"] = nullptr;
  conversation["add_generation_prompt"] = command.add_generation_prompt;
  try {
    return parsed->render(conversation);
  } catch (const chat::TemplateError& error) {
    throw Error(ErrorCode::kTemplate, error.message(),
                fmt::format("{}, line {}", command.path, error.line()));
  }
}

// A model's own: with its special tokens, exactly as a request would be rendered.
std::string render_of_model(const TemplateCommand& command, const gguf::GgufFile& file,
                            const chat::Json& conversation) {
  const auto source = file.metadata().get_string("tokenizer.chat_template");
  if (!source)
    throw Error(ErrorCode::kNotFound, "the file has no chat template",
                command.path + ": tokenizer.chat_template");
  const auto parsed = parse_template(*source, command.path + ": tokenizer.chat_template");
  const auto tokenizer = tokenizer::Tokenizer::from_gguf(file.metadata());
  completion::ChatInput input;
  input.template_kwargs = chat::Json::object();
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
  return completion::render_chat({tokenizer.get(), parsed.get(), nullptr}, input);
}

bool is_gguf(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  char magic[4] = {};
  return in.read(magic, sizeof magic) && std::string_view(magic, sizeof magic) == "GGUF";
}

}  // namespace

int debug_logits(const LogitsCommand& command, const device::Registry& registry) {
  std::vector<TokenId> tokens = command.tokens;
  if (!command.tokens_path.empty())
    tokens = parse_token_list(os::read_file(command.tokens_path, kFileBytesMax), command.tokens_path);
  if (tokens.empty())
    throw Error(ErrorCode::kUsage, "no tokens were given", "--tokens",
                "--tokens 1,306,626 or --tokens-file PATH");
  if (command.out_path.empty()) {
    if (is_terminal(STDOUT_FILENO))
      throw Error(ErrorCode::kUsage, "raw numbers do not belong on a terminal", "--out",
                  "--out FILE, or a pipe");
    fleet::debug_logits(registry, command.load, tokens, command.slice, std::cout);
    std::cout.flush();
    if (!std::cout) throw Error(ErrorCode::kIo, "the output could not be written", "standard output");
    return 0;
  }
  std::ofstream out(command.out_path, std::ios::binary);
  if (!out) throw os::file_error("write", command.out_path, errno);
  fleet::debug_logits(registry, command.load, tokens, command.slice, out);
  out.flush();
  if (!out) throw os::file_error("write", command.out_path, errno);
  return 0;
}

int debug_tokenize(const TokenizeCommand& command) {
  const auto file = gguf::GgufFile::open(command.path, {.check_tensor_data = false});
  const auto tokenizer = tokenizer::Tokenizer::from_gguf(file->metadata(), command.pre_split_override);
  const std::string text = command.text ? *command.text : read_all_input();
  const std::vector<TokenId> ids =
      tokenizer->encode(text, {.add_special = command.add_special, .parse_special = command.parse_special});
  if (command.ids_only) {
    fmt::print("{}\n", fmt::join(ids, " "));
    return 0;
  }
  for (const TokenId id : ids)
    fmt::print("{:>7}  {:24} {}\n", id, in_quotes(tokenizer->token_bytes(id, true)),
               harmless(tokenizer->text(id)));
  fmt::print("{} tokens, {} bytes\n", ids.size(), text.size());
  return 0;
}

int debug_template(const TemplateCommand& command) {
  if (command.path != "-" && !is_gguf(command.path)) {
    const std::string text = render_bare(command, read_conversation(command));
    std::fwrite(text.data(), 1, text.size(), stdout);
    return 0;
  }
  const auto file = gguf::GgufFile::open(command.path, {.check_tensor_data = false});
  const std::string text = render_of_model(command, *file, read_conversation(command));
  std::fwrite(text.data(), 1, text.size(), stdout);
  return 0;
}

}  // namespace gantry::cli
