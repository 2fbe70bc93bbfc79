#include "cli/parse.h"

#include <charconv>
#include <map>
#include <type_traits>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "base/error.h"
#include "cli/complaint.h"
#include "cli/help_texts.h"
#include "jinja/cases.h"
#include "library/recipe.h"
#include "plan/memory_plan.h"
#include "tokenizer/token_list.h"

namespace gantry::cli {
namespace {

constexpr uint32_t kContextMax = 1u << 24;  // positions
constexpr uint32_t kThreadsMax = 1024;      // of the CPU
constexpr uint32_t kQuantizeThreadsMax = 256;
constexpr uint32_t kWindowsMax = 1u << 24;
constexpr uint32_t kQueueMax = 1u << 20;  // requests waiting
constexpr uint32_t kTopKMax = 1u << 24;
constexpr uint32_t kWorkersMax = 64;
constexpr size_t kConnectionsMax = size_t{1} << 20;
constexpr uint32_t kDrainMax = 24 * 60 * 60;  // seconds

// How --help shows an option: "--port N   Port; 0: the system picks one (default: 8421)".
class Words final : public CLI::Formatter {
 public:
  std::string make_option_opts(const CLI::Option* option) const override {
    if (option->get_items_expected_max() == 0 || option->get_type_name().empty()) return {};
    return " " + option->get_type_name();
  }
  std::string make_option_desc(const CLI::Option* option) const override {
    std::string text = option->get_description();
    if (!option->get_default_str().empty()) text += " (default: " + option->get_default_str() + ")";
    if (!option->get_envname().empty()) text += " (or $" + option->get_envname() + ")";
    return text;
  }
};

template <typename T>
T parse_number(const std::string& name, const std::string& text, T least, T most) {
  T number = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || rest != text.data() + text.size() || !(number >= least && number <= most))
    throw CLI::ValidationError(name,
                               fmt::format("'{}' is no {} from {} to {}", text,
                                           std::is_integral_v<T> ? "whole number" : "number", least, most));
  return number;
}

// A number within limits. `with_default`: what stands in `value` is worth telling.
template <typename T>
CLI::Option* add_number(CLI::App& app, const std::string& name, T& value, std::type_identity_t<T> least,
                        std::type_identity_t<T> most, const std::string& about, bool with_default = false) {
  CLI::Option* option = app.add_option_function<std::string>(
      name, [=, &value](const std::string& text) { value = parse_number(name, text, least, most); }, about);
  if (with_default) option->default_str(fmt::format("{}", value));
  return option->type_name("N");
}

// A number of bytes: 4096, 800MiB, 4GiB, 1.5GB.
template <typename T>
CLI::Option* add_size(CLI::App& app, const std::string& name, T& value, const std::string& about) {
  return app
      .add_option_function<std::string>(
          name,
          [=, &value](const std::string& text) {
            const std::optional<uint64_t> bytes = parse_size(text);
            if (!bytes)
              throw CLI::ValidationError(name,
                                         fmt::format("'{}' is no size; for example 800MiB or 4GiB", text));
            value = static_cast<T>(*bytes);
          },
          about)
      ->type_name("SIZE");
}

CLI::Option* add_text(CLI::App& app, const std::string& name, std::string& value, const std::string& kind,
                      const std::string& about) {
  CLI::Option* option = app.add_option(name, value, about)->type_name(kind);
  if (!value.empty()) option->default_str(value);
  return option;
}

// For texts where none at all is a mistake: an unset variable of a shell, say.
std::string refuse_empty(const std::string& text) { return text.empty() ? "a value is missing" : ""; }

CLI::Option* add_name(CLI::App& app, const std::string& name, std::string& value, const std::string& kind,
                      const std::string& about) {
  return add_text(app, name, value, kind, about)->check(refuse_empty);
}

CLI::Option* add_texts(CLI::App& app, const std::string& name, std::vector<std::string>& values,
                       const std::string& kind, const std::string& about) {
  return app.add_option(name, values, about)
      ->type_name(kind)
      ->check(refuse_empty)
      ->allow_extra_args(false)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
}

void add_model_flags(CLI::App& app, fleet::LoadSettings& load) {
  const std::string group = "How the model is loaded";
  add_number(app, "--context", load.context, 1, kContextMax,
             "Positions of one sequence; left out: the model's own, as far as it fits")
      ->group(group);
  add_number(app, "--sequences", load.sequences, 1, plan::kSequencesMax, "Sequences computed at once")
      ->group(group);
  add_text(app, "--kv-type", load.kv_type, "TYPE", "Of the KV cache: f32, f16 or q8_0")->group(group);
  add_number(app, "--step-rows", load.step_rows, 1, plan::kStepRowsMax,
             "Tokens computed in one step, prompts and answers together")
      ->group(group);
  app.add_option_function<std::string>(
         "--checkpoints",
         [&load](const std::string& text) {
           load.checkpoints = parse_number("--checkpoints", text, 0u, plan::kCheckpointsMax);
         },
         "Recurrent states kept for prompts that begin alike; left out: 4 for each sequence, as far as they "
         "fit")
      ->type_name("N")
      ->group(group);
  app.add_flag_callback(
         "--no-prefix-cache", [&load] { load.prefix_cache = false; }, "Do not keep the beginnings of prompts")
      ->group(group);
  add_name(app, "--devices", load.devices, "LIST", "Device to use, for example cpu:0")->group(group);
  add_name(app, "--isa", load.isa, "NAME",
           "CPU instructions: scalar, avx2, avx512, avx512vnni; left out: the best there is")
      ->group(group);
  add_number(app, "--threads", load.threads, 1, kThreadsMax, "CPU threads; left out: one for each core")
      ->group(group);
  add_size(app, "--memory-cap", load.memory_cap_bytes, "Use at most so much of the device: 800MiB, 4GiB")
      ->group(group);
  add_name(app, "--pre-split", load.pre_split_override, "NAME",
           "How text is split before tokenizing, instead of the file's word")
      ->group(group);
  add_name(app, "--chat-template", load.chat_template_path, "FILE",
           "A Jinja file instead of the model's own template")
      ->group(group);
  add_name(app, "--reply-format", load.reply_format, "NAME",
           "How the model writes reasoning and tool calls; left out, or auto: what its template says")
      ->group(group);
}

constexpr const char* kModelOrDefault =
    "GGUF file (of a split model, its first part); left out: $GANTRY_MODEL, or the one that comes along";

void add_model(CLI::App& app, std::string& path, bool required,
               const std::string& about = "GGUF file; of a split model, its first part") {
  app.add_option("MODEL", path, about)->required(required)->type_name("");
}

CLI::App& add_command(CLI::App& app, const char* name, const char* about, const char* examples = nullptr) {
  CLI::App& command = *app.add_subcommand(name, about);
  if (examples != nullptr) command.footer(examples);
  return command;
}

void add_serve(CLI::App& app, ServeCommand& serve) {
  CLI::App& command = add_command(app, "serve", "Serve a model over HTTP", kServeExamples);
  add_model(command, serve.load.model_path, false, kModelOrDefault);
  http::Options& server = serve.server;
  server.port = kDefaultPort;
  add_name(command, "--host", server.host, "ADDRESS",
           "Address or name to listen on, or unix:/path/of/socket");
  add_number(command, "--port", server.port, 0, 65535, "0: the system picks one", true);
  add_name(command, "--alias", serve.load.alias, "NAME",
           "Of the model for clients; left out: the file's name");
  add_texts(command, "--api-key", server.api_keys, "KEY", "Clients must send this key; may be given again")
      ->envname("GANTRY_API_KEY");
  add_texts(command, "--cors-origin", server.cors_origins, "ORIGIN",
            "Pages from there may call; '*': all; may be given again");
  add_texts(command, "--allowed-host", server.allowed_hosts, "NAME",
            "By which clients may call this server, besides localhost; '*': any; may be given again");
  command
      .add_option_function<std::string>(
          "--drain",
          [&serve](const std::string& text) {
            serve.drain = std::chrono::seconds(parse_number<uint32_t>("--drain", text, 0, kDrainMax));
          },
          "Seconds that running answers may go on at the end")
      ->type_name("N")
      ->default_str(std::to_string(kDrainDefault.count()));
  const std::string limits = "Limits";
  add_number(command, "--queue", serve.load.queue_max, 1, kQueueMax,
             "Requests that may wait; one more is refused with 429", true)
      ->group(limits);
  add_number(command, "--connections", server.connections_max, 1, kConnectionsMax, "Connections at once",
             true)
      ->group(limits);
  add_size(command, "--body-max", server.body_bytes_max, "Largest body of a request")
      ->default_str(fmt::format("{}MiB", server.body_bytes_max >> 20))
      ->group(limits);
  add_number(command, "--request-workers", server.request_workers, 1, kWorkersMax,
             "Threads that read requests", true)
      ->group(limits);
  add_number(command, "--io-threads", server.io_threads, 1, kWorkersMax, "Threads that move bytes", true)
      ->group(limits);
  add_model_flags(command, serve.load);
}

void add_run(CLI::App& app, RunCommand& run) {
  CLI::App& command =
      add_command(app, "run", "Talk to a model in the terminal, or answer one prompt", kRunExamples);
  add_model(command, run.load.model_path, false, kModelOrDefault);
  command
      .add_option("PROMPT,-p,--prompt", run.prompt,
                  "Answer this and end; left out: a conversation, or what is piped in")
      ->type_name("TEXT");
  add_text(command, "--system", run.system, "TEXT", "What the model is told first");
  command.add_flag("--raw", run.raw, "Continue the prompt as it stands, without the model's chat template");
  add_number(command, "--max-tokens", run.tokens_max, 1, kContextMax,
             "Longest answer; left out: as much as the context holds");
  const std::string group = "How tokens are picked";
  sample::SamplingParams& sampling = run.sampling;
  sampling.temperature = 0.8;
  sampling.top_p = 0.95;
  add_number(command, "--temp", sampling.temperature, 0, sample::kTemperatureMax,
             "Temperature; 0: always the likeliest", true)
      ->group(group);
  add_number(command, "--top-k", sampling.top_k, 0, kTopKMax, "Only the N likeliest; 0: off", true)
      ->group(group);
  add_number(command, "--top-p", sampling.top_p, 0, 1, "Only the likeliest that make up N; 1: off", true)
      ->group(group);
  add_number(command, "--min-p", sampling.min_p, 0, 1,
             "Only those at least N times as likely as the likeliest; 0: off", true)
      ->group(group);
  command
      .add_option_function<std::string>(
          "--seed",
          [&run](const std::string& text) {
            run.sampling.seed = parse_number<uint64_t>("--seed", text, 0, UINT64_MAX);
            run.seed_given = true;
          },
          "The same seed gives the same answer; left out: another one each time")
      ->type_name("N")
      ->group(group);
  add_model_flags(command, run.load);
}

void add_plan(CLI::App& app, PlanCommand& plan) {
  CLI::App& command = add_command(app, "plan", "Print what a model would need, without loading it");
  add_model(command, plan.load.model_path, false, kModelOrDefault);
  command.add_flag("--json", plan.json, "For programs");
  add_model_flags(command, plan.load);
}

void add_inspect(CLI::App& app, InspectCommand& inspect) {
  CLI::App& command = add_command(app, "inspect", "Print what is in a GGUF file");
  add_model(command, inspect.path, true);
  CLI::Option* json = command.add_flag("--json", inspect.json, "For programs");
  command.add_flag("--template", inspect.chat_template, "Only the chat template, as it stands")
      ->excludes(json);
}

std::string recipe_lines() {
  std::string text;
  for (const library::Recipe& recipe : library::recipe_table())
    text += fmt::format("  {:10} {}\n", recipe.name, recipe.in_a_word);
  return text;
}

void add_quantize(CLI::App& app, QuantizeCommand& quantize) {
  CLI::App& command = add_command(app, "quantize", "Write a model in another quantization");
  command.footer(kQuantizeExamples + recipe_lines());
  command.add_option("IN", quantize.from, "GGUF file; of a split model, any part")->required()->type_name("");
  command.add_option("OUT", quantize.to, "The new file; not the one that is read")->required()->type_name("");
  command.add_option("TYPE", quantize.options.recipe, "One of the types below")->required()->type_name("");
  command
      .add_option_function<std::vector<std::string>>(
          "--type",
          [&quantize](const std::vector<std::string>& texts) {
            for (const std::string& text : texts)
              quantize.options.overrides.push_back(library::parse_type_override(text));
          },
          "Of tensors whose name fits: blk.*.ffn_down=q6_k; may be given again, the last counts")
      ->type_name("PATTERN=TYPE")
      ->allow_extra_args(false)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  add_number(command, "--threads", quantize.options.threads, 1, kQuantizeThreadsMax,
             "Left out: as many as the machine runs at once");
  command.add_flag("--requantize", quantize.options.from_quantized,
                   "Also from a file that is quantized already, though its errors add up");
  command.add_flag("--dry-run", quantize.dry_run, "Say what each tensor would become, and write nothing");
}

void add_perplexity(CLI::App& app, PerplexityCommand& perplexity) {
  CLI::App& command =
      add_command(app, "perplexity", "Measure how well a model predicts a text", kPerplexityExamples);
  add_model(command, perplexity.load.model_path, true);
  add_text(command, "--file", perplexity.text_path, "FILE", "The text, UTF-8; -: standard input")->required();
  add_text(command, "--against", perplexity.against_path, "MODEL",
           "Also how far MODEL is from this one: Kullback-Leibler divergence, equal first choices");
  add_number(command, "--windows", perplexity.windows_max, 1, kWindowsMax,
             "At most so many; left out: all of the text");
  command.add_flag("--all", perplexity.score_all, "Score every token of a window, not only its second half");
  command.add_flag("--json", perplexity.json, "For programs");
  add_model_flags(command, perplexity.load);
}

void add_tokens(CLI::App& app, TokensCommand& tokens) {
  CLI::App& command = add_command(app, "tokenize", "Count and show the tokens of a text", kTokensExamples);
  add_model(command, tokens.path, true, "GGUF file; a vocabulary alone is enough");
  command.add_option("TEXT", tokens.text, "Left out: standard input")->type_name("");
  CLI::Option* json = command.add_flag("--json", tokens.json, "For programs");
  CLI::Option* count = command.add_flag("--count", tokens.count, "Only how many")->excludes(json);
  command.add_flag("--ids", tokens.ids_only, "Only the ids, on one line")->excludes(json)->excludes(count);
  command.add_flag("--add-special", tokens.add_special, "With the vocabulary's tokens of beginning and end");
  command.add_flag("--parse-special", tokens.parse_special, "Text that spells a control token becomes it");
  add_text(command, "--pre-split", tokens.pre_split_override, "NAME", "Instead of the file's own word");
}

void add_debug(CLI::App& app, LogitsCommand& logits, TokenizeCommand& tokenize, TemplateCommand& chat) {
  CLI::App& debug = add_command(app, "debug", "Look at one step of an answer: tokens, template, logits");
  debug.require_subcommand(1);

  CLI::App& numbers = add_command(debug, "logits", "Compute the logits of every position of some tokens");
  add_model(numbers, logits.load.model_path, true);
  CLI::Option* ids = numbers
                         .add_option_function<std::string>(
                             "--token-list",
                             [&logits](const std::string& text) {
                               try {
                                 logits.tokens = tokenizer::parse_token_list(text, "--token-list");
                               } catch (const Error& error) {  // no file's bytes are at fault here
                                 throw CLI::ValidationError("--token-list", error.message());
                               }
                             },
                             "Token ids: 1,306,626")
                         ->type_name("IDS");
  add_text(numbers, "--tokens", logits.tokens_path, "FILE", "Token ids between spaces, commas or line ends")
      ->excludes(ids);
  add_number(numbers, "--slice", logits.slice, 1, plan::kStepRowsMax, "Tokens computed at once");
  add_text(numbers, "--out", logits.out_path, "FILE",
           "Float32 [tokens, vocabulary]; left out: standard output");
  add_model_flags(numbers, logits.load);

  CLI::App& words = add_command(debug, "tokenize", "Show how text becomes tokens", kTokenizeExamples);
  add_model(words, tokenize.path, true, "GGUF file; a vocabulary alone is enough");
  CLI::Option* text = words.add_option("TEXT", tokenize.text, "Left out: standard input")->type_name("");
  add_text(words, "--cases", tokenize.cases_path, "FILE",
           "Texts between lines of __ggml_vocab_test__: the ids of each on a line")
      ->excludes(text);
  words.add_flag("--pieces", tokenize.pieces, "A line for each token: id, text, entry of the vocabulary");
  words.add_flag("--add-special", tokenize.add_special, "With the vocabulary's tokens of beginning and end");
  words.add_flag("--parse-special", tokenize.parse_special, "Text that spells a control token becomes it");
  add_text(words, "--pre-split", tokenize.pre_split_override, "NAME", "Instead of the file's own word");

  CLI::App& rendered =
      add_command(debug, "template", "Show what the model reads of a conversation", kTemplateExamples);
  add_model(rendered, chat.path, false,
            "GGUF file, or a Jinja template; may be left out where each case has its own");
  CLI::Option* messages =
      rendered
          .add_option("MESSAGES", chat.messages_path, "JSON file with messages; left out: standard input")
          ->type_name("");
  add_text(rendered, "--cases", chat.cases_path, "FILE",
           "A conversation on each line, as JSON; so are the answers")
      ->excludes(messages);
  rendered
      .add_option_function<std::string>(
          "--now",
          [&chat](const std::string& word) {
            chat.now = jinja::parse_case_time(word);
            if (!chat.now) throw CLI::ValidationError("--now", fmt::format("'{}' is no time", word));
          },
          "The time that the template sees: 2025-03-09T13:05:07")
      ->type_name("TIME");
  rendered.add_flag_callback(
      "--no-generation-prompt", [&chat] { chat.add_generation_prompt = false; },
      "Without the head of the answer");
}

Refused refused_of(const CLI::App& app, const CLI::Error& error) {
  Refused out;
  out.command = app.get_name();
  const CLI::App* at = &app;
  while (!at->get_subcommands().empty()) {
    at = at->get_subcommands().back();
    out.command += " " + at->get_name();
  }
  for (const CLI::App* command : at->get_subcommands(nullptr)) out.commands.push_back(command->get_name());
  for (const CLI::App* one = at; one != nullptr; one = one->get_parent())
    for (const CLI::Option* option : one->get_options())
      for (const std::string& name : option->get_lnames()) out.flags.push_back("--" + name);
  for (const std::string& word : app.remaining(true))
    if (word != "--" && out.misplaced.empty()) out.misplaced = word;
  out.words = error.what();
  out.is_of_value = dynamic_cast<const CLI::ExtrasError*>(&error) == nullptr &&
                    dynamic_cast<const CLI::RequiredError*>(&error) == nullptr &&
                    dynamic_cast<const CLI::CallForHelp*>(&error) == nullptr;
  return out;
}

// "gantry help serve" and "gantry version" are habits from other programs.
std::vector<std::string> without_habits(std::vector<std::string> words) {
  if (words.empty()) return words;
  if (words[0] == "help") {
    words.erase(words.begin());
    if (!words.empty() && (words[0] == "help" || words[0] == "version")) words.clear();
    words.emplace_back("--help");
  } else if (words[0] == "version" && words.size() == 1) {
    words[0] = "--version";
  }
  return words;
}

}  // namespace

