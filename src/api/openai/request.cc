#include "api/openai/request.h"

#include <algorithm>
#include <array>
#include <charconv>

#include <fmt/format.h>

#include "api/json_read.h"
#include "api/limits.h"
#include "api/openai/other_fields.h"
#include "base/check.h"
#include "base/random_id.h"
#include "settings/table.h"

namespace gantry::api::openai {
namespace {

constexpr uint32_t kCompletionsDefaultTokens = 16;  // OpenAI's default of max_tokens for /v1/completions
constexpr auto kTokensMax = static_cast<double>(settings::setting(settings::Id::kMaxTokens).most);
constexpr uint32_t kToolsMax = 1024;
constexpr uint32_t kEffortBytesMax = 32;
constexpr uint32_t kPriorityMax = 1000, kMillisecondsMax = 86'400'000;

// What a body says, while it is being read.
struct Draft {
  GenerateRequest request;
  bool include_usage = false;
  bool timings = false;
  completion::ChatInput chat;
  std::optional<uint64_t> seed;
  std::optional<uint32_t> tokens_max;
  bool tokens_unlimited = false;  // -1 was said
  bool no_penalties = false;      // a window of no tokens was said
  bool logprobs = false;
  std::optional<uint32_t> top_logprobs;
  bool drop_tools = false;
  std::optional<bool> add_generation_prompt;
  std::string continued_by = "continue_final_message";  // what asks to go on with the last message
  std::string_view called;                              // another server's name, by which a field was sent

  std::string name_or(std::string_view ours) const { return std::string(called.empty() ? ours : called); }
};
using Row = Field<Draft>;
using settings::Id;

// Fields that the table of settings has a row for: name and range are that row's.
constexpr Row number_row(Id id, void (*store)(Draft&, const Json&)) {
  const settings::Setting& row = settings::setting(id);
  return {row.name, FieldKind::kNumber, row.low, row.high, store, row.name};
}

// `least`: where clients say a lesser number for "off" or "all".
constexpr Row count_row(Id id, double least, void (*store)(Draft&, const Json&)) {
  const settings::Setting& row = settings::setting(id);
  return {row.name, FieldKind::kInteger, least, static_cast<double>(row.most), store, row.name};
}

// Whole numbers that passed their row's range.
uint32_t as_u32(const Json& value) {
  return value.is_number_float() ? static_cast<uint32_t>(value.get<double>()) : value.get<uint32_t>();
}

http::Refusal unsupported(std::string message, std::string param) {
  return http::bad_request(std::move(message), std::move(param), "unsupported_value");
}

void store_stop(Draft& draft, const Json& value) {
  const std::string name = draft.name_or("stop");
  const auto add = [&](const Json& item) {
    check_field(name, FieldKind::kString, 0, completion::kStopStringBytesMax, item);
    if (item != "") draft.request.base.stop.push_back(item.get<std::string>());  // an empty one is none
  };
  if (value.is_string()) return add(value);
  if (!value.is_array())
    throw http::bad_request(
        fmt::format("'{}' must be a string or an array of strings, not {}", name, kind_of(value)), name,
        "invalid_type");
  check_field(name, FieldKind::kArray, 0, completion::kStopStringsMax, value);
  for (const Json& item : value) add(item);
}

void store_stop_tokens(Draft& draft, const Json& value) {
  for (const Json& item : value) {
    check_field("stop_token_ids", FieldKind::kInteger, 0, INT32_MAX, item);
    draft.request.base.stop_token_ids.push_back(static_cast<TokenId>(as_u32(item)));
  }
}

void store_logit_bias(Draft& draft, const Json& value) {
  for (const auto& [key, bias] : value.items()) {
    TokenId token = kNoToken;
    const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), token);
    if (error != std::errc() || end != key.data() + key.size() || token < 0)
      throw http::bad_request(
          fmt::format("the keys of 'logit_bias' must be token ids, and '{}' is none", key.substr(0, 40)),
          "logit_bias");
    check_field("logit_bias", FieldKind::kNumber, -sample::kLogitBiasLimit, sample::kLogitBiasLimit, bias);
    draft.request.base.sampling.logit_bias.emplace_back(token, bias.get<float>());
  }
}

// -1 is how clients of most other servers say "another one each time".
void store_seed(Draft& draft, const Json& value) {
  if (value.get<double>() == -1) return;
  if (value.is_number_float())
    draft.seed = static_cast<uint64_t>(static_cast<int64_t>(value.get<double>()));
  else
    draft.seed =
        value.is_number_unsigned() ? value.get<uint64_t>() : static_cast<uint64_t>(value.get<int64_t>());
}

