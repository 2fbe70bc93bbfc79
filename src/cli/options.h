// What the command line asks for: one plain struct for each command, filled by bindings.cc and by nothing
// else. Limits and defaults are those of settings/table.h.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/ids.h"
#include "base/log.h"
#include "bench/engine_figures.h"
#include "bench/traffic.h"
#include "fleet/live_model.h"
#include "http/options.h"
#include "library/quantize.h"
#include "sample/params.h"
#include "settings/values.h"

namespace gantry::cli {

// An empty model_path means the default model (default_model.h).
struct ServedModel {
  fleet::LoadSettings load;
  std::string source;       // where its path was read, if not on the command line: "$GANTRY_MODEL"
  settings::Values values;  // that `load` was made of, for errors that name a setting
};

struct ServeCommand {
  std::vector<ServedModel> models;  // at least one
  http::Options server;
  std::string api_key_file;  // of more keys; empty: none
  log::Format log_format = log::Format::kText;
  std::string log_file;                // empty: standard error
  std::chrono::milliseconds drain{0};  // how long running answers may go on at the end
};

// How answers are made: the settings of requests.
struct AnswerSettings {
  sample::SamplingParams sampling;
  bool seed_given = false;  // otherwise each answer has another
  uint32_t tokens_max = 0;  // 0: as many as the context holds
};

struct RunCommand : AnswerSettings {
  fleet::LoadSettings load;
  std::string model_source;           // as in ServedModel
  std::optional<std::string> prompt;  // absent: a conversation, or all of standard input
  std::string system;
  bool raw = false;                    // no chat template: the prompt is continued as it stands
  bool verbose = false;                // numbers after each answer
  std::optional<std::string> history;  // file for what is typed; empty: none; absent: that of history_path()
  settings::Values values;             // of which AnswerSettings were made
};

struct PlanCommand {
  fleet::LoadSettings load;
  std::string model_source;                        // as in ServedModel
  uint64_t request_memory = http::kRequestMemory;  // of the server that would serve it
  bool json = false;
};

struct InspectCommand {
  std::string path;
  bool json = false;
  bool chat_template = false;  // only the template
};

struct QuantizeCommand {
  std::string from, to;
  library::QuantizeOptions options;
  bool dry_run = false;
};

inline constexpr uint32_t kPerplexityWindow = 512;            // tokens
inline constexpr uint64_t kTextBytesMax = uint64_t{1} << 30;  // of a text to measure on

struct PerplexityCommand {
  fleet::LoadSettings load;  // context: tokens of a window; 0: kPerplexityWindow, or what the model holds
  std::string text_path;     // "-": standard input
  std::string against_path;  // a second model, the truth for the first one; empty: none
  uint32_t windows_max = 0;  // 0: all
  bool score_all = false;
  bool json = false;
};

struct BenchServeCommand {
  std::string url;
  bench::Api api = bench::Api::kChat;
  std::string model;                      // empty: the first one that the server lists
  std::vector<std::string> api_keys;      // sent in turn; empty: none
  std::vector<uint32_t> clients;          // levels of a closed loop, or
  std::vector<double> rates;              // of an open one; both empty: the default
  uint64_t requests = 0;                  // of a level; 0: no limit
  std::chrono::milliseconds duration{0};  // of a level; 0: not given
  uint64_t warmup = 0;                    // requests before each level
  std::optional<uint64_t> seed;
  std::string mix, print_mix;
  std::string extra_path;
  std::chrono::milliseconds patience{0};
  std::string json_path, svg_path;  // empty: none
};

struct BenchEngineCommand {
  fleet::LoadSettings load;  // context and sequences: those of the wishes
  std::string model_source;  // as in ServedModel
  bench::EngineWishes wishes;
  std::string json_path;  // empty: none
};

struct DevicesCommand {
  bool json = false;
};

struct LogitsCommand {
  fleet::LoadSettings load;
  std::vector<TokenId> tokens;
  std::string tokens_path;  // instead: a file with ids between spaces, commas or line ends
  uint32_t slice = 0;
  std::string out_path;  // float32 [tokens, vocab]; empty: standard output
};

struct TokensCommand {
  std::string path;
  std::optional<std::string> text;  // absent: all of standard input
  std::string pre_split_override;
  bool add_special = false;
  bool parse_special = false;
  bool ids_only = false;
  bool count = false;
  bool json = false;
};

struct TokenizeCommand {
  std::string path;
  std::optional<std::string> text;  // absent: all of standard input
  std::string cases_path;           // instead: a file of cases (tokenizer/cases.h), ids of each on a line
  std::string pre_split_override;
  bool add_special = false;
  bool parse_special = false;
  bool pieces = false;  // a line for each token instead of the ids on one
};

struct TemplateCommand {
  std::string path;  // a GGUF file, or the template itself
  std::string
      messages_path;  // JSON: an array of messages, or an object with messages, tools, ...; "-": stdin
  std::string
      cases_path;  // instead: a file of cases (jinja/cases.h), an answer for each on a line; "-": stdin
  std::optional<int64_t> now;  // what the template takes for the time, seconds since the epoch
  bool add_generation_prompt = true;
};

struct ShowText {
  std::string text;
};

using Action = std::variant<ShowText, ServeCommand, RunCommand, PlanCommand, InspectCommand, QuantizeCommand,
                            PerplexityCommand, TokensCommand, BenchServeCommand, BenchEngineCommand,
                            DevicesCommand, LogitsCommand, TokenizeCommand, TemplateCommand>;

struct Command {
  Action action;
  log::Level log_level = log::Level::kWarn;
  std::string timezone = {};  // empty: the machine's
  // Which one it is and what it was given, for errors that name a setting. Of a text to show: none.
  settings::Command name = settings::Command::kServe;
  settings::Values values = {};
};

}  // namespace gantry::cli
