#include "api/openai/other_fields.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "http/http.h"

namespace gantry::api::openai {
namespace {

using enum Treatment;

// clang-format off
constexpr std::array kRows = {
    // --- how long an answer is, and where it ends
    OtherField{"n_predict", "llama.cpp", kAlias, "max_tokens"},
    OtherField{"num_predict", "Ollama", kAlias, "max_tokens"},
    OtherField{"max_new_tokens", "TGI, text-generation-webui, SGLang", kAlias, "max_tokens"},
    OtherField{"max_length", "KoboldCpp", kAlias, "max_tokens"},
    OtherField{"stop_sequences", "Anthropic, Cohere", kAlias, "stop"},
    OtherField{"stop_sequence", "KoboldCpp", kAlias, "stop"},
    OtherField{"stopping_strings", "text-generation-webui", kAlias, "stop"},
    OtherField{"custom_stopping_strings", "text-generation-webui", kAlias, "stop"},
    OtherField{"min_tokens", "vLLM", kRefused, {}, "0"},
    OtherField{"min_new_tokens", "SGLang", kRefused, {}, "0"},
    OtherField{"min_length", "KoboldCpp", kRefused, {}, "0"},
    OtherField{"ban_eos_token", "text-generation-webui", kRefused, "'ignore_eos' goes on past the end", "false"},
    OtherField{"stop_regex", "SGLang", kRefused, {}, "\"\" []"},
    OtherField{"include_stop_str_in_output", "vLLM", kRefused, {}, "false"},
    OtherField{"no_stop_trim", "SGLang", kRefused, {}, "false"},
    OtherField{"t_max_predict_ms", "llama.cpp", kRefused, "set 'max_tokens'", "0 -1"},
    OtherField{"n_indent", "llama.cpp", kRefused, {}, "0"},
    OtherField{"auto_max_new_tokens", "text-generation-webui", kRefused, "leave 'max_tokens' out of a chat", "false"},
    OtherField{"max_tokens_second", "text-generation-webui", kRefused, {}, "0"},
    OtherField{"trim_stop", "KoboldCpp", kRefused, {}, "true"},
    OtherField{"n_cmpl", "llama.cpp", kAlias, "n"},

    // --- how tokens are picked
    OtherField{"repeat_penalty", "llama.cpp, Ollama, LM Studio", kAlias, "repetition_penalty"},
    OtherField{"rep_pen", "KoboldCpp", kAlias, "repetition_penalty"},
    OtherField{"typical", "KoboldCpp", kAlias, "typical_p"},
    OtherField{"random_seed", "Mistral", kAlias, "seed"},
    OtherField{"sampler_seed", "KoboldCpp", kAlias, "seed"},
    OtherField{"repetition_penalty_range", "text-generation-webui", kRefused,
               "'penalty_window' says how many tokens", "0"},
    OtherField{"rep_pen_range", "KoboldCpp", kRefused, "'penalty_window' says how many tokens", "0"},
    OtherField{"rep_pen_slope", "KoboldCpp", kRefused, {}, "0 1"},
    OtherField{"encoder_repetition_penalty", "text-generation-webui", kRefused, {}, "1"},
    OtherField{"penalize_nl", "llama.cpp", kRefused, "line ends are tokens like others", "true"},
    OtherField{"penalize_newline", "Ollama", kRefused, "line ends are tokens like others", "true"},
    OtherField{"no_repeat_ngram_size", "text-generation-webui", kRefused, {}, "0"},
    OtherField{"length_penalty", "vLLM", kRefused, {}, "0 1"},
    OtherField{"do_sample", "TGI, text-generation-webui", kRefused,
               "'temperature' 0 always takes the likeliest", "true"},
    OtherField{"mirostat", "llama.cpp, Ollama", kRefused, {}, "0"},
    OtherField{"mirostat_mode", "text-generation-webui", kRefused, {}, "0"},
    OtherField{"mirostat_tau", "llama.cpp, Ollama, text-generation-webui", kNoEffect, "says how 'mirostat' works"},
    OtherField{"mirostat_eta", "llama.cpp, Ollama, text-generation-webui", kNoEffect, "says how 'mirostat' works"},
    OtherField{"dynatemp_range", "llama.cpp", kRefused, {}, "0"},
    OtherField{"dynamic_temperature", "text-generation-webui", kRefused, {}, "false"},
    OtherField{"dynatemp_exponent", "llama.cpp, text-generation-webui", kNoEffect, "says how 'dynatemp_range' works"},
    OtherField{"dynatemp_low", "text-generation-webui", kNoEffect, "says how 'dynamic_temperature' works"},
    OtherField{"dynatemp_high", "text-generation-webui", kNoEffect, "says how 'dynamic_temperature' works"},
    OtherField{"temperature_last", "text-generation-webui", kRefused,
               "the temperature comes before the cuts", "false"},
    OtherField{"sampler_priority", "text-generation-webui", kRefused, "the order is fixed", "[] \"\""},
    OtherField{"samplers", "llama.cpp", kRefused, "the order is fixed", "[] \"\""},
    OtherField{"sampler_order", "KoboldCpp", kRefused, "the order is fixed", "[]"},
    OtherField{"xtc_probability", "llama.cpp, text-generation-webui", kRefused, {}, "0"},
    OtherField{"xtc_threshold", "llama.cpp, text-generation-webui", kNoEffect, "says how 'xtc_probability' works"},
    OtherField{"dry_multiplier", "llama.cpp, text-generation-webui", kRefused, {}, "0"},
    OtherField{"dry_base", "llama.cpp, text-generation-webui", kNoEffect, "says how 'dry_multiplier' works"},
    OtherField{"dry_allowed_length", "llama.cpp, text-generation-webui", kNoEffect,
               "says how 'dry_multiplier' works"},
    OtherField{"dry_penalty_last_n", "llama.cpp", kNoEffect, "says how 'dry_multiplier' works"},
    OtherField{"dry_sequence_breakers", "llama.cpp, text-generation-webui", kNoEffect,
               "says how 'dry_multiplier' works"},
    OtherField{"adaptive_target", "llama.cpp", kRefused, {}, "-1"},
    OtherField{"adaptive_decay", "llama.cpp", kNoEffect, "says how 'adaptive_target' works"},
    OtherField{"top_n_sigma", "llama.cpp, text-generation-webui", kRefused, {}, "0 -1"},
    OtherField{"nsigma", "KoboldCpp", kRefused, {}, "0"},
    OtherField{"top_a", "text-generation-webui, KoboldCpp", kRefused, {}, "0"},
    OtherField{"tfs_z", "llama.cpp, Ollama", kRefused, {}, "1"},
    OtherField{"tfs", "text-generation-webui, KoboldCpp", kRefused, {}, "1"},
    OtherField{"epsilon_cutoff", "text-generation-webui", kRefused, {}, "0"},
    OtherField{"eta_cutoff", "text-generation-webui", kRefused, {}, "0"},
    OtherField{"smoothing_factor", "text-generation-webui, KoboldCpp", kRefused, {}, "0"},
    OtherField{"smoothing_curve", "text-generation-webui", kNoEffect, "says how 'smoothing_factor' works"},
    OtherField{"skew", "text-generation-webui", kRefused, {}, "0"},
    OtherField{"min_keep", "llama.cpp", kRefused, {}, "0 1"},
    OtherField{"penalty_alpha", "text-generation-webui", kRefused, {}, "0"},
    OtherField{"guidance_scale", "text-generation-webui", kRefused, "no second prompt is weighed", "1"},
    OtherField{"negative_prompt", "text-generation-webui", kRefused, "no second prompt is weighed", "\"\""},
    OtherField{"use_beam_search", "vLLM", kRefused, {}, "false"},
    OtherField{"num_beams", "text-generation-webui", kRefused, {}, "1"},
    OtherField{"early_stopping", "text-generation-webui", kRefused, {}, "false"},
    OtherField{"logits_processors", "vLLM", kRefused, "'logit_bias' changes single tokens", "[]"},
    OtherField{"logits_processor", "text-generation-webui", kRefused,
               "'logit_bias' changes single tokens", "[] \"\""},
    OtherField{"logits_processor_args", "text-generation-webui", kRefused, {}, "{} []"},
    OtherField{"custom_logit_processor", "SGLang", kRefused, {}, "\"\""},
    OtherField{"custom_params", "SGLang", kRefused, {}, "{}"},
    OtherField{"bad_words", "vLLM", kRefused, "'logit_bias' -100 bans a token", "[]"},
    OtherField{"banned_tokens", "text-generation-webui, KoboldCpp", kRefused,
               "'logit_bias' -100 bans a token", "[] \"\""},
    OtherField{"custom_token_bans", "text-generation-webui", kRefused, "'logit_bias' -100 bans a token", "\"\""},
    OtherField{"banned_strings", "text-generation-webui", kRefused, {}, "[] \"\""},
    OtherField{"allowed_token_ids", "vLLM", kRefused, {}, "[]"},
    OtherField{"preset", "text-generation-webui", kRefused, "send the numbers", "\"\""},
    OtherField{"watermark", "TGI", kRefused, {}, "false"},
    OtherField{"options", "Ollama", kRefused, "its fields stand in the body itself", "{}"},
    OtherField{"extra_body", "OpenAI's Python client", kRefused, "its fields stand in the body itself", "{}"},

    // --- what an answer must look like
    OtherField{"grammar", "llama.cpp, TGI", kRefused, "answers are not held to a form", "\"\""},
    OtherField{"grammar_string", "text-generation-webui", kRefused, "answers are not held to a form", "\"\""},
    OtherField{"json_schema", "llama.cpp, SGLang", kRefused, "answers are not held to a form"},
    OtherField{"guided_json", "vLLM", kRefused, "answers are not held to a form"},
    OtherField{"guided_regex", "vLLM", kRefused, "answers are not held to a form", "\"\""},
    OtherField{"guided_choice", "vLLM", kRefused, "answers are not held to a form", "[]"},
    OtherField{"guided_grammar", "vLLM", kRefused, "answers are not held to a form", "\"\""},
    OtherField{"structured_outputs", "vLLM", kRefused, "answers are not held to a form", "{}"},
    OtherField{"structural_tag", "SGLang", kRefused, "answers are not held to a form", "\"\""},
    OtherField{"regex", "SGLang", kRefused, "answers are not held to a form", "\"\""},
    OtherField{"ebnf", "SGLang", kRefused, "answers are not held to a form", "\"\""},
    OtherField{"format", "Ollama", kRefused, "answers are not held to a form", "\"\""},
    OtherField{"guided_decoding_backend", "vLLM", kNoEffect, "says how 'guided_json' works"},
    OtherField{"guided_whitespace_pattern", "vLLM", kNoEffect, "says how 'guided_json' works"},
    OtherField{"grammar_lazy", "llama.cpp", kNoEffect, "says how 'grammar' works"},
    OtherField{"grammar_triggers", "llama.cpp", kNoEffect, "says how 'grammar' works"},
    OtherField{"preserved_tokens", "llama.cpp", kNoEffect, "says how 'grammar' works"},
    OtherField{"grammar_type", "llama.cpp", kNoEffect, "says how 'grammar' works"},

    // --- what the model reads
    OtherField{"continue_", "text-generation-webui", kAlias, "continue_final_message", {}, Where::kChat},
    OtherField{"continue_final_message", "vLLM", kRefused,
               "a prompt of /v1/completions is always gone on with", "false", Where::kCompletions},
    OtherField{"chat_template", "vLLM, SGLang", kRefused,
               "it is the server's setting 'chat_template'", "\"\"", Where::kChat},
    OtherField{"chat_template_str", "text-generation-webui", kRefused,
               "it is the server's setting 'chat_template'", "\"\""},
    OtherField{"instruction_template", "text-generation-webui", kRefused,
               "it is the server's setting 'chat_template'", "\"\""},
    OtherField{"instruction_template_str", "text-generation-webui", kRefused,
               "it is the server's setting 'chat_template'", "\"\""},
    OtherField{"mode", "text-generation-webui", kRefused,
               "it is the server's setting 'chat_template'", "\"instruct\""},
    OtherField{"character", "text-generation-webui", kRefused, "write it as a system message", "\"\""},
    OtherField{"context", "text-generation-webui", kRefused, "write it as a system message", "\"\" []"},
    OtherField{"greeting", "text-generation-webui", kRefused, "write it as a message of the assistant", "\"\""},
    OtherField{"user_bio", "text-generation-webui", kNoEffect, "belongs to 'mode' \"chat\""},
    OtherField{"name1", "text-generation-webui", kNoEffect, "belongs to 'mode' \"chat\""},
    OtherField{"name2", "text-generation-webui", kNoEffect, "belongs to 'mode' \"chat\""},
    OtherField{"user_name", "text-generation-webui", kNoEffect, "belongs to 'mode' \"chat\""},
    OtherField{"bot_name", "text-generation-webui", kNoEffect, "belongs to 'mode' \"chat\""},
    OtherField{"chat_instruct_command", "text-generation-webui", kNoEffect, "belongs to 'mode' \"chat\""},
    OtherField{"system", "Ollama, Anthropic", kRefused, "write it as a system message", "\"\" []"},
    OtherField{"template", "Ollama", kRefused, "it is the server's setting 'chat_template'", "\"\""},
    OtherField{"safe_prompt", "Mistral", kRefused, "write it as a system message", "false", Where::kChat},
    OtherField{"documents", "vLLM", kRefused, "write them into a message", "[]", Where::kChat},
    OtherField{"guideline", "TGI", kRefused, "write it as a system message", "\"\"", Where::kChat},
    OtherField{"tool_prompt", "TGI", kRefused, "write it as a system message", "\"\"", Where::kChat},
    OtherField{"truncate_prompt_tokens", "vLLM", kRefused, "no prompt is cut", "-1"},
    OtherField{"truncate", "TGI", kRefused, "no prompt is cut", "0"},
    OtherField{"truncation_length", "text-generation-webui", kRefused, "no prompt is cut", "0"},
    OtherField{"num_ctx", "Ollama", kNoEffect, "'context' is the server's setting, and no prompt is cut"},
    OtherField{"max_context_length", "KoboldCpp", kNoEffect,
               "'context' is the server's setting, and no prompt is cut"},
    OtherField{"n_keep", "llama.cpp", kNoEffect, "no prompt is cut"},
    OtherField{"n_discard", "llama.cpp", kNoEffect, "no prompt is cut"},
    OtherField{"num_keep", "Ollama", kNoEffect, "no prompt is cut"},
    OtherField{"add_special_tokens", "vLLM", kRefused,
               "BOS stands where the vocabulary asks for one", "false", Where::kChat},
    OtherField{"add_special_tokens", "vLLM", kRefused,
               "BOS stands where the vocabulary asks for one", "true", Where::kCompletions},
    OtherField{"add_bos_token", "text-generation-webui", kRefused,
               "BOS stands where the vocabulary asks for one", "true"},
    OtherField{"prompt_embeds", "vLLM", kRefused, {}, "\"\""},
    OtherField{"input_embeds", "SGLang", kRefused, {}, "[]"},
    OtherField{"images", "Ollama", kRefused, "pictures are not read", "[]"},
    OtherField{"image_data", "llama.cpp, SGLang", kRefused, "pictures are not read", "[]"},
    OtherField{"multi_modal_data", "vLLM", kRefused, "pictures are not read", "{}"},
    OtherField{"input_extra", "llama.cpp", kRefused, "infilling has no words here", "[]"},
    OtherField{"mm_processor_kwargs", "vLLM", kNoEffect, "says how pictures are read"},
    OtherField{"lora", "llama.cpp", kRefused, "serve the adapter as a model of its own", "[]"},
    OtherField{"lora_path", "SGLang", kRefused, "serve the adapter as a model of its own", "\"\""},
    OtherField{"adapter_id", "TGI", kRefused, "serve the adapter as a model of its own", "\"\""},
    OtherField{"cache_salt", "vLLM", kRefused,
               "prompts that begin alike share memory; 'prefix_cache' turns that off", "\"\""},
    OtherField{"enable_thinking", "DashScope, SiliconFlow", kAlias, "think", {}, Where::kChat},
    OtherField{"reasoning_budget", "llama.cpp", kRefused, {}, "-1"},
    OtherField{"thinking_budget", "DashScope, SiliconFlow", kRefused, {}, "-1"},
    OtherField{"thinking_budget_tokens", "llama.cpp", kRefused, {}, "-1"},
    OtherField{"thinking_token_budget", "vLLM", kRefused, {}, "-1"},
    OtherField{"verbosity", "OpenAI", kRefused, "ask for it in a message", "\"medium\""},
    OtherField{"web_search_options", "OpenAI", kRefused},
    OtherField{"web_search", "text-generation-webui", kRefused, {}, "false"},

    // --- what is told of an answer
    OtherField{"echo", "vLLM", kRefused, "/v1/completions has it", "false", Where::kChat},
    OtherField{"suffix", "vLLM, Ollama", kRefused, {}, "\"\"", Where::kChat},
    OtherField{"best_of", "vLLM", kRefused, "'n' gives several answers", "0 1", Where::kChat},
    OtherField{"return_full_text", "TGI", kRefused, "'echo' of /v1/completions", "false"},
    OtherField{"prompt_logprobs", "vLLM", kRefused, {}, "false"},
    OtherField{"decoder_input_details", "TGI", kRefused, {}, "false"},
    OtherField{"logprob_start_len", "SGLang", kRefused, {}, "-1"},
    OtherField{"top_n_tokens", "TGI", kRefused, "'top_logprobs'", "0"},
    OtherField{"n_probs", "llama.cpp", kRefused, "'logprobs'", "0"},
    OtherField{"post_sampling_probs", "llama.cpp", kNoEffect, "says how 'n_probs' works"},
    OtherField{"skip_special_tokens", "vLLM, SGLang, text-generation-webui", kRefused,
               "control tokens are no text", "true"},
    OtherField{"spaces_between_special_tokens", "vLLM, SGLang", kNoEffect, "control tokens are no text"},
    OtherField{"return_hidden_states", "SGLang", kRefused, {}, "false"},
    OtherField{"return_tokens", "llama.cpp", kRefused, "'logprobs' tells the tokens", "false"},
    OtherField{"return_token_ids", "vLLM", kRefused, "'logprobs' tells the tokens", "false"},
    OtherField{"return_tokens_as_token_ids", "vLLM", kRefused, "'logprobs' tells the tokens", "false"},
    OtherField{"reasoning_format", "llama.cpp", kRefused,
               "it is the server's setting 'reply_format'", "\"auto\" \"deepseek\"", Where::kChat},
    OtherField{"parse_tool_calls", "llama.cpp", kRefused,
               "it is the server's setting 'reply_format'", "true", Where::kChat},
    OtherField{"separate_reasoning", "SGLang", kRefused,
               "it is the server's setting 'reply_format'", "true", Where::kChat},
    OtherField{"include_reasoning", "vLLM", kRefused, "leave 'reasoning_content' unread", "true", Where::kChat},
    OtherField{"stream_reasoning", "SGLang", kNoEffect, "reasoning is streamed as it comes", {}, Where::kChat},
    OtherField{"timings_per_token", "llama.cpp", kNoEffect, "'timings' tells them at the end"},
    OtherField{"return_progress", "llama.cpp", kNoEffect, "no progress is told"},
    OtherField{"response_fields", "llama.cpp", kNoEffect, "all fields are told"},
    OtherField{"details", "TGI", kNoEffect, "all details are told"},
    OtherField{"weight_version", "SGLang", kNoEffect, "no versions are told"},

    // --- how the work is done
    OtherField{"cache_prompt", "llama.cpp", kNoEffect, "an answer does not depend on what is cached"},
    OtherField{"n_cache_reuse", "llama.cpp", kNoEffect, "an answer does not depend on what is cached"},
    OtherField{"id_slot", "llama.cpp", kNoEffect, "an answer does not depend on what is cached"},
    OtherField{"slot_id", "llama.cpp", kNoEffect, "an answer does not depend on what is cached"},
    OtherField{"speculative.n_max", "llama.cpp", kNoEffect, "an answer does not depend on how it is guessed"},
    OtherField{"speculative.n_min", "llama.cpp", kNoEffect, "an answer does not depend on how it is guessed"},
    OtherField{"speculative.p_min", "llama.cpp", kNoEffect, "an answer does not depend on how it is guessed"},
    OtherField{"draft_model", "LM Studio", kNoEffect, "an answer does not depend on how it is guessed"},
    OtherField{"prompt_lookup_num_tokens", "text-generation-webui", kNoEffect,
               "an answer does not depend on how it is guessed"},
    OtherField{"prediction", "OpenAI", kNoEffect, "an answer does not depend on how it is guessed"},
    OtherField{"keep_alive", "Ollama", kNoEffect, "models make room when others need it"},
    OtherField{"ttl", "LM Studio", kNoEffect, "models make room when others need it"},
    OtherField{"data_parallel_rank", "SGLang", kNoEffect, "requests have fair turns"},
    OtherField{"request_id", "vLLM", kNoEffect, "each answer has an id of its own"},
    OtherField{"rid", "SGLang", kNoEffect, "each answer has an id of its own"},
    OtherField{"genkey", "KoboldCpp", kNoEffect, "each answer has an id of its own"},
    OtherField{"kv_transfer_params", "vLLM", kNoEffect, "one server computes prompt and answer"},
    OtherField{"session_params", "SGLang", kRefused, {}, "{}"},
    OtherField{"vllm_xargs", "vLLM", kRefused, {}, "{}"},
    OtherField{"user", "OpenAI", kNoEffect, "nothing is kept, and requests have fair turns"},
    OtherField{"metadata", "OpenAI", kNoEffect, "nothing is kept, and requests have fair turns"},
    OtherField{"chat_id", "Open WebUI", kNoEffect, "nothing is kept, and requests have fair turns"},
    OtherField{"session_id", "Open WebUI", kNoEffect, "nothing is kept, and requests have fair turns"},
    OtherField{"store", "OpenAI", kNoEffect, "nothing is kept, and requests have fair turns"},
    OtherField{"service_tier", "OpenAI", kNoEffect, "nothing is kept, and requests have fair turns"},
    OtherField{"safety_identifier", "OpenAI", kNoEffect, "nothing is kept, and requests have fair turns"},
    OtherField{"prompt_cache_key", "OpenAI", kNoEffect, "nothing is kept, and requests have fair turns"},
    OtherField{"prompt_cache_retention", "OpenAI", kNoEffect, "nothing is kept, and requests have fair turns"},
};
// clang-format on

// Whether it is the one that `text` writes; 1.0 is 1.
bool is_written(const Json& value, std::string_view text) {
  const Json written = Json::parse(text);
  if (value.is_number() && written.is_number()) return value.get<double>() == written.get<double>();
  return value == written;
}

bool is_harmless(const OtherField& field, const Json& value) {
  if (value.is_null()) return true;
  std::string_view left = field.harmless;
  while (!left.empty()) {
    const size_t end = std::min(left.find(' '), left.size());
    if (is_written(value, left.substr(0, end))) return true;
    left.remove_prefix(std::min(end + 1, left.size()));
  }
  return false;
}

std::string what_is_done(const OtherField& field) {
  const std::string harmless =
      field.harmless.empty() ? std::string() : fmt::format(" (taken: `{}`)", field.harmless);
  switch (field.treatment) {
    case kAlias:
      return fmt::format("is `{}`", field.words);
    case kNoEffect:
      return fmt::format("taken, without effect: {}", field.words);
    case kRefused:
      return fmt::format("refused{}{}{}", harmless, field.words.empty() ? "" : ": ", field.words);
  }
  return {};
}

}  // namespace

std::span<const OtherField> other_fields() { return kRows; }

void refuse_other_fields(Api api, const Json& body) {
  for (const OtherField& field : kRows) {
    if (field.treatment != kRefused || !field.is_of(api)) continue;
    const auto found = body.find(field.name);
    if (found == body.end() || is_harmless(field, *found)) continue;
    std::string words = fmt::format("'{}' ({}) is not supported", field.name, field.servers);
    if (!field.harmless.empty()) words += fmt::format(" but for {}", field.harmless);
    if (!field.words.empty()) words += fmt::format(": {}", field.words);
    throw http::bad_request(std::move(words), std::string(field.name), "unsupported_value");
  }
}

std::string other_fields_markdown() {
  static constexpr std::array kPlaces = {"", " (chat)", " (completions)"};
  std::string out = "| field | known from | what is done |\n|---|---|---|\n";
  for (const OtherField& field : kRows)
    out += fmt::format("| `{}`{} | {} | {} |\n", field.name, kPlaces[static_cast<size_t>(field.where)],
                       field.servers, what_is_done(field));
  return out;
}

}  // namespace gantry::api::openai
