#include "cli/parse.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace gantry::cli {
namespace {

template <typename T>
T parsed(const std::vector<std::string>& arguments) {
  const Command command = parse(arguments);
  EXPECT_TRUE(std::holds_alternative<T>(command.action));
  return std::get<T>(command.action);
}

// The words of the error that the arguments end in.
std::string refused(const std::vector<std::string>& arguments) {
  try {
    parse(arguments);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kUsage);
    return error.what();
  }
  ADD_FAILURE() << "accepted";
  return {};
}

TEST(Parse, ServeTakesItsFlags) {
  const auto serve = parsed<ServeCommand>({"serve",
                                           "m.gguf",
                                           "--host",
                                           "0.0.0.0",
                                           "--port",
                                           "0",
                                           "--alias",
                                           "a",
                                           "--api-key",
                                           "k1",
                                           "--api-key",
                                           "k2",
                                           "--cors-origin",
                                           "*",
                                           "--context",
                                           "4096",
                                           "--sequences",
                                           "3",
                                           "--kv-type",
                                           "q8_0",
                                           "--step-rows",
                                           "64",
                                           "--queue",
                                           "5",
                                           "--checkpoints",
                                           "0",
                                           "--no-prefix-cache",
                                           "--devices",
                                           "cpu:0",
                                           "--isa",
                                           "scalar",
                                           "--threads",
                                           "2",
                                           "--memory-cap",
                                           "64MiB",
                                           "--pre-split",
                                           "gpt-2",
                                           "--chat-template",
                                           "t.jinja",
                                           "--reply-format",
                                           "hermes",
                                           "--drain",
                                           "0",
                                           "--body-max",
                                           "1MiB"});
  EXPECT_EQ(serve.load.model_path, "m.gguf");
  EXPECT_EQ(serve.server.host, "0.0.0.0");
  EXPECT_EQ(serve.server.port, 0);
  EXPECT_EQ(serve.load.alias, "a");
  EXPECT_EQ(serve.server.api_keys, (std::vector<std::string>{"k1", "k2"}));
  EXPECT_EQ(serve.server.cors_origins, std::vector<std::string>{"*"});
  EXPECT_EQ(serve.load.context, 4096u);
  EXPECT_EQ(serve.load.sequences, 3u);
  EXPECT_EQ(serve.load.kv_type, "q8_0");
  EXPECT_EQ(serve.load.step_rows, 64u);
  EXPECT_EQ(serve.load.checkpoints, 0u);
  EXPECT_EQ(serve.load.queue_max, 5u);
  EXPECT_FALSE(serve.load.prefix_cache);
  EXPECT_EQ(serve.load.devices, "cpu:0");
  EXPECT_EQ(serve.load.isa, "scalar");
  EXPECT_EQ(serve.load.threads, 2u);
  EXPECT_EQ(serve.load.memory_cap_bytes, 64u << 20);
  EXPECT_EQ(serve.load.pre_split_override, "gpt-2");
  EXPECT_EQ(serve.load.chat_template_path, "t.jinja");
  EXPECT_EQ(serve.load.reply_format, "hermes");
  EXPECT_EQ(serve.drain.count(), 0);
  EXPECT_EQ(serve.server.body_bytes_max, 1u << 20);
}

TEST(Parse, ServeNeedsNothing) {
  const auto serve = parsed<ServeCommand>({"serve"});
  EXPECT_TRUE(serve.load.model_path.empty());
  EXPECT_EQ(serve.server.host, "127.0.0.1");
  EXPECT_EQ(serve.server.port, kDefaultPort);
  EXPECT_TRUE(serve.server.api_keys.empty());
  EXPECT_TRUE(serve.load.prefix_cache);
  EXPECT_EQ(serve.drain, kDrainDefault);
}

TEST(Parse, OneKeyLeavesTheModelAlone) {
  const auto serve = parsed<ServeCommand>({"serve", "--api-key", "k", "m.gguf"});
  EXPECT_EQ(serve.server.api_keys, std::vector<std::string>{"k"});
  EXPECT_EQ(serve.load.model_path, "m.gguf");
}

TEST(Parse, TheLastWordCounts) {
  EXPECT_EQ(parsed<ServeCommand>({"serve", "--port", "1", "--port", "2"}).server.port, 2);
  EXPECT_EQ(parsed<ServeCommand>({"serve", "--alias", "a", "--alias", "b"}).load.alias, "b");
}

TEST(Parse, RunTakesAPromptEitherWay) {
  EXPECT_EQ(parsed<RunCommand>({"run", "m.gguf", "Hello you"}).prompt, "Hello you");
  const auto run =
      parsed<RunCommand>({"run", "-p", "Hello", "--temp", "0", "--top-k", "5", "--seed", "0", "--raw"});
  EXPECT_TRUE(run.load.model_path.empty());
  EXPECT_EQ(run.prompt, "Hello");
  EXPECT_EQ(run.sampling.temperature, 0);
  EXPECT_EQ(run.sampling.top_k, 5u);
  EXPECT_TRUE(run.seed_given);
  EXPECT_TRUE(run.raw);
  EXPECT_FALSE(parsed<RunCommand>({"run"}).prompt);
  EXPECT_FALSE(parsed<RunCommand>({"run"}).seed_given);
}

