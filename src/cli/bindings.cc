#include "cli/bindings.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/error.h"
#include "bench/level.h"
#include "cli/manual.h"
#include "cli/number_list.h"
#include "cli/show_settings.h"
#include "jinja/cases.h"
#include "os/thread_pool.h"
#include "plan/memory_plan.h"
#include "tokenizer/token_list.h"

namespace gantry::cli {
namespace {

using settings::Id;
using settings::setting;
using settings::Values;

// What a lower room holds against all its callers, the table says too.
static_assert(setting(Id::kSequences).most == plan::kSequencesMax);
static_assert(setting(Id::kStepRows).most == plan::kStepRowsMax);
static_assert(setting(Id::kSlice).most == plan::kStepRowsMax);
static_assert(setting(Id::kCheckpoints).most == plan::kCheckpointsMax);
static_assert(setting(Id::kThreads).most == os::ThreadPool::kThreadsMax);
static_assert(setting(Id::kQuantizeThreads).most == library::kQuantizeThreadsMax);
static_assert(setting(Id::kTemperature).high == sample::kTemperatureMax);
static_assert(setting(Id::kRepetitionPenalty).low == sample::kRepetitionPenaltyMin);
static_assert(setting(Id::kRepetitionPenalty).high == sample::kRepetitionPenaltyMax);
static_assert(setting(Id::kPresencePenalty).high == sample::kPenaltyMax);
static_assert(setting(Id::kPresencePenalty).low == -sample::kPenaltyMax);
static_assert(setting(Id::kFrequencyPenalty).high == sample::kPenaltyMax);
static_assert(setting(Id::kFrequencyPenalty).low == -sample::kPenaltyMax);
static_assert(setting(Id::kPenaltyWindow).most == sample::kPenaltyWindowMax);

// The names between the brackets are all fields there are: a new one does not compile until it stands here,
// and here is where its row belongs. The bias is a request's alone.
void bind_sampling(const Values& values, sample::SamplingParams& params) {
  auto& [temperature, top_k, top_p, min_p, typical_p, repetition_penalty, presence_penalty, frequency_penalty,
         penalty_window, logit_bias, seed] = params;
  values.take(Id::kTemperature, temperature);
  values.take(Id::kTopK, top_k);
  values.take(Id::kTopP, top_p);
  values.take(Id::kMinP, min_p);
  values.take(Id::kTypicalP, typical_p);
  values.take(Id::kRepetitionPenalty, repetition_penalty);
  values.take(Id::kPresencePenalty, presence_penalty);
  values.take(Id::kFrequencyPenalty, frequency_penalty);
  values.take(Id::kPenaltyWindow, penalty_window);
  values.take(Id::kSeed, seed);
}

http::Options bind_server(const Values& values) {
  http::Options out;
  values.take(Id::kHost, out.host);
  values.take(Id::kPort, out.port);
  values.take(Id::kApiKey, out.api_keys);
  values.take(Id::kCorsOrigin, out.cors_origins);
  values.take(Id::kAllowedHost, out.allowed_hosts);
  std::vector<std::string> proxies;
  values.take(Id::kTrustedProxies, proxies);
  out.trusted_proxies = http::TrustedProxies(proxies);
  values.take(Id::kConnections, out.connections_max);
  values.take(Id::kBodyMax, out.body_bytes_max);
  values.take(Id::kRequestMemory, out.request_memory);
  values.take(Id::kRequestWorkers, out.request_workers);
  values.take(Id::kIoThreads, out.io_threads);
  return out;
}

// "$GANTRY_MODEL", "gantry.toml:3: path"; empty: the command line, which needs no telling.
std::string model_source(const Values& values) {
  const settings::Held* held = values.find(Id::kModel);
  return held == nullptr || held->source == settings::Source::kFlag ? std::string() : held->place;
}

log::Format bind_log_format(const Values& values) {
  std::string name;
  values.take(Id::kLogFormat, name);
  static_assert(settings::rows::kLogFormats.size() == 2 && settings::rows::kLogFormats[1] == "json");
  return name == settings::rows::kLogFormats[1] ? log::Format::kJson : log::Format::kText;
}

ServeCommand bind_serve(const Values& values, std::span<const Values> models) {
  ServeCommand out;
  for (const Values& model : models.empty() ? std::span(&values, 1) : models)
    out.models.push_back({bind_load(model), model_source(model), model});
  out.server = bind_server(values);
  values.take(Id::kApiKeyFile, out.api_key_file);
  out.log_format = bind_log_format(values);
  values.take(Id::kLogFile, out.log_file);
  values.take(Id::kDrain, out.drain);
  return out;
}

RunCommand bind_run(const Values& values) {
  RunCommand out;
  out.load = bind_load(values);
  out.model_source = model_source(values);
  values.take(Id::kPrompt, out.prompt);
  values.take(Id::kSystem, out.system);
  static_cast<AnswerSettings&>(out) = bind_answers(values);
  values.take(Id::kRaw, out.raw);
  values.take(Id::kVerbose, out.verbose);
  values.take(Id::kHistory, out.history);
  out.values = values;
  return out;
}

PlanCommand bind_plan(const Values& values) {
  PlanCommand out;
  out.load = bind_load(values);
  out.model_source = model_source(values);
  values.take(Id::kRequestMemory, out.request_memory);
  values.take(Id::kJson, out.json);
  return out;
}

InspectCommand bind_inspect(const Values& values) {
  InspectCommand out;
  values.take(Id::kModelNeeded, out.path);
  values.take(Id::kJson, out.json);
  values.take(Id::kTemplateOnly, out.chat_template);
  return out;
}

QuantizeCommand bind_quantize(const Values& values) {
  QuantizeCommand out;
  std::vector<std::string> overrides;
  values.take(Id::kQuantizeFrom, out.from);
  values.take(Id::kQuantizeTo, out.to);
  values.take(Id::kQuantizeRecipe, out.options.recipe);
  values.take(Id::kOverride, overrides);
  for (const std::string& text : overrides)
    out.options.overrides.push_back(library::parse_type_override(text));
  values.take(Id::kRequantize, out.options.from_quantized);
  values.take(Id::kQuantizeThreads, out.options.threads);
  values.take(Id::kDryRun, out.dry_run);
  return out;
}

PerplexityCommand bind_perplexity(const Values& values) {
  PerplexityCommand out;
  out.load = bind_load(values);
  values.take(Id::kModelNeeded, out.load.model_path);
  values.take(Id::kTextFile, out.text_path);
  values.take(Id::kAgainst, out.against_path);
  values.take(Id::kWindows, out.windows_max);
  values.take(Id::kScoreAll, out.score_all);
  values.take(Id::kJson, out.json);
  return out;
}

LogitsCommand bind_logits(const Values& values) {
  LogitsCommand out;
  out.load = bind_load(values);
  values.take(Id::kModelNeeded, out.load.model_path);
  values.take(Id::kTokens, out.tokens_path);
  values.take(Id::kSlice, out.slice);
  values.take(Id::kOut, out.out_path);
  std::string list;
  values.take(Id::kTokenList, list);
  try {
    out.tokens = tokenizer::parse_token_list(list, "token_list");
  } catch (const Error& error) {  // no file's bytes are at fault here
    throw Error(ErrorCode::kUsage, error.message(), "token_list", error.mend());
  }
  return out;
}

BenchServeCommand bind_bench_serve(const Values& values) {
  BenchServeCommand out;
  std::string api, clients, rates;
  values.take(Id::kTarget, out.url);
  values.take(Id::kApi, api);
  static_assert(settings::rows::kApis.size() == 2 && settings::rows::kApis[1] == "completions");
  if (api == settings::rows::kApis[1]) out.api = bench::Api::kCompletions;
  values.take(Id::kServedName, out.model);
  values.take(Id::kApiKey, out.api_keys);
  values.take(Id::kClients, clients);
  values.take(Id::kRate, rates);
  if (!clients.empty()) out.clients = parse_counts("clients", clients, 1, bench::kClientsMax);
  if (!rates.empty()) out.rates = parse_rates("rate", rates, bench::kRateMax);
  values.take(Id::kRequests, out.requests);
  values.take(Id::kDuration, out.duration);
  values.take(Id::kWarmup, out.warmup);
  values.take(Id::kTrafficSeed, out.seed);
  values.take(Id::kMix, out.mix);
  values.take(Id::kPrintMix, out.print_mix);
  values.take(Id::kExtra, out.extra_path);
  values.take(Id::kPatience, out.patience);
  values.take(Id::kJsonFile, out.json_path);
  values.take(Id::kSvgFile, out.svg_path);
  return out;
}

BenchEngineCommand bind_bench_engine(const Values& values) {
  BenchEngineCommand out;
  std::string prompts, depths, batches;
  out.load = bind_load(values);
  out.model_source = model_source(values);
  values.take(Id::kPromptSizes, prompts);
  values.take(Id::kDepths, depths);
  values.take(Id::kBatches, batches);
  out.wishes.prompts = parse_counts("prompt", prompts, 1, settings::rows::kPositionsMax);
  out.wishes.depths = parse_counts("depth", depths, 0, settings::rows::kPositionsMax);
  out.wishes.batches = parse_counts("batch", batches, 1, plan::kSequencesMax);
  values.take(Id::kNewTokens, out.wishes.tokens);
  values.take(Id::kRounds, out.wishes.rounds);
  values.take(Id::kJsonFile, out.json_path);
  return out;
}

DevicesCommand bind_devices(const Values& values) {
  DevicesCommand out;
  values.take(Id::kJson, out.json);
  return out;
}

TokensCommand bind_tokens(const Values& values) {
  TokensCommand out;
  values.take(Id::kVocabulary, out.path);
  values.take(Id::kText, out.text);
  values.take(Id::kPreSplitOfText, out.pre_split_override);
  values.take(Id::kAddSpecial, out.add_special);
  values.take(Id::kParseSpecial, out.parse_special);
  values.take(Id::kIds, out.ids_only);
  values.take(Id::kCount, out.count);
  values.take(Id::kJson, out.json);
  return out;
}

TokenizeCommand bind_tokenize(const Values& values) {
  TokenizeCommand out;
  values.take(Id::kVocabulary, out.path);
  values.take(Id::kText, out.text);
  values.take(Id::kTextCases, out.cases_path);
  values.take(Id::kPreSplitOfText, out.pre_split_override);
  values.take(Id::kAddSpecial, out.add_special);
  values.take(Id::kParseSpecial, out.parse_special);
  values.take(Id::kPieces, out.pieces);
  return out;
}

TemplateCommand bind_template(const Values& values) {
  TemplateCommand out;
  values.take(Id::kTemplateFile, out.path);
  values.take(Id::kMessages, out.messages_path);
  values.take(Id::kTemplateCases, out.cases_path);
  values.take(Id::kGenerationPrompt, out.add_generation_prompt);
  std::string now;
  values.take(Id::kNow, now);
  if (!now.empty()) out.now = jinja::parse_case_time(now);
  if (!now.empty() && !out.now)
    throw Error(ErrorCode::kUsage, fmt::format("'{}' is no time", now), "now",
                "for example 2025-03-09T13:05:07");
  return out;
}

ShowText bind_settings(const Values& values) {
  bool json = false, markdown = false;
  values.take(Id::kJson, json);
  values.take(Id::kMarkdown, markdown);
  return {json ? table_json() : markdown ? table_markdown() : table_text()};
}

ShowText bind_manual(const Values& values) {
  std::string page;
  values.take(Id::kPage, page);
  return {page.empty() ? fmt::format("{}\n", fmt::join(manual_names(), "\n")) : manual_page(page)};
}

ShowText bind_completion(const Values& values) {
  std::string shell;
  values.take(Id::kShell, shell);
  return {completion(shell)};
}

}  // namespace

fleet::LoadSettings bind_load(const Values& values) {
  fleet::LoadSettings out;
  // As in bind_sampling. No setting names the bytes, which are those of the model in the box, nor when memory
  // comes, which is the command's matter.
  auto& [model_path, model_bytes, alias, context, sequences, kv_type, step_rows, checkpoints, queue_max,
         gap_ms, prefix_cache, host_cache_bytes, device, isa, threads, memory_cap_bytes, pre_split_override,
         chat_template_path, reply_format, strict_chat, memory_on_demand] = out;
  values.take(Id::kModel, model_path);
  values.take(Id::kAlias, alias);
  values.take(Id::kContext, context);
  values.take(Id::kSequences, sequences);
  values.take(Id::kKvType, kv_type);
  values.take(Id::kStepRows, step_rows);
  values.take(Id::kCheckpoints, checkpoints);
  values.take(Id::kQueue, queue_max);
  values.take(Id::kGapMs, gap_ms);
  values.take(Id::kPrefixCache, prefix_cache);
  values.take(Id::kHostCache, host_cache_bytes);
  values.take(Id::kDevice, device);
  values.take(Id::kIsa, isa);
  values.take(Id::kThreads, threads);
  values.take(Id::kMemoryCap, memory_cap_bytes);
  values.take(Id::kPreSplit, pre_split_override);
  values.take(Id::kChatTemplate, chat_template_path);
  values.take(Id::kReplyFormat, reply_format);
  values.take(Id::kStrictChat, strict_chat);
  return out;
}

AnswerSettings bind_answers(const Values& values) {
  AnswerSettings out;
  bind_sampling(values, out.sampling);
  out.seed_given = values.given(Id::kSeed);
  values.take(Id::kMaxTokens, out.tokens_max);
  return out;
}

log::Level bind_log_level(const Values& values) {
  std::string name;
  values.take(Id::kLog, name);
  constexpr std::array kLevels = {log::Level::kDebug, log::Level::kInfo, log::Level::kWarn,
                                  log::Level::kError, log::Level::kOff};
  static_assert(kLevels.size() == settings::rows::kLogLevels.size());
  const auto found = std::ranges::find(settings::rows::kLogLevels, name);
  return kLevels.at(static_cast<size_t>(found - settings::rows::kLogLevels.begin()));
}

std::string bind_timezone(const Values& values) {
  std::string name;
  values.take(Id::kTimezone, name);
  return name;
}

Action action_of(settings::Command command, const Values& values, std::span<const Values> models) {
  switch (command) {
    case settings::Command::kServe:
      return bind_serve(values, models);
    case settings::Command::kRun:
      return bind_run(values);
    case settings::Command::kPlan:
      return bind_plan(values);
    case settings::Command::kInspect:
      return bind_inspect(values);
    case settings::Command::kQuantize:
      return bind_quantize(values);
    case settings::Command::kPerplexity:
      return bind_perplexity(values);
    case settings::Command::kTokenize:
      return bind_tokens(values);
    case settings::Command::kDebugLogits:
      return bind_logits(values);
    case settings::Command::kDebugTokenize:
      return bind_tokenize(values);
    case settings::Command::kDebugTemplate:
      return bind_template(values);
    case settings::Command::kDebugSettings:
      return bind_settings(values);
    case settings::Command::kDebugManual:
      return bind_manual(values);
    case settings::Command::kBenchServe:
      return bind_bench_serve(values);
    case settings::Command::kBenchEngine:
      return bind_bench_engine(values);
    case settings::Command::kDevices:
      return bind_devices(values);
    case settings::Command::kCompletion:
      return bind_completion(values);
  }
  GANTRY_CHECK(false);
}

}  // namespace gantry::cli