Command parse(const std::vector<std::string>& given) {
  const std::vector<std::string> arguments = without_habits(given);
  CLI::App app(kAbout, "gantry");
  app.footer(kExamples);
  // Said twice, the last word counts; the commands take this over.
  app.option_defaults()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  const auto words = std::make_shared<Words>();
  words->column_width(26);
  app.formatter(words);  // its commands take it over
  app.require_subcommand(1);
  app.fallthrough();
  app.set_version_flag("--version", "gantry " GANTRY_VERSION);
  Command command;
  const std::map<std::string, log::Level> levels = {{"debug", log::Level::kDebug},
                                                    {"info", log::Level::kInfo},
                                                    {"warn", log::Level::kWarn},
                                                    {"error", log::Level::kError},
                                                    {"off", log::Level::kOff}};
  app.add_option_function<std::string>(
         "--log",
         [&](const std::string& name) {
           const auto level = levels.find(name);
           if (level == levels.end()) throw CLI::ValidationError("--log", fmt::format("no level '{}'", name));
           command.log_level = level->second;
         },
         "What is told on standard error: debug, info, warn, error or off")
      ->type_name("LEVEL")
      ->default_str("warn");

  ServeCommand serve;
  RunCommand run;
  PlanCommand plan;
  InspectCommand inspect;
  QuantizeCommand quantize;
  PerplexityCommand perplexity;
  LogitsCommand logits;
  TokensCommand tokens;
  TokenizeCommand tokenize;
  TemplateCommand chat;
  add_serve(app, serve);
  add_run(app, run);
  add_plan(app, plan);
  add_inspect(app, inspect);
  add_quantize(app, quantize);
  add_perplexity(app, perplexity);
  add_tokens(app, tokens);
  add_debug(app, logits, tokenize, chat);

  try {
    if (arguments.empty()) return {ShowText{app.help()}};
    std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());
    app.parse(reversed);
  } catch (const CLI::CallForHelp& wish) {
    if (app.get_subcommands().empty() && app.remaining_size(true) > 0) throw complaint(refused_of(app, wish));
    return {ShowText{app.help()}};
  } catch (const CLI::CallForVersion& version) {
    return {ShowText{std::string(version.what()) + "\n"}};
  } catch (const CLI::ParseError& error) {
    throw complaint(refused_of(app, error));
  }
  if (app.got_subcommand("serve")) command.action = serve;
  if (app.got_subcommand("run")) command.action = run;
  if (app.got_subcommand("plan")) command.action = plan;
  if (app.got_subcommand("inspect")) command.action = inspect;
  if (app.got_subcommand("quantize")) command.action = quantize;
  if (app.got_subcommand("perplexity")) command.action = perplexity;
  if (app.got_subcommand("tokenize")) command.action = tokens;
  if (const CLI::App* debug = app.get_subcommand("debug"); debug->parsed()) {
    if (debug->got_subcommand("logits")) command.action = logits;
    if (debug->got_subcommand("tokenize")) command.action = tokenize;
    if (debug->got_subcommand("template")) command.action = chat;
  }
  return command;
}

}  // namespace gantry::cli