void store_stream_options(Draft& draft, const Json& value) {
  const auto found = value.find("include_usage");
  if (found == value.end() || found->is_null()) return;
  check_field("stream_options.include_usage", FieldKind::kBool, -kAnyNumber, kAnyNumber, *found);
  draft.include_usage = found->get<bool>();
}

void store_response_format(Draft&, const Json& value) {
  const auto type = value.find("type");
  if (type != value.end() && type->is_string() && type->get<std::string_view>() == "text") return;
  throw unsupported("'response_format' other than {\"type\":\"text\"} is not supported: leave it out",
                    "response_format");
}

// -1 is how clients of llama.cpp say "as many as the context holds".
void store_tokens_max(Draft& draft, const Json& value, const char* name, double least) {
  draft.tokens_unlimited = value.get<double>() < 0;
  if (draft.tokens_unlimited) return;
  check_field(draft.name_or(name), FieldKind::kInteger, least, kTokensMax, value);
  draft.tokens_max = as_u32(value);
}

// llama.cpp's: -1 is the whole context, 0 no penalties at all.
void store_repeat_last_n(Draft& draft, const Json& value) {
  draft.no_penalties = value.get<double>() == 0;
  draft.request.base.sampling.penalty_window = value.get<double>() < 0 ? 0 : as_u32(value);
}

// Rows common to both APIs.
constexpr double kAll = kAnyNumber;
constexpr std::array kCommonRows = {
    Row{"model", FieldKind::kString, 0, 512,
        [](Draft& d, const Json& v) { d.request.model = v.get<std::string>(); }},
    Row{"stream", FieldKind::kBool, -kAll, kAll,
        [](Draft& d, const Json& v) { d.request.stream = v.get<bool>(); }},
    Row{"timings", FieldKind::kBool, -kAll, kAll, [](Draft& d, const Json& v) { d.timings = v.get<bool>(); }},
    Row{"stream_options", FieldKind::kObject, -kAll, kAll, store_stream_options},
    Row{"n", FieldKind::kInteger, 1, kChoicesMax, [](Draft& d, const Json& v) { d.request.n = as_u32(v); }},
    Row{"stop", FieldKind::kAny, -kAll, kAll, store_stop},
    Row{"stop_token_ids", FieldKind::kArray, 0, sample::kStopTokensMax, store_stop_tokens},
    Row{"ignore_eos", FieldKind::kBool, -kAll, kAll,
        [](Draft& d, const Json& v) { d.request.base.ignore_end_of_generation = v.get<bool>(); }},
    Row{"seed", FieldKind::kInteger, -kAll, kAll, store_seed},
    // vLLM's: the greater, the later. A request may step back behind others, not ahead.
    Row{"priority", FieldKind::kInteger, 0, kPriorityMax,
        [](Draft& d, const Json& v) { d.request.base.priority = -static_cast<int32_t>(as_u32(v)); }},
    Row{"deadline_ms", FieldKind::kInteger, 0, kMillisecondsMax,
        [](Draft& d, const Json& v) { d.request.base.deadline_ms = as_u32(v); }},
    Row{"first_token_ms", FieldKind::kInteger, 0, kMillisecondsMax,
        [](Draft& d, const Json& v) { d.request.base.first_token_ms = as_u32(v); }},
    number_row(Id::kTemperature,
               [](Draft& d, const Json& v) { d.request.base.sampling.temperature = v.get<double>(); }),
    number_row(Id::kTopP, [](Draft& d, const Json& v) { d.request.base.sampling.top_p = v.get<double>(); }),
    // -1 is how some clients say "off".
    count_row(
        Id::kTopK, -1,
        [](Draft& d, const Json& v) { d.request.base.sampling.top_k = v.get<double>() < 0 ? 0 : as_u32(v); }),
    number_row(Id::kMinP, [](Draft& d, const Json& v) { d.request.base.sampling.min_p = v.get<double>(); }),
    number_row(Id::kTypicalP,
               [](Draft& d, const Json& v) { d.request.base.sampling.typical_p = v.get<double>(); }),
    number_row(Id::kRepetitionPenalty,
               [](Draft& d, const Json& v) { d.request.base.sampling.repetition_penalty = v.get<double>(); }),
    number_row(Id::kPresencePenalty,
               [](Draft& d, const Json& v) { d.request.base.sampling.presence_penalty = v.get<double>(); }),
    number_row(Id::kFrequencyPenalty,
               [](Draft& d, const Json& v) { d.request.base.sampling.frequency_penalty = v.get<double>(); }),
    Row{"repeat_last_n", FieldKind::kInteger, -1, sample::kPenaltyWindowMax, store_repeat_last_n,
        "penalty_window"},
    count_row(Id::kPenaltyWindow, 0,
              [](Draft& d, const Json& v) {
                d.no_penalties = false;
                d.request.base.sampling.penalty_window = as_u32(v);
              }),
    Row{"logit_bias", FieldKind::kObject, 0, sample::kLogitBiasMax, store_logit_bias},
    Row{"response_format", FieldKind::kObject, -kAll, kAll, store_response_format},
};

