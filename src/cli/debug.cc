#include <csignal>
#include <functional>
#include <span>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/counted.h"
#include "base/error.h"
#include "cli/commands.h"
#include "cli/input.h"
#include "cli/interrupts.h"
#include "cli/output.h"
#include "cli/terminal.h"
#include "gguf/gguf.h"
#include "os/file.h"
#include "tokenizer/cases.h"
#include "tokenizer/token_list.h"
#include "tokenizer/tokenizer.h"

namespace gantry::cli {
namespace {}  // namespace

int debug_logits(const LogitsCommand& command, const device::Registry& registry) {
  std::vector<TokenId> tokens = command.tokens;
  if (!command.tokens_path.empty())
    tokens = tokenizer::parse_token_list(read_text(command.tokens_path, kInputBytesMax), command.tokens_path);
  if (tokens.empty())
    throw Error(ErrorCode::kUsage, "no tokens were given", "tokens",
                "give --tokens FILE or --token-list 1,306,626");
  const auto compute = [&](const std::function<void(std::span<const std::byte>)>& put) {
    fleet::debug_logits(registry, command.load, tokens, command.slice, put);
  };
  if (command.out_path.empty()) {
    if (is_terminal(STDOUT_FILENO))
      throw Error(ErrorCode::kUsage, "the output is raw numbers, which a terminal cannot show", "out",
                  "give --out FILE, or a pipe");
    compute([](std::span<const std::byte> bytes) {
      put(stdout, {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
    });
    check_output();
    return 0;
  }
  std::signal(SIGPIPE, SIG_IGN);
  Interrupts interrupts(true, Interrupts::Hangup::kInterrupt);
  try {
    os::write_file_or_device(command.out_path, [&](os::FileSink& sink) {
      compute([&](std::span<const std::byte> bytes) {
        if (Interrupts::came()) throw Error(ErrorCode::kCancelled, "interrupted", command.out_path);
        sink.write(bytes);
      });
    });
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kCancelled) throw;
    note("interrupted; {} was not written\n", harmless(command.out_path));
    return 128 + interrupts.take();
  }
  return 0;
}

int debug_tokenize(const TokenizeCommand& command) {
  const auto file = gguf::GgufFile::open(command.path, {.check_tensor_data = false});
  const auto tokenizer = gguf::read_whole(
      *file, [&] { return tokenizer::Tokenizer::from_gguf(file->metadata(), command.pre_split_override); });
  const tokenizer::EncodeOptions options = {.add_special = command.add_special,
                                            .parse_special = command.parse_special};
  if (!command.cases_path.empty()) {
    for (const std::string& text : tokenizer::split_cases(os::read_file(command.cases_path, kInputBytesMax)))
      say("{}\n", fmt::join(tokenizer->encode(text, options), " "));
    return 0;
  }
  const std::string text = command.text ? *command.text : read_all_input();
  const std::vector<TokenId> ids = tokenizer->encode(text, options);
  if (!command.pieces) {
    say("{}\n", fmt::join(ids, " "));
    return 0;
  }
  for (const TokenId id : ids)
    say("{:>7}  {:24} {}\n", id, tokenizer::in_quotes(tokenizer->token_bytes(id, true)),
        harmless(tokenizer->text(id)));
  say("{}, {}\n", counted(ids.size(), "token"), counted(text.size(), "byte"));
  return 0;
}

}  // namespace gantry::cli
