#include "cli/parse.h"

#include <map>

#include <gtest/gtest.h>

#include "base/error.h"
#include "cli/bindings.h"

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
                                           "--device",
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
                                           "--strict-chat",
                                           "--drain",
                                           "0",
                                           "--body-max",
                                           "1MiB"});
  EXPECT_EQ(serve.models.at(0).load.model_path, "m.gguf");
  EXPECT_EQ(serve.server.host, "0.0.0.0");
  EXPECT_EQ(serve.server.port, 0);
  EXPECT_EQ(serve.models.at(0).load.alias, "a");
  EXPECT_EQ(serve.server.api_keys, (std::vector<std::string>{"k1", "k2"}));
  EXPECT_EQ(serve.server.cors_origins, std::vector<std::string>{"*"});
  EXPECT_EQ(serve.models.at(0).load.context, 4096u);
  EXPECT_EQ(serve.models.at(0).load.sequences, 3u);
  EXPECT_EQ(serve.models.at(0).load.kv_type, "q8_0");
  EXPECT_EQ(serve.models.at(0).load.step_rows, 64u);
  EXPECT_EQ(serve.models.at(0).load.checkpoints, 0u);
  EXPECT_EQ(serve.models.at(0).load.queue_max, 5u);
  EXPECT_FALSE(serve.models.at(0).load.prefix_cache);
  EXPECT_EQ(serve.models.at(0).load.device, "cpu:0");
  EXPECT_EQ(serve.models.at(0).load.isa, "scalar");
  EXPECT_EQ(serve.models.at(0).load.threads, 2u);
  EXPECT_EQ(serve.models.at(0).load.memory_cap_bytes, 64u << 20);
  EXPECT_EQ(serve.models.at(0).load.pre_split_override, "gpt-2");
  EXPECT_EQ(serve.models.at(0).load.chat_template_path, "t.jinja");
  EXPECT_EQ(serve.models.at(0).load.reply_format, "hermes");
  EXPECT_TRUE(serve.models.at(0).load.strict_chat);
  EXPECT_EQ(serve.drain.count(), 0);
  EXPECT_EQ(serve.server.body_bytes_max, 1u << 20);
}

TEST(Parse, ServeNeedsNothing) {
  const auto serve = parsed<ServeCommand>({"serve"});
  EXPECT_TRUE(serve.models.at(0).load.model_path.empty());
  EXPECT_EQ(serve.server.host, "127.0.0.1");
  EXPECT_EQ(serve.server.port, 8421);
  EXPECT_TRUE(serve.server.api_keys.empty());
  EXPECT_TRUE(serve.models.at(0).load.prefix_cache);
  EXPECT_EQ(serve.drain, std::chrono::seconds(30));
}

TEST(Parse, OneKeyLeavesTheModelAlone) {
  const auto serve = parsed<ServeCommand>({"serve", "--api-key", "k", "m.gguf"});
  EXPECT_EQ(serve.server.api_keys, std::vector<std::string>{"k"});
  EXPECT_EQ(serve.models.at(0).load.model_path, "m.gguf");
}

TEST(Parse, TheLastWordCounts) {
  EXPECT_EQ(parsed<ServeCommand>({"serve", "--port", "1", "--port", "2"}).server.port, 2);
  EXPECT_EQ(parsed<ServeCommand>({"serve", "--alias", "a", "--alias", "b"}).models.at(0).load.alias, "b");
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
  EXPECT_TRUE(parsed<ShowText>({"--version"}).text.starts_with("gantry " GANTRY_VERSION "\ncommit: "));
  EXPECT_NE(parsed<ShowText>({"run", "--help"}).text.find("--min-p"), std::string::npos);
  EXPECT_EQ(parsed<ShowText>({"--help"}).text.find("--min-p"), std::string::npos);
}

TEST(Parse, LogLevel) {
  EXPECT_EQ(parse({"serve"}).log_level, log::Level::kInfo);
  EXPECT_EQ(parse({"plan"}).log_level, log::Level::kWarn);
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

TEST(Parse, TheEnvironmentStandsBehindTheFlags) {
  const Surroundings surroundings = {[](const std::string& name) -> const char* {
                                       if (name == "GANTRY_CONTEXT") return "64";
                                       if (name == "GANTRY_MODEL") return "env.gguf";
                                       if (name == "GANTRY_API_KEY") return "k1 k2";
                                       return nullptr;
                                     },
                                     {}};
  const auto serve = std::get<ServeCommand>(parse({"serve"}, surroundings).action);
  EXPECT_EQ(serve.models.at(0).load.context, 64u);
  EXPECT_EQ(serve.models.at(0).load.model_path, "env.gguf");
  EXPECT_EQ(serve.models.at(0).source, "$GANTRY_MODEL");
  EXPECT_EQ(serve.server.api_keys, (std::vector<std::string>{"k1", "k2"}));
  const auto plan = std::get<PlanCommand>(parse({"plan", "m.gguf", "--context", "32"}, surroundings).action);
  EXPECT_EQ(plan.load.context, 32u);
  EXPECT_EQ(plan.load.model_path, "m.gguf");
  EXPECT_EQ(plan.model_source, "");
  // A command that must be given its model takes none from there.
  EXPECT_THROW(parse({"inspect"}, surroundings), Error);
}

constexpr const char* kFile = R"([server]
port = 9000
log = "info"

[model_defaults]
context = 64

[[model]]
name = "one"
path = "a.gguf"

[[model]]
path = "b.gguf"
kv_type = "f32"
context = 128
)";