// --- chat ---

void store_tool_choice(Draft& draft, const Json& value) {
  if (value.is_string() && value.get<std::string_view>() == "auto") return;
  if (value.is_string() && value.get<std::string_view>() == "none") {
    draft.drop_tools = true;
    return;
  }
  throw unsupported("'tool_choice' other than \"none\" and \"auto\" is not supported: leave it out",
                    "tool_choice");
}

// What says nothing is as good as absent.
void refuse_if_filled(const Json& value, const char* name) {
  const bool says_nothing = value.is_string() ? value.get<std::string_view>().empty() : value.empty();
  if (!says_nothing) throw unsupported(fmt::format("'{}' is not supported: leave it out", name), name);
}

// The old name of tool_choice, which went with `functions`.
void store_function_call(Draft&, const Json& value) {
  if (value.is_string() && (value == "none" || value == "auto")) return;
  throw unsupported("'function_call' other than \"none\" and \"auto\" is not supported: leave it out",
                    "function_call");
}

void store_modalities(Draft&, const Json& value) {
  for (const Json& item : value)
    if (!item.is_string() || item.get<std::string_view>() != "text")
      throw unsupported("'modalities' other than \"text\" are not supported: leave them out", "modalities");
}

// {"effort": "high"}; other members are about how reasoning is told.
void store_reasoning(Draft& draft, const Json& value) {
  const auto effort = value.find("effort");
  if (effort == value.end() || effort->is_null()) return;
  check_field("reasoning.effort", FieldKind::kString, 0, kEffortBytesMax, *effort);
  draft.chat.reasoning_effort = effort->get<std::string>();
}

// true, false, or how much.
void store_flag_or_effort(Draft& draft, const Json& value, std::string_view name) {
  if (value.is_boolean()) {
    draft.chat.reasoning_effort = value.get<bool>() ? "on" : "none";
    return;
  }
  check_field(draft.name_or(name), FieldKind::kString, 0, kEffortBytesMax, value);
  draft.chat.reasoning_effort = value.get<std::string>();
}

// {"type": "enabled"} or "disabled"; "auto" and "adaptive" say nothing.
void store_thinking(Draft& draft, const Json& value) {
  if (!value.is_object()) return store_flag_or_effort(draft, value, "thinking");
  if (const auto budget = value.find("budget_tokens"); budget != value.end() && !budget->is_null())
    throw unsupported("'thinking.budget_tokens' is not supported: leave it out, or say 'reasoning_effort'",
                      "thinking.budget_tokens");
  const auto type = value.find("type");
  if (type == value.end() || type->is_null() || *type == "auto" || *type == "adaptive") return;
  if (*type != "enabled" && *type != "disabled")
    throw unsupported("'thinking.type' must be \"enabled\", \"disabled\", \"auto\" or \"adaptive\"",
                      "thinking.type");
  draft.chat.reasoning_effort = *type == "enabled" ? "on" : "none";
}

