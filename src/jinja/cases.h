// Cases of the conformance data, one JSON line each: what `gantry debug template` renders. The line is
// {messages, tools, add_generation_prompt, bos_token, eos_token, extra?} as in chat-templates/golden.jsonl,
// or {context?, ...} as in jinja/*.jsonl. The answer is {"text"} or {"error", "kind":
// "raise"|"type"|"limit"}.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "jinja/chat_template.h"

namespace gantry::jinja {

// The variables that a case renders with. `tools` and `documents` are null where absent, as Hugging Face
// transformers passes them; with a `context` nothing is added. Throws gantry::Error kInvalidRequest for a
// case that is no object or whose context or extra is none.
Json case_context(const Json& test_case);

// Seconds since the epoch: "1741525507" or "2025-03-09T13:05:07" (UTC, with or without a Z; a space may stand
// for the T, the time may be absent). nullopt for anything else.
std::optional<int64_t> parse_case_time(std::string_view text);

// Renders one line; errors of the template are in the answer. A `now` of the case itself goes before `now`.
Json run_case(const ChatTemplate& chat_template, const Json& test_case, std::optional<int64_t> now,
              const RenderLimits& limits = {});

// A line of text in, a line out (without a newline); broken JSON is an answer with an error of kind "type".
std::string run_case_line(const ChatTemplate& chat_template, std::string_view line,
                          std::optional<int64_t> now, const RenderLimits& limits = {});

// {"error", "kind"[, "line"]}.
Json error_answer(const TemplateError& error);

}  // namespace gantry::jinja