Surroundings with_file(const char* text, std::map<std::string, std::string> variables = {}) {
  return {[variables = std::move(variables)](const std::string& name) -> const char* {
            const auto found = variables.find(name);
            return found == variables.end() ? nullptr : found->second.c_str();
          },
          [text](const std::string&) { return std::string(text); }};
}

TEST(Parse, AFileSaysServerAndModels) {
  for (const bool by_flag : {true, false}) {
    const Command command = by_flag ? parse({"serve", "--config", "d/g.toml"}, with_file(kFile))
                                    : parse({"serve"}, with_file(kFile, {{"GANTRY_CONFIG", "d/g.toml"}}));
    const auto serve = std::get<ServeCommand>(command.action);
    EXPECT_EQ(command.log_level, log::Level::kInfo);
    EXPECT_EQ(serve.server.port, 9000);
    ASSERT_EQ(serve.models.size(), 2u);
    EXPECT_EQ(serve.models[0].load.alias, "one");
    EXPECT_EQ(serve.models[0].load.model_path, "d/a.gguf");
    EXPECT_EQ(serve.models[0].source, "d/g.toml:10: path");
    EXPECT_EQ(serve.models[0].load.context, 64u);
    EXPECT_EQ(serve.models[0].load.kv_type, "f16");
    EXPECT_EQ(serve.models[1].load.alias, "");
    EXPECT_EQ(serve.models[1].load.context, 128u);
    EXPECT_EQ(serve.models[1].load.kv_type, "f32");
    EXPECT_EQ(serve.models[1].values.find(settings::Id::kContext)->place, "d/g.toml:15: context");
  }
  EXPECT_EQ(parsed<ServeCommand>({"serve"}).server.port, 8421);  // nothing is read that nobody named
}

TEST(Parse, FlagsAndVariablesGoBeforeTheFile) {
  const Surroundings surroundings =
      with_file(kFile, {{"GANTRY_KV_TYPE", "q8_0"}, {"GANTRY_PORT", "1"}, {"GANTRY_MODEL", "env.gguf"}});
  const auto serve = std::get<ServeCommand>(
      parse({"serve", "--config", "g.toml", "--context", "32", "--port", "2"}, surroundings).action);
  EXPECT_EQ(serve.server.port, 2);
  ASSERT_EQ(serve.models.size(), 2u);
  for (const ServedModel& model : serve.models) {
    EXPECT_EQ(model.load.context, 32u);
    EXPECT_EQ(model.load.kv_type, "q8_0");
    EXPECT_NE(model.load.model_path, "env.gguf");
  }
}

TEST(Parse, AFileWithoutModelsLeavesTheModelToTheCommandLine) {
  const auto surroundings = with_file("[model_defaults]\ncontext = 64\n");
  const auto serve =
      std::get<ServeCommand>(parse({"serve", "m.gguf", "--config", "g.toml"}, surroundings).action);
  ASSERT_EQ(serve.models.size(), 1u);
  EXPECT_EQ(serve.models[0].load.model_path, "m.gguf");
  EXPECT_EQ(serve.models[0].load.context, 64u);
}

TEST(Parse, AModelIsNamedInOnePlace) {
  const auto where = [](const std::vector<std::string>& words) {
    try {
      parse(words, with_file(kFile));
    } catch (const Error& error) {
      return error.where();
    }
    return std::string("accepted");
  };
  EXPECT_EQ(where({"serve", "m.gguf", "--config", "g.toml"}), "MODEL");
  EXPECT_EQ(where({"serve", "--alias", "m", "--config", "g.toml"}), "--alias");
}

TEST(Parse, ShowsTheSettingsOfEachModel) {
  const auto text =
      std::get<ShowText>(parse({"serve", "--config", "g.toml", "--show-settings"}, with_file(kFile)).action)
          .text;
  for (const char* line : {"context              64                               g.toml:6: context\n",
                           "context              128                              g.toml:15: context\n",
                           "port                 9000                             g.toml:2: port\n"})
    EXPECT_NE(text.find(line), std::string::npos) << text;
}

TEST(Parse, ShowsWhereEachValueComesFrom) {
  const Surroundings surroundings = {
      [](const std::string& name) { return name == "GANTRY_API_KEY" ? "hush" : nullptr; }, {}};
  const auto text =
      std::get<ShowText>(parse({"serve", "--show-settings", "--context", "64"}, surroundings).action).text;
  for (const char* line : {"context              64                               --context\n",
                           "port                 8421                             default\n",
                           "api_key              (not shown)                      $GANTRY_API_KEY\n"})
    EXPECT_NE(text.find(line), std::string::npos) << text;
  EXPECT_EQ(text.find("hush"), std::string::npos);
}