constexpr std::array kChatRows = {
    // What a message may be is the chat room's to say, when the prompt is made.
    Row{"messages", FieldKind::kArray, 1, kAll, [](Draft& d, const Json& v) { d.chat.messages = v; }},
    count_row(Id::kMaxTokens, -1, [](Draft& d, const Json& v) { store_tokens_max(d, v, "max_tokens", 1); }),
    // The newer name wins where both are given.
    Row{"max_completion_tokens", FieldKind::kInteger, -1, kTokensMax,
        [](Draft& d, const Json& v) { store_tokens_max(d, v, "max_completion_tokens", 1); }, "max_tokens"},
    Row{"logprobs", FieldKind::kBool, -kAll, kAll,
        [](Draft& d, const Json& v) { d.logprobs = v.get<bool>(); }},
    Row{"top_logprobs", FieldKind::kInteger, 0, sample::kTopLogprobsMax,
        [](Draft& d, const Json& v) { d.top_logprobs = as_u32(v); }},
    Row{"tools", FieldKind::kArray, 0, kToolsMax, [](Draft& d, const Json& v) { d.chat.tools = v; }},
    Row{"tool_choice", FieldKind::kAny, -kAll, kAll, store_tool_choice},
    Row{"parallel_tool_calls", FieldKind::kBool, -kAll, kAll,
        [](Draft& d, const Json& v) { d.chat.parallel_calls = v.get<bool>(); }},
    Row{"chat_template_kwargs", FieldKind::kObject, -kAll, kAll,
        [](Draft& d, const Json& v) { d.chat.template_kwargs = v; }},
    Row{"reasoning_effort", FieldKind::kString, 0, kEffortBytesMax,
        [](Draft& d, const Json& v) { d.chat.reasoning_effort = v.get<std::string>(); }},
    // The words of other servers for the same.
    Row{"reasoning", FieldKind::kAny, -kAll, kAll, store_reasoning},
    Row{"think", FieldKind::kAny, -kAll, kAll,
        [](Draft& d, const Json& v) { store_flag_or_effort(d, v, "think"); }},
    Row{"thinking", FieldKind::kAny, -kAll, kAll, store_thinking},
    Row{"add_generation_prompt", FieldKind::kBool, -kAll, kAll,
        [](Draft& d, const Json& v) { d.add_generation_prompt = v.get<bool>(); }},
    Row{"continue_final_message", FieldKind::kBool, -kAll, kAll,
        [](Draft& d, const Json& v) { d.chat.continue_final = v.get<bool>(); }},
    Row{"functions", FieldKind::kArray, -kAll, kAll,
        [](Draft&, const Json& v) { refuse_if_filled(v, "functions"); }},
    Row{"function_call", FieldKind::kAny, -kAll, kAll, store_function_call},
    Row{"audio", FieldKind::kObject, -kAll, kAll,
        [](Draft&, const Json& v) { refuse_if_filled(v, "audio"); }},
    Row{"modalities", FieldKind::kArray, -kAll, kAll, store_modalities},
};

// --- completions ---

std::vector<TokenId> token_ids(const Json& list) {
  std::vector<TokenId> out;
  out.reserve(list.size());
  for (const Json& item : list) {
    if (!item.is_number())
      throw http::bad_request(fmt::format("item {} of a prompt of token ids must be an integer, not {}",
                                          out.size(), kind_of(item)),
                              "prompt", "invalid_type");
    check_field("prompt", FieldKind::kInteger, 0, INT32_MAX, item);
    out.push_back(static_cast<TokenId>(as_u32(item)));
  }
  return out;
}

void store_prompt(Draft& draft, const Json& value) {
  std::vector<completion::Prompt>& prompts = draft.request.prompts;
  if (value.is_string()) {
    prompts.emplace_back(value.get<std::string>());
    return;
  }
  if (!value.is_array() || value.empty())
    throw http::bad_request(
        "'prompt' must be a string, an array of strings, of token ids, or of arrays of token ids", "prompt",
        "invalid_type");
  if (value[0].is_number()) {
    prompts.emplace_back(token_ids(value));
    return;
  }
  check_field("prompt", FieldKind::kArray, 1, kPromptsMax, value);
  for (const Json& item : value) {
    if (item.is_string())
      prompts.emplace_back(item.get<std::string>());
    else if (item.is_array())
      prompts.emplace_back(token_ids(item));
    else
      throw http::bad_request(
          std::string("each item of 'prompt' must be a string or an array of token ids, not ") +
              kind_of(item),
          "prompt", "invalid_type");
  }
}

constexpr std::array kCompletionRows = {
    Row{"prompt", FieldKind::kAny, -kAll, kAll, store_prompt},
    count_row(Id::kMaxTokens, -1, [](Draft& d, const Json& v) { store_tokens_max(d, v, "max_tokens", 0); }),
    Row{"logprobs", FieldKind::kInteger, 0, sample::kTopLogprobsMax,
        [](Draft& d, const Json& v) {
          d.logprobs = true;
          d.top_logprobs = as_u32(v);
        },
        "top_logprobs"},
    Row{"echo", FieldKind::kBool, -kAll, kAll,
        [](Draft& d, const Json& v) { d.request.echo = v.get<bool>(); }},
    Row{"best_of", FieldKind::kInteger, 0, 20,
        [](Draft& d, const Json& v) {
          if (as_u32(v) > 1 && as_u32(v) != d.request.n)
            throw unsupported("'best_of' other than 'n' is not supported: leave it out", "best_of");
        }},
    Row{"suffix", FieldKind::kString, -kAll, kAll,
        [](Draft&, const Json& v) { refuse_if_filled(v, "suffix"); }},
};

