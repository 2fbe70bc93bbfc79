#include <charconv>
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/error.h"
#include "cli/commands.h"
#include "cli/input.h"
#include "cli/output.h"
#include "cli/terminal.h"
#include "gguf/gguf.h"
#include "os/file.h"
#include "tokenizer/cases.h"
#include "tokenizer/token_list.h"
#include "tokenizer/tokenizer.h"

namespace gantry::cli {
namespace {

constexpr uint64_t kFileBytesMax = uint64_t{64} << 20;

}  // namespace

int debug_logits(const LogitsCommand& command, const device::Registry& registry) {
  std::vector<TokenId> tokens = command.tokens;
  if (!command.tokens_path.empty())
    tokens =
        tokenizer::parse_token_list(os::read_file(command.tokens_path, kFileBytesMax), command.tokens_path);
  if (tokens.empty())
    throw Error(ErrorCode::kUsage, "no tokens were given", "tokens",
                "--tokens FILE or --token-list 1,306,626");
  if (command.out_path.empty()) {
    if (is_terminal(STDOUT_FILENO))
      throw Error(ErrorCode::kUsage, "raw numbers do not belong on a terminal", "out",
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
  const auto tokenizer = gguf::read_whole(
      *file, [&] { return tokenizer::Tokenizer::from_gguf(file->metadata(), command.pre_split_override); });
  const tokenizer::EncodeOptions options = {.add_special = command.add_special,
                                            .parse_special = command.parse_special};
  if (!command.cases_path.empty()) {
    for (const std::string& text : tokenizer::split_cases(os::read_file(command.cases_path, kFileBytesMax)))
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
  say("{} tokens, {} bytes\n", ids.size(), text.size());
  return 0;
}

}  // namespace gantry::cli