// What a room takes when nobody says anything is what the table says.
TEST(Parse, RoomsBeginWithTheDefaultsOfTheTable) {
  const auto serve = parsed<ServeCommand>({"serve"});
  const fleet::LoadSettings load;
  EXPECT_EQ(serve.models.at(0).load.kv_type, load.kv_type);
  EXPECT_EQ(serve.models.at(0).load.queue_max, load.queue_max);
  EXPECT_EQ(serve.models.at(0).load.prefix_cache, load.prefix_cache);
  const http::Options server;
  EXPECT_EQ(serve.server.host, server.host);
  EXPECT_EQ(serve.server.connections_max, server.connections_max);
  EXPECT_EQ(serve.server.body_bytes_max, server.body_bytes_max);
  EXPECT_EQ(serve.server.request_workers, server.request_workers);
  EXPECT_EQ(serve.server.io_threads, server.io_threads);
  // Those of a request; `gantry run` has two of its own.
  settings::Values requests;
  for (const settings::Setting& row : settings::kTable)
    if (row.scope == settings::Scope::kRequest && !row.fallback.empty())
      requests.put_text(row, row.fallback, settings::Source::kFlag, "");
  const auto run = std::get<RunCommand>(action_of(settings::Command::kRun, requests));
  const sample::SamplingParams params;
  EXPECT_EQ(run.sampling.temperature, params.temperature);
  EXPECT_EQ(run.sampling.top_k, params.top_k);
  EXPECT_EQ(run.sampling.top_p, params.top_p);
  EXPECT_EQ(run.sampling.min_p, params.min_p);
  EXPECT_EQ(run.sampling.typical_p, params.typical_p);
  EXPECT_EQ(run.sampling.repetition_penalty, params.repetition_penalty);
  EXPECT_EQ(run.sampling.presence_penalty, params.presence_penalty);
  EXPECT_EQ(run.sampling.frequency_penalty, params.frequency_penalty);
  EXPECT_EQ(run.sampling.penalty_window, params.penalty_window);
}

// A row that a command takes and nobody reads would be a flag without effect.
TEST(Parse, EveryRowIsTaken) {
  for (uint8_t i = 0; i < settings::kCommandCount; ++i) {
    const auto command = static_cast<settings::Command>(i);
    settings::Values values;
    for (const settings::Setting& row : settings::kTable) {
      if (!row.commands.has(command)) continue;
      settings::Value value = std::string("2025-03-09T13:05:07");
      if (row.id == settings::Id::kTokenList) value = std::string("1,2");
      for (const settings::Id list : {settings::Id::kClients, settings::Id::kRate, settings::Id::kPromptSizes,
                                      settings::Id::kDepths, settings::Id::kBatches})
        if (row.id == list) value = std::string("1");
      if (row.id == settings::Id::kLog) value = std::string("info");
      if (row.id == settings::Id::kPage) value = std::string("gantry-serve");
      if (row.kind == settings::Kind::kChoice) value = std::string(row.choices[0]);
      if (row.kind == settings::Kind::kBool) value = true;
      if (row.kind == settings::Kind::kNumber) value = row.high;
      if (row.kind == settings::Kind::kCount || row.kind == settings::Kind::kBytes ||
          row.kind == settings::Kind::kDuration)
        value = row.most;
      if (row.kind == settings::Kind::kTexts) value = std::vector<std::string>{"a=q4_0"};
      if (row.id == settings::Id::kTrustedProxies) value = std::vector<std::string>{"10.0.0.0/8"};
      values.put(row.id, {value, settings::Source::kFlag, ""});
    }
    action_of(command, values);
    bind_log_level(values);
    bind_timezone(values);
    for (const settings::Id id : values.untaken()) {
      if (id == settings::Id::kShowSettings || id == settings::Id::kConfig) continue;  // parse's own
      ADD_FAILURE() << settings::setting(id).name << " of command " << static_cast<int>(i);
    }
  }
}

TEST(Parse, RefusesNumbersOutOfRange) {
  for (const char* port : {"-1", "65536", "x", "8080x", ""}) refused({"serve", "--port", port});
  EXPECT_EQ(parsed<ServeCommand>({"serve", "--port", "65535"}).server.port, 65535);
  for (const char* context : {"0", "-5", "16777217", "99999999999999999999"})
    refused({"serve", "--context", context});
  EXPECT_EQ(parsed<ServeCommand>({"serve", "--context", "16777216"}).models.at(0).load.context, 16777216u);
  refused({"serve", "--trusted-proxies", "10.0.0.0/33"});
  for (const char* size : {"64XB", "-1MiB", "MiB", "", "0", "1e3", "nan", "99999999TiB"})
    refused({"serve", "--memory-cap", size});
  for (const char* share : {"-0.1", "1.01", "nan", ""}) refused({"run", "--top-p", share});
  EXPECT_THROW(parse({"debug", "logits", "m", "--token-list", "1,a"}), Error);
}

}  // namespace
}  // namespace gantry::cli
