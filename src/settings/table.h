// The one table of settings. Command line, environment, configuration file, HTTP requests, --help and
// docs/operating/ follow it; a number or a word that stands here stands nowhere else.
//
// A default of an engine's own making ("as many as fit") is no value: it has words in `left_out`. Limits that
// a lower room holds against its callers too are compared with these rows where they meet (cli/bindings.cc).
#pragma once

#include <array>

#include "settings/setting.h"

namespace gantry::settings {

enum class Id : uint8_t {
  // positional
  kModel,
  kModelNeeded,
  kVocabulary,
  kTemplateFile,
  kMessages,
  kPrompt,
  kText,
  kQuantizeFrom,
  kQuantizeTo,
  kQuantizeRecipe,
  // server
  kConfig,
  kHost,
  kPort,
  kAlias,
  kApiKey,
  kCorsOrigin,
  kAllowedHost,
  kTrustedProxies,
  kDrain,
  kQueue,
  kConnections,
  kBodyMax,
  kRequestMemory,
  kRequestWorkers,
  kIoThreads,
  kTimezone,
  kLog,
  // run
  kSystem,
  kRaw,
  // request
  kMaxTokens,
  kTemperature,
  kTopK,
  kTopP,
  kMinP,
  kTypicalP,
  kRepetitionPenalty,
  kPresencePenalty,
  kFrequencyPenalty,
  kPenaltyWindow,
  kSeed,
  // of one command
  kTextFile,
  kAgainst,
  kWindows,
  kScoreAll,
  kOverride,
  kQuantizeThreads,
  kRequantize,
  kDryRun,
  kTokenList,
  kTokens,
  kSlice,
  kOut,
  kTextCases,
  kPieces,
  kCount,
  kIds,
  kAddSpecial,
  kParseSpecial,
  kPreSplitOfText,
  kTemplateCases,
  kNow,
  kGenerationPrompt,
  kTemplateOnly,
  kJson,
  kMarkdown,
  kShell,
  kPage,
  kShowSettings,
  // model
  kContext,
  kSequences,
  kKvType,
  kStepRows,
  kCheckpoints,
  kPrefixCache,
  kHostCache,
  kDevice,
  kIsa,
  kThreads,
  kMemoryCap,
  kPreSplit,
  kChatTemplate,
  kReplyFormat,
  kStrictChat,
};

namespace rows {

using enum Command;

inline constexpr Commands kServes{kServe};
inline constexpr Commands kRuns{kRun};
inline constexpr Commands kLoads{kServe, kRun, kPlan, kPerplexity, kDebugLogits};
inline constexpr Commands kTexts{kTokenize, kDebugTokenize};
inline constexpr Commands kAll{kServe,         kRun,           kPlan,         kInspect,
                               kQuantize,      kPerplexity,    kTokenize,     kDebugLogits,
                               kDebugTokenize, kDebugTemplate, kDebugSettings, kDebugManual, kCompletion};

inline constexpr std::array<std::string_view, 3> kKvTypes = {"f32", "f16", "q8_0"};
inline constexpr std::array<std::string_view, 5> kLogLevels = {"debug", "info", "warn", "error", "off"};

inline constexpr std::array<std::string_view, 3> kShells = {"bash", "zsh", "fish"};

inline constexpr std::string_view kLimits = "Limits";
inline constexpr std::string_view kPicking = "How tokens are picked";
inline constexpr std::string_view kLoading = "How the model is loaded";

inline constexpr uint64_t kPositionsMax = uint64_t{1} << 24;
inline constexpr uint64_t kThreadsMax = 1024;
inline constexpr uint64_t kSizeMax = uint64_t{1}
                                     << 53;  // every whole number up to here is itself in a double
inline constexpr uint64_t kDayMs = 24ull * 60 * 60 * 1000;

}  // namespace rows

// clang-format off
inline constexpr std::array kTable = {
    // --- what stands without a flag; the first of a command comes first there
    Setting{.id = Id::kModel, .name = "model", .kind = Kind::kText, .scope = Scope::kModel,
            .commands = Commands(rows::kServe, rows::kRun, rows::kPlan),
            .words = "GGUF file (of a split model, its first part)",
            .left_out = "$GANTRY_MODEL, or the one that comes along", .positional = "MODEL", .only_positional = true,
            .is_path = true, .file_key = "path"},
    Setting{.id = Id::kModelNeeded, .name = "model", .kind = Kind::kText, .scope = Scope::kCommand,
            .commands = Commands(rows::kInspect, rows::kPerplexity, rows::kDebugLogits),
            .words = "GGUF file; of a split model, its first part",
            .positional = "MODEL", .only_positional = true, .required = true},
    Setting{.id = Id::kVocabulary, .name = "model", .kind = Kind::kText, .scope = Scope::kCommand, .commands = rows::kTexts,
            .words = "GGUF file; a vocabulary alone is enough",
            .positional = "MODEL", .only_positional = true, .required = true},
    Setting{.id = Id::kTemplateFile, .name = "model", .kind = Kind::kText, .scope = Scope::kCommand,
            .commands = Commands(rows::kDebugTemplate),
            .words = "GGUF file, or a Jinja template; may be left out where each case has its own",
            .positional = "MODEL", .only_positional = true},
    Setting{.id = Id::kMessages, .name = "messages", .kind = Kind::kText, .scope = Scope::kCommand,
            .commands = Commands(rows::kDebugTemplate),
            .words = "JSON file with messages", .left_out = "standard input",
            .positional = "MESSAGES", .only_positional = true},
    Setting{.id = Id::kPrompt, .name = "prompt", .kind = Kind::kText, .scope = Scope::kCommand, .commands = rows::kRuns,
            .words = "answer this, behind what is piped in, and end", .value = "TEXT",
            .left_out = "a conversation, or what is piped in",
            .positional = "PROMPT", .empty_ok = true, .short_flag = "-p"},
    Setting{.id = Id::kText, .name = "text", .kind = Kind::kText, .scope = Scope::kCommand, .commands = rows::kTexts,
            .words = "what becomes tokens", .left_out = "standard input",
            .positional = "TEXT", .only_positional = true, .empty_ok = true},
    Setting{.id = Id::kQuantizeFrom, .name = "in", .kind = Kind::kText, .scope = Scope::kCommand,
            .commands = Commands(rows::kQuantize), .words = "GGUF file; of a split model, any part",
            .positional = "IN", .only_positional = true, .required = true},
    Setting{.id = Id::kQuantizeTo, .name = "out", .kind = Kind::kText, .scope = Scope::kCommand,
            .commands = Commands(rows::kQuantize), .words = "the new file; not the one that is read",
            .positional = "OUT", .only_positional = true, .required = true},
    Setting{.id = Id::kQuantizeRecipe, .name = "recipe", .kind = Kind::kText, .scope = Scope::kCommand,
            .commands = Commands(rows::kQuantize), .words = "one of the types below",
            .positional = "TYPE", .only_positional = true, .required = true},

    // --- server
    Setting{.id = Id::kConfig, .name = "config", .kind = Kind::kText, .scope = Scope::kCommand, .commands = rows::kServes,
            .words = "file of settings, TOML; may name the models", .value = "FILE", .left_out = "$GANTRY_CONFIG, or none"},
    Setting{.id = Id::kHost, .name = "host", .kind = Kind::kText, .scope = Scope::kServer, .commands = rows::kServes,
            .words = "address or name to listen on, or unix:/path/of/socket", .value = "ADDRESS", .fallback = "127.0.0.1"},
    Setting{.id = Id::kPort, .name = "port", .kind = Kind::kCount, .scope = Scope::kServer, .commands = rows::kServes,
            .words = "0: the system picks one", .value = "N", .most = 65535, .fallback = "8421"},
    Setting{.id = Id::kAlias, .name = "alias", .kind = Kind::kText, .scope = Scope::kModel, .commands = rows::kServes,
            .words = "of the model for clients", .value = "NAME", .left_out = "the file's name", .file_key = "name"},
    Setting{.id = Id::kApiKey, .name = "api_key", .kind = Kind::kTexts, .scope = Scope::kServer, .commands = rows::kServes,
            .words = "clients must send this key; may be given again", .value = "KEY", .left_out = "none is asked for",
            .secret = true},
    Setting{.id = Id::kCorsOrigin, .name = "cors_origin", .kind = Kind::kTexts, .scope = Scope::kServer,
            .commands = rows::kServes,
            .words = "pages from there may call: http://*.lan:*; '*': all; may be given again",
            .value = "ORIGIN", .left_out = "those of localhost"},
    Setting{.id = Id::kAllowedHost, .name = "allowed_host", .kind = Kind::kTexts, .scope = Scope::kServer,
            .commands = rows::kServes,
            .words = "name by which clients may call, besides localhost: *.local; '*': any; may be given again",
            .value = "NAME", .left_out = "none"},
    Setting{.id = Id::kTrustedProxies, .name = "trusted_proxies", .kind = Kind::kTexts, .scope = Scope::kServer,
            .commands = rows::kServes,
            .words = "proxy that says for whom it asks: address, network or unix; may be given again",
            .value = "ADDRESS", .left_out = "none"},
    Setting{.id = Id::kDrain, .name = "drain", .kind = Kind::kDuration, .scope = Scope::kServer, .commands = rows::kServes,
            .words = "how long running answers may go on at the end", .value = "TIME", .most = rows::kDayMs,
            .unit = "seconds", .fallback = "30"},
    Setting{.id = Id::kQueue, .name = "queue", .kind = Kind::kCount, .scope = Scope::kModel, .commands = rows::kServes,
            .words = "answers that may wait of one client, of all four times as many; more are refused (429)",
            .value = "N", .least = 1, .most = 1u << 20, .unit = "answers", .fallback = "256", .group = rows::kLimits},
    Setting{.id = Id::kConnections, .name = "connections", .kind = Kind::kCount, .scope = Scope::kServer,
            .commands = rows::kServes, .words = "connections at once", .value = "N", .least = 1, .most = 1u << 20,
            .unit = "connections", .fallback = "1024", .group = rows::kLimits},
    Setting{.id = Id::kBodyMax, .name = "body_max", .kind = Kind::kBytes, .scope = Scope::kServer,
            .commands = rows::kServes, .words = "largest body of a request", .value = "SIZE", .least = 1,
            .most = rows::kSizeMax, .unit = "bytes", .fallback = "16MiB", .group = rows::kLimits},
    Setting{.id = Id::kRequestMemory, .name = "request_memory", .kind = Kind::kBytes, .scope = Scope::kServer,
            .commands = Commands(rows::kServe, rows::kPlan),
            .words = "memory for requests: bodies, prompts, answers that wait; half of it for one",
            .value = "SIZE", .least = 1u << 20, .most = rows::kSizeMax, .unit = "bytes", .fallback = "256MiB",
            .group = rows::kLimits},
    Setting{.id = Id::kRequestWorkers, .name = "request_workers", .kind = Kind::kCount, .scope = Scope::kServer,
            .commands = rows::kServes, .words = "threads that read requests", .value = "N", .least = 1, .most = 64,
            .unit = "threads", .fallback = "2", .group = rows::kLimits},
    Setting{.id = Id::kIoThreads, .name = "io_threads", .kind = Kind::kCount, .scope = Scope::kServer,
            .commands = rows::kServes, .words = "threads that move bytes", .value = "N", .least = 1, .most = 64,
            .unit = "threads", .fallback = "1", .group = rows::kLimits},
    Setting{.id = Id::kTimezone, .name = "timezone", .kind = Kind::kText, .scope = Scope::kServer,
            .commands = Commands(rows::kServe, rows::kRun, rows::kDebugTemplate),
            .words = "of the time that models are told: Europe/Berlin, +02:00", .value = "ZONE",
            .left_out = "the machine's"},
    Setting{.id = Id::kLog, .name = "log", .kind = Kind::kChoice, .scope = Scope::kServer, .commands = rows::kAll,
            .words = "what is told on standard error", .value = "LEVEL", .choices = rows::kLogLevels, .fallback = "warn"},

    // --- run
    Setting{.id = Id::kSystem, .name = "system", .kind = Kind::kText, .scope = Scope::kCommand, .commands = rows::kRuns,
            .words = "what the model is told first", .value = "TEXT", .empty_ok = true},
    Setting{.id = Id::kRaw, .name = "raw", .kind = Kind::kBool, .scope = Scope::kCommand, .commands = rows::kRuns,
            .words = "continue the prompt as it stands, without the model's chat template", .fallback = "false"},

    // --- request
    Setting{.id = Id::kMaxTokens, .name = "max_tokens", .kind = Kind::kCount, .scope = Scope::kRequest,
            .commands = rows::kRuns, .words = "longest answer", .value = "N", .least = 1, .most = UINT32_MAX,
            .unit = "tokens", .left_out = "as much as the context holds"},
    Setting{.id = Id::kTemperature, .name = "temperature", .kind = Kind::kNumber, .scope = Scope::kRequest,
            .commands = rows::kRuns, .words = "how freely a token is picked; 0: always the likeliest", .value = "N", .low = 0, .high = 2,
            .fallback = "1", .fallback_of_run = "0.8", .group = rows::kPicking, .also_flag = "--temp"},
    Setting{.id = Id::kTopK, .name = "top_k", .kind = Kind::kCount, .scope = Scope::kRequest, .commands = rows::kRuns,
            .words = "only the N likeliest; 0: off", .value = "N", .most = INT32_MAX, .unit = "tokens",
            .fallback = "0", .group = rows::kPicking},
    Setting{.id = Id::kTopP, .name = "top_p", .kind = Kind::kNumber, .scope = Scope::kRequest, .commands = rows::kRuns,
            .words = "only the likeliest that make up N; 1: off", .value = "N", .low = 0, .high = 1,
            .fallback = "1", .fallback_of_run = "0.95", .group = rows::kPicking},
    Setting{.id = Id::kMinP, .name = "min_p", .kind = Kind::kNumber, .scope = Scope::kRequest, .commands = rows::kRuns,
            .words = "only those at least N times as likely as the likeliest; 0: off", .value = "N", .low = 0, .high = 1,
            .fallback = "0", .group = rows::kPicking},
    Setting{.id = Id::kTypicalP, .name = "typical_p", .kind = Kind::kNumber, .scope = Scope::kRequest,
            .commands = rows::kRuns, .words = "only those as surprising as usual that make up N; 1: off", .value = "N",
            .low = 0, .high = 1, .fallback = "1", .group = rows::kPicking},
    Setting{.id = Id::kRepetitionPenalty, .name = "repetition_penalty", .kind = Kind::kNumber, .scope = Scope::kRequest,
            .commands = rows::kRuns, .words = "divides the logits of tokens that were there before; 1: off", .value = "N",
            .low = 0.01, .high = 100, .fallback = "1", .group = rows::kPicking},
    Setting{.id = Id::kPresencePenalty, .name = "presence_penalty", .kind = Kind::kNumber, .scope = Scope::kRequest,
            .commands = rows::kRuns, .words = "taken from the logits of tokens that the answer has; 0: off", .value = "N",
            .low = -2, .high = 2, .fallback = "0", .group = rows::kPicking},
    Setting{.id = Id::kFrequencyPenalty, .name = "frequency_penalty", .kind = Kind::kNumber, .scope = Scope::kRequest,
            .commands = rows::kRuns, .words = "the same, once for each time that it has them; 0: off", .value = "N",
            .low = -2, .high = 2, .fallback = "0", .group = rows::kPicking},
    Setting{.id = Id::kPenaltyWindow, .name = "penalty_window", .kind = Kind::kCount, .scope = Scope::kRequest,
            .commands = rows::kRuns, .words = "how many last tokens the penalties see; 0: all", .value = "N",
            .most = 1u << 20, .unit = "tokens", .fallback = "0", .group = rows::kPicking},
    Setting{.id = Id::kSeed, .name = "seed", .kind = Kind::kCount, .scope = Scope::kRequest, .commands = rows::kRuns,
            .words = "the same seed gives the same answer", .value = "N", .left_out = "another one each time",
            .group = rows::kPicking},

    // --- of one command
    Setting{.id = Id::kTextFile, .name = "file", .kind = Kind::kText, .scope = Scope::kCommand,
            .commands = Commands(rows::kPerplexity), .words = "the text, UTF-8; -: standard input", .value = "FILE",
            .required = true},
    Setting{.id = Id::kAgainst, .name = "against", .kind = Kind::kText, .scope = Scope::kCommand,
            .commands = Commands(rows::kPerplexity),
            .words = "also how far MODEL is from this one: Kullback-Leibler divergence, equal first choices",
            .value = "MODEL"},
    Setting{.id = Id::kWindows, .name = "windows", .kind = Kind::kCount, .scope = Scope::kCommand,
            .commands = Commands(rows::kPerplexity), .words = "at most so many", .value = "N", .least = 1,
            .most = 1u << 24, .unit = "windows", .left_out = "all of the text"},
    Setting{.id = Id::kScoreAll, .name = "all", .kind = Kind::kBool, .scope = Scope::kCommand,
            .commands = Commands(rows::kPerplexity),
            .words = "score every token of a window, not only its second half", .fallback = "false"},
    Setting{.id = Id::kOverride, .name = "type", .kind = Kind::kTexts, .scope = Scope::kCommand,
            .commands = Commands(rows::kQuantize),
            .words = "for names that fit: blk.*.ffn_down=q6_k; may be given again, the last counts",
            .value = "PATTERN=TYPE", .left_out = "by the mixture"},
    Setting{.id = Id::kQuantizeThreads, .name = "threads", .kind = Kind::kCount, .scope = Scope::kCommand,
            .commands = Commands(rows::kQuantize), .words = "threads that encode", .value = "N", .least = 1, .most = 256,
            .unit = "threads", .left_out = "as many as the machine runs at once"},
    Setting{.id = Id::kRequantize, .name = "requantize", .kind = Kind::kBool, .scope = Scope::kCommand,
            .commands = Commands(rows::kQuantize),
            .words = "also from a file that is quantized already, though its errors add up", .fallback = "false"},
    Setting{.id = Id::kDryRun, .name = "dry_run", .kind = Kind::kBool, .scope = Scope::kCommand,
            .commands = Commands(rows::kQuantize), .words = "say what each tensor would become, and write nothing",
            .fallback = "false"},
    Setting{.id = Id::kTokenList, .name = "token_list", .kind = Kind::kText, .scope = Scope::kCommand,
            .commands = Commands(rows::kDebugLogits), .words = "token ids: 1,306,626", .value = "IDS"},
    Setting{.id = Id::kTokens, .name = "tokens", .kind = Kind::kText, .scope = Scope::kCommand,
            .commands = Commands(rows::kDebugLogits), .words = "token ids between spaces, commas or line ends",
            .value = "FILE"},
    Setting{.id = Id::kSlice, .name = "slice", .kind = Kind::kCount, .scope = Scope::kCommand,
            .commands = Commands(rows::kDebugLogits),
            .words = "tokens computed at once; the result does not depend on it", .value = "N", .least = 1, .most = 8192,
            .unit = "tokens", .left_out = "chosen by the plan"},
    Setting{.id = Id::kOut, .name = "out", .kind = Kind::kText, .scope = Scope::kCommand,
            .commands = Commands(rows::kDebugLogits), .words = "float32 [tokens, vocabulary]", .value = "FILE",
            .left_out = "standard output"},
    Setting{.id = Id::kTextCases, .name = "cases", .kind = Kind::kText, .scope = Scope::kCommand,
            .commands = Commands(rows::kDebugTokenize),
            .words = "texts between lines of __ggml_vocab_test__: the ids of each on a line", .value = "FILE"},
    Setting{.id = Id::kPieces, .name = "pieces", .kind = Kind::kBool, .scope = Scope::kCommand,
            .commands = Commands(rows::kDebugTokenize),
            .words = "a line for each token instead of the ids on one: id, text, entry of the vocabulary",
            .fallback = "false"},
    Setting{.id = Id::kCount, .name = "count", .kind = Kind::kBool, .scope = Scope::kCommand,
            .commands = Commands(rows::kTokenize), .words = "only how many", .fallback = "false"},
    Setting{.id = Id::kIds, .name = "ids", .kind = Kind::kBool, .scope = Scope::kCommand,
            .commands = Commands(rows::kTokenize), .words = "only the ids, on one line", .fallback = "false"},
    Setting{.id = Id::kAddSpecial, .name = "add_special", .kind = Kind::kBool, .scope = Scope::kCommand,
            .commands = rows::kTexts, .words = "with the vocabulary's tokens of beginning and end", .fallback = "false"},
    Setting{.id = Id::kParseSpecial, .name = "parse_special", .kind = Kind::kBool, .scope = Scope::kCommand,
            .commands = rows::kTexts, .words = "text that spells a control token becomes it", .fallback = "false"},
    Setting{.id = Id::kPreSplitOfText, .name = "pre_split", .kind = Kind::kText, .scope = Scope::kCommand,
            .commands = rows::kTexts, .words = "how text is split before tokenizing", .value = "NAME",
            .left_out = "the file's word"},
    Setting{.id = Id::kTemplateCases, .name = "cases", .kind = Kind::kText, .scope = Scope::kCommand,
            .commands = Commands(rows::kDebugTemplate),
            .words = "a conversation on each line, as JSON; so are the answers", .value = "FILE"},
    Setting{.id = Id::kNow, .name = "now", .kind = Kind::kText, .scope = Scope::kCommand,
            .commands = Commands(rows::kDebugTemplate), .words = "the time that the template sees, UTC: 2025-03-09T13:05:07",
            .value = "TIME", .left_out = "the clock"},
    Setting{.id = Id::kGenerationPrompt, .name = "generation_prompt", .kind = Kind::kBool, .scope = Scope::kCommand,
            .commands = Commands(rows::kDebugTemplate), .words = "write the head of the answer", .fallback = "true"},
    Setting{.id = Id::kTemplateOnly, .name = "template", .kind = Kind::kBool, .scope = Scope::kCommand,
            .commands = Commands(rows::kInspect), .words = "only the chat template, as it stands", .fallback = "false"},
    Setting{.id = Id::kJson, .name = "json", .kind = Kind::kBool, .scope = Scope::kCommand,
            .commands = Commands(rows::kPlan, rows::kInspect, rows::kPerplexity, rows::kTokenize, rows::kDebugSettings),
            .words = "for programs", .fallback = "false"},
    Setting{.id = Id::kMarkdown, .name = "markdown", .kind = Kind::kBool, .scope = Scope::kCommand,
            .commands = Commands(rows::kDebugSettings), .words = "as the tables of the documentation", .fallback = "false"},
    Setting{.id = Id::kShell, .name = "shell", .kind = Kind::kChoice, .scope = Scope::kCommand,
            .commands = Commands(rows::kCompletion), .words = "whose completion to print", .value = "SHELL", .choices = rows::kShells,
            .positional = "SHELL", .only_positional = true, .required = true},
    Setting{.id = Id::kPage, .name = "page", .kind = Kind::kText, .scope = Scope::kCommand,
            .commands = Commands(rows::kDebugManual), .words = "which page: gantry, gantry-serve, ...", .value = "PAGE",
            .left_out = "the names of all pages", .positional = "PAGE", .only_positional = true},
    Setting{.id = Id::kShowSettings, .name = "show_settings", .kind = Kind::kBool, .scope = Scope::kCommand,
            .commands = Commands(rows::kServe, rows::kRun, rows::kPlan),
            .words = "print each setting's value and where it comes from, and end", .fallback = "false"},

    // --- model
    Setting{.id = Id::kContext, .name = "context", .kind = Kind::kCount, .scope = Scope::kModel, .commands = rows::kLoads,
            .words = "positions of one sequence", .value = "N", .least = 1, .most = rows::kPositionsMax, .unit = "tokens",
            .left_out = "the model's own, as far as it fits", .group = rows::kLoading},
    Setting{.id = Id::kSequences, .name = "sequences", .kind = Kind::kCount, .scope = Scope::kModel,
            .commands = rows::kLoads, .words = "sequences computed at once", .value = "N", .least = 1, .most = 1024,
            .unit = "sequences", .fallback_of_run = "1", .left_out = "8, or as many as fit", .group = rows::kLoading},
    Setting{.id = Id::kKvType, .name = "kv_type", .kind = Kind::kChoice, .scope = Scope::kModel, .commands = rows::kLoads,
            .words = "of the KV cache", .value = "TYPE", .choices = rows::kKvTypes, .fallback = "f16",
            .group = rows::kLoading},
    Setting{.id = Id::kStepRows, .name = "step_rows", .kind = Kind::kCount, .scope = Scope::kModel,
            .commands = rows::kLoads, .words = "tokens computed in one step, prompts and answers together", .value = "N",
            .least = 1, .most = 8192, .unit = "tokens", .left_out = "chosen by the plan", .group = rows::kLoading},
    Setting{.id = Id::kCheckpoints, .name = "checkpoints", .kind = Kind::kCount, .scope = Scope::kModel,
            .commands = rows::kLoads, .words = "recurrent states kept for prompts that begin alike", .value = "N",
            .most = 1u << 16, .unit = "states", .left_out = "4 for each sequence, as far as they fit",
            .group = rows::kLoading},
    Setting{.id = Id::kPrefixCache, .name = "prefix_cache", .kind = Kind::kBool, .scope = Scope::kModel,
            .commands = rows::kLoads, .words = "keep the beginnings of prompts", .fallback = "true",
            .group = rows::kLoading},
    Setting{.id = Id::kHostCache, .name = "host_cache", .kind = Kind::kBytes, .scope = Scope::kModel,
            .commands = rows::kLoads,
            .words = "main memory for beginnings of prompts that the device has no room for: 8GiB", .value = "SIZE",
            .least = 1, .most = rows::kSizeMax, .unit = "bytes", .left_out = "none", .group = rows::kLoading},
    Setting{.id = Id::kDevice, .name = "device", .kind = Kind::kText, .scope = Scope::kModel, .commands = rows::kLoads,
            .words = "device to use", .value = "NAME", .left_out = "cpu:0", .group = rows::kLoading,
            .also_flag = "--devices"},
    Setting{.id = Id::kIsa, .name = "isa", .kind = Kind::kText, .scope = Scope::kModel, .commands = rows::kLoads,
            .words = "CPU instructions: scalar, avx2, avx512, avx512vnni", .value = "NAME",
            .left_out = "the best there is", .group = rows::kLoading},
    Setting{.id = Id::kThreads, .name = "threads", .kind = Kind::kCount, .scope = Scope::kModel, .commands = rows::kLoads,
            .words = "CPU threads", .value = "N", .least = 1, .most = rows::kThreadsMax, .unit = "threads",
            .left_out = "one for each core", .group = rows::kLoading},
    Setting{.id = Id::kMemoryCap, .name = "memory_cap", .kind = Kind::kBytes, .scope = Scope::kModel,
            .commands = rows::kLoads, .words = "use at most so much of the device: 800MiB, 4GiB", .value = "SIZE",
            .least = 1, .most = rows::kSizeMax, .unit = "bytes", .left_out = "all of it", .group = rows::kLoading},
    Setting{.id = Id::kPreSplit, .name = "pre_split", .kind = Kind::kText, .scope = Scope::kModel,
            .commands = rows::kLoads, .words = "how text is split before tokenizing", .value = "NAME",
            .left_out = "the file's word", .group = rows::kLoading},
    Setting{.id = Id::kChatTemplate, .name = "chat_template", .kind = Kind::kText, .scope = Scope::kModel,
            .commands = rows::kLoads, .words = "a Jinja file instead of the model's own template", .value = "FILE",
            .left_out = "the file's own", .group = rows::kLoading, .is_path = true},
    Setting{.id = Id::kReplyFormat, .name = "reply_format", .kind = Kind::kText, .scope = Scope::kModel,
            .commands = rows::kLoads, .words = "how the model writes reasoning and tool calls; none: all is text",
            .value = "NAME", .left_out = "what its template says", .group = rows::kLoading},
    Setting{.id = Id::kStrictChat, .name = "strict_chat", .kind = Kind::kBool, .scope = Scope::kModel,
            .commands = rows::kLoads,
            .words = "refuse what the model's template has no words for, instead of saying it otherwise",
            .fallback = "false", .group = rows::kLoading},
};
// clang-format on

inline constexpr size_t kSettingCount = kTable.size();

constexpr const Setting& setting(Id id) { return kTable[static_cast<size_t>(id)]; }

static_assert(
    [] {
      for (size_t i = 0; i < kTable.size(); ++i)
        if (static_cast<size_t>(kTable[i].id) != i) return false;
      return true;
    }(),
    "a row for each Id, in their order");

// The default of that command; empty: none.
constexpr std::string_view fallback(const Setting& row, Command command) {
  return command == Command::kRun && !row.fallback_of_run.empty() ? row.fallback_of_run : row.fallback;
}

// A bool that is true by itself is taken away by its flag: --no-prefix-cache.
constexpr bool is_taken_away(const Setting& row) { return row.kind == Kind::kBool && row.fallback == "true"; }

// The row that a command, or a scope, knows by that name; null: none.
const Setting* find_setting(Command command, std::string_view name);

}  // namespace gantry::settings
