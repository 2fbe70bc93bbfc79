// `gantry tokenize`: what a text costs. `debug tokenize` beside it shows a vocabulary's entries and runs
// cases.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/counted.h"
#include "cli/commands.h"
#include "cli/input.h"
#include "cli/output.h"
#include "gguf/gguf.h"
#include "text/json.h"
#include "text/utf8.h"
#include "tokenizer/token_list.h"
#include "tokenizer/tokenizer.h"

namespace gantry::cli {
namespace {

// As the server's /tokenize tells it: text, or a list of bytes where it is no whole UTF-8.
Json piece_json(const std::string& bytes) {
  if (text::is_valid_utf8(bytes)) return bytes;
  Json list = Json::array();
  for (const char c : bytes) list.push_back(static_cast<unsigned>(static_cast<unsigned char>(c)));
  return list;
}

void print_json(const tokenizer::Tokenizer& tokenizer, const std::vector<TokenId>& ids, size_t bytes) {
  Json tokens = Json::array();
  for (const TokenId id : ids)
    tokens.push_back({{"id", id}, {"piece", piece_json(tokenizer.token_bytes(id, true))}});
  const Json all = {{"tokens", std::move(tokens)}, {"count", ids.size()}, {"bytes", bytes}};
  say("{}\n", all.dump());
}

}  // namespace

int tokens(const TokensCommand& command) {
  const auto file = gguf::GgufFile::open(command.path, {.check_tensor_data = false});
  const auto tokenizer = gguf::read_whole(
      *file, [&] { return tokenizer::Tokenizer::from_gguf(file->metadata(), command.pre_split_override); });
  const std::string text = command.text ? *command.text : read_all_input();
  const std::vector<TokenId> ids =
      tokenizer->encode(text, {.add_special = command.add_special, .parse_special = command.parse_special});
  if (command.json) {
    print_json(*tokenizer, ids, text.size());
  } else if (command.count) {
    say("{}\n", ids.size());
  } else if (command.ids_only) {
    say("{}\n", fmt::join(ids, " "));
  } else {
    for (const TokenId id : ids)
      say("{:>7}  {}\n", id, tokenizer::in_quotes(tokenizer->token_bytes(id, true)));
    say("{}, {}\n", counted(ids.size(), "token"), counted(text.size(), "byte"));
  }
  return 0;
}

}  // namespace gantry::cli