// {"role": "assistant", "content": "...", "prefix": true}, the last message: how clients of Mistral and
// DeepSeek say that the answer goes on with it. Where: the place of that word.
std::optional<std::string> prefix_of(const Json& messages) {
  if (!messages.is_array() || messages.empty() || !messages[messages.size() - 1].is_object()) return {};
  const Json& last = messages[messages.size() - 1];
  const auto prefix = last.find("prefix");
  if (prefix == last.end() || prefix->is_null()) return {};
  std::string where = fmt::format("messages[{}].prefix", messages.size() - 1);
  check_field(where, FieldKind::kBool, -kAll, kAll, *prefix);
  return prefix->get<bool>() ? std::optional(std::move(where)) : std::nullopt;
}

void settle(Api api, Draft& draft) {
  GenerateRequest& request = draft.request;
  if (!draft.logprobs && draft.top_logprobs.value_or(0) > 0)
    throw http::bad_request("'top_logprobs' needs 'logprobs': true", "top_logprobs");
  if (request.echo && draft.logprobs)
    throw unsupported(
        "'logprobs' of an echoed prompt are not supported: leave one of 'logprobs' and 'echo' out",
        "logprobs");
  request.base.logprobs = draft.logprobs;
  request.base.top_logprobs = draft.logprobs ? draft.top_logprobs.value_or(0) : 0;
  request.base.sampling.seed = draft.seed ? *draft.seed : random_bits() >> 1;
  if (draft.tokens_unlimited)
    draft.tokens_max.reset();
  else if (!draft.tokens_max && api == Api::kCompletions)
    draft.tokens_max = kCompletionsDefaultTokens;
  if (draft.no_penalties) {
    sample::SamplingParams& sampling = request.base.sampling;
    sampling.repetition_penalty = 1;
    sampling.presence_penalty = sampling.frequency_penalty = 0;
  }
  request.nothing_to_generate = draft.tokens_max == 0U;
  request.base.tokens_max = draft.tokens_max.value_or(0);
  if (draft.drop_tools) draft.chat.tools = nullptr;
  if (draft.chat.continue_final && draft.add_generation_prompt.value_or(false))
    throw unsupported(fmt::format("'{}' and 'add_generation_prompt' exclude each other", draft.continued_by),
                      draft.continued_by);
  draft.chat.add_generation_prompt = draft.add_generation_prompt.value_or(!draft.chat.continue_final);
  if (api == Api::kChat) request.prompts.emplace_back(std::move(draft.chat));
}

const Row* find_row(std::span<const Row> rows, std::string_view name) {
  const auto found = std::ranges::find(rows, name, &Row::name);
  return found == rows.end() ? nullptr : &*found;
}

// Other servers' names of fields that we have; our own name counts where both are given.
void read_aliases(Api api, const Json& json, std::span<const Row> own, Draft& draft, FieldNames& names) {
  for (const OtherField& field : other_fields()) {
    if (field.treatment != Treatment::kAlias || !field.is_of(api)) continue;
    const auto given = json.find(field.name), ours = json.find(field.words);
    if (given == json.end() || (ours != json.end() && !ours->is_null())) continue;
    const Row* row = find_row(own, field.words);
    if (row == nullptr) row = find_row(kCommonRows, field.words);
    GANTRY_CHECK(row != nullptr);
    const Row alias{field.name, row->kind, row->low, row->high, row->store, row->name};
    draft.called = field.name;
    read_fields<Draft>(json, std::span(&alias, 1), draft, &names);
  }
  draft.called = {};
}

}  // namespace

Parsed parse(Api api, std::string_view body) {
  const Json json = parse_object(body);
  const char* needed = api == Api::kChat ? "messages" : "prompt";
  if (const auto found = json.find(needed); found == json.end() || found->is_null())
    throw http::bad_request(fmt::format("'{}' is missing", needed), needed, "missing_required_parameter");
  Draft draft;
  FieldNames names;
  names.add("prompt", needed);
  refuse_other_fields(api, json);
  const std::span<const Row> own = api == Api::kChat ? std::span<const Row>(kChatRows) : kCompletionRows;
  read_aliases(api, json, own, draft, names);
  read_fields<Draft>(json, kCommonRows, draft, &names);
  read_fields<Draft>(json, own, draft, &names);
  if (const auto prefix = prefix_of(draft.chat.messages); prefix && !draft.chat.continue_final) {
    draft.chat.continue_final = true;
    draft.continued_by = *prefix;
    names.add("continue_final_message", *prefix);
  }
  settle(api, draft);
  draft.request.names = std::move(names);
  return {std::move(draft.request), api, draft.include_usage, draft.timings};
}

}  // namespace gantry::api::openai
