// The names of the settings, and what their rows in table.h have in common.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

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
  kApiKeyFile,
  kCorsOrigin,
  kAllowedHost,
  kTrustedProxies,
  kDrain,
  kQueue,
  kGapMs,
  kConnections,
  kBodyMax,
  kRequestMemory,
  kRequestWorkers,
  kIoThreads,
  kTimezone,
  kLog,
  kLogFormat,
  kLogFile,
  // run
  kSystem,
  kRaw,
  kVerbose,
  kHistory,
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
  // bench
  kTarget,
  kApi,
  kServedName,
  kClients,
  kRate,
  kRequests,
  kDuration,
  kWarmup,
  kTrafficSeed,
  kMix,
  kPrintMix,
  kExtra,
  kPatience,
  kPromptSizes,
  kDepths,
  kBatches,
  kNewTokens,
  kRounds,
  kJsonFile,
  kSvgFile,
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
// A bench chooses context and parallel requests by itself.
inline constexpr Commands kComputes{kServe, kRun, kPlan, kPerplexity, kDebugLogits, kBenchEngine};
inline constexpr Commands kLoadsServers{kBenchServe};
inline constexpr Commands kTexts{kTokenize, kDebugTokenize};
inline constexpr Commands kAll{kServe,         kRun,           kPlan,          kInspect,
                               kQuantize,      kPerplexity,    kTokenize,      kDebugLogits,
                               kDebugTokenize, kDebugTemplate, kDebugSettings, kDebugManual,
                               kCompletion,    kDevices,       kBenchServe,    kBenchEngine};

inline constexpr std::array<std::string_view, 3> kKvTypes = {"f32", "f16", "q8_0"};
inline constexpr std::array<std::string_view, 5> kLogLevels = {"debug", "info", "warn", "error", "off"};

inline constexpr std::array<std::string_view, 2> kLogFormats = {"text", "json"};

inline constexpr std::array<std::string_view, 3> kShells = {"bash", "zsh", "fish"};

inline constexpr std::array<std::string_view, 2> kApis = {"chat", "completions"};

inline constexpr std::string_view kLimits = "Limits";
inline constexpr std::string_view kPicking = "Sampling";
inline constexpr std::string_view kLoading = "Loading the model";
inline constexpr std::string_view kTraffic = "Load";
inline constexpr std::string_view kFigures = "Figures";

inline constexpr uint64_t kPositionsMax = uint64_t{1} << 24;
inline constexpr uint64_t kThreadsMax = 1024;
inline constexpr uint64_t kSizeMax = uint64_t{1}
                                     << 53;  // every whole number up to here is itself in a double
inline constexpr uint64_t kDayMs = 24ull * 60 * 60 * 1000;

}  // namespace rows

}  // namespace gantry::settings