TEST(Parse, DebugCommands) {
  const auto logits =
      parsed<LogitsCommand>({"debug", "logits", "m.gguf", "--token-list", "1,306,626", "--slice", "7"});
  EXPECT_EQ(logits.tokens, (std::vector<TokenId>{1, 306, 626}));
  EXPECT_EQ(logits.slice, 7u);
  const auto words =
      parsed<TokenizeCommand>({"debug", "tokenize", "m.gguf", "a b", "--pieces", "--add-special"});
  EXPECT_EQ(words.text, "a b");
  EXPECT_TRUE(words.pieces);
  EXPECT_TRUE(words.add_special);
  EXPECT_FALSE(words.parse_special);
  const auto rendered =
      parsed<TemplateCommand>({"debug", "template", "m.gguf", "c.json", "--no-generation-prompt"});
  EXPECT_EQ(rendered.messages_path, "c.json");
  EXPECT_FALSE(rendered.add_generation_prompt);
}

TEST(Parse, TokenizeCommand) {
  const auto words = parsed<TokensCommand>({"tokenize", "m.gguf", "a b", "--json", "--parse-special"});
  EXPECT_EQ(words.path, "m.gguf");
  EXPECT_EQ(words.text, "a b");
  EXPECT_TRUE(words.json);
  EXPECT_TRUE(words.parse_special);
  EXPECT_FALSE(words.add_special);
  EXPECT_FALSE(parsed<TokensCommand>({"tokenize", "m.gguf"}).text);
  EXPECT_THROW(parse({"tokenize", "m.gguf", "--json", "--count"}), Error);
  EXPECT_THROW(parse({"tokenize"}), Error);
}

TEST(Parse, TextsForPeople) {
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{}, {"--help"}, {"serve", "--help"}, {"debug", "logits", "--help"}})
    EXPECT_GT(parsed<ShowText>(words).text.size(), 200u);
  EXPECT_EQ(parsed<ShowText>({"--version"}).text, "gantry " GANTRY_VERSION "\n");
  EXPECT_NE(parsed<ShowText>({"run", "--help"}).text.find("--min-p"), std::string::npos);
  EXPECT_EQ(parsed<ShowText>({"--help"}).text.find("--min-p"), std::string::npos);
}

TEST(Parse, LogLevel) {
  EXPECT_EQ(parse({"serve"}).log_level, log::Level::kWarn);
  EXPECT_EQ(parse({"--log", "debug", "serve"}).log_level, log::Level::kDebug);
  EXPECT_EQ(parse({"serve", "--log", "off"}).log_level, log::Level::kOff);
}

TEST(Parse, RefusesWhatItDoesNotKnow) {
  EXPECT_NE(refused({"dance"}).find("dance"), std::string::npos);
  EXPECT_NE(refused({"serve", "--speed", "9"}).find("gantry serve --help"), std::string::npos);
  EXPECT_NE(refused({"inspect"}).find("MODEL"), std::string::npos);
  EXPECT_NE(refused({"debug"}).find("gantry debug --help"), std::string::npos);
  refused({"serve", "a.gguf", "b.gguf"});
  refused({"inspect", "a.gguf", "--json", "--template"});
  refused({"debug", "logits", "m", "--token-list", "1", "--tokens", "x"});
  refused({"--log", "loud", "serve"});
}

TEST(Parse, Sizes) {
  EXPECT_EQ(parse_size("1"), 1u);
  EXPECT_EQ(parse_size("4096B"), 4096u);
  EXPECT_EQ(parse_size("1.5GiB"), 3u << 29);
  EXPECT_EQ(parse_size("2MB"), 2'000'000u);
  EXPECT_EQ(parse_size("8192TiB"), uint64_t{1} << 53);
  for (const char* bad : {"", "0", "0.1", "GiB", "1 GiB", "1gib", "-1", "inf", "8193TiB", "1GiBs"})
    EXPECT_FALSE(parse_size(bad)) << bad;
}

TEST(Parse, RefusesNumbersOutOfRange) {
  for (const char* port : {"-1", "65536", "x", "8080x", ""}) refused({"serve", "--port", port});
  EXPECT_EQ(parsed<ServeCommand>({"serve", "--port", "65535"}).server.port, 65535);
  for (const char* context : {"0", "-5", "16777217", "99999999999999999999"})
    refused({"serve", "--context", context});
  EXPECT_EQ(parsed<ServeCommand>({"serve", "--context", "16777216"}).load.context, 16777216u);
  for (const char* size : {"64XB", "-1MiB", "MiB", "", "0", "1e3", "nan", "99999999TiB"})
    refused({"serve", "--memory-cap", size});
  for (const char* share : {"-0.1", "1.01", "nan", ""}) refused({"run", "--top-p", share});
  EXPECT_THROW(parse({"debug", "logits", "m", "--token-list", "1,a"}), Error);
}

}  // namespace
}  // namespace gantry::cli
