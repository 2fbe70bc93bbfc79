#include "api/openai/writer.h"

#include <algorithm>
#include <chrono>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "api/json_writer.h"
#include "api/openai/error.h"
#include "base/random_id.h"
#include "text/utf8.h"

namespace gantry::api::openai {
namespace {

using completion::Delta;
using completion::Finish;
using completion::TokenReport;
using completion::TokenText;
using completion::Usage;

constexpr float kLogprobMin = -9999.0F;  // what OpenAI writes for "impossible"; JSON has no infinity

// What all chunks and the body of one answer have in common.
struct AnswerHead {
  Api api = Api::kChat;
  std::string id;  // "chatcmpl-...", "cmpl-..."
  int64_t created = 0;
  bool logprobs = false;
  bool usage_in_stream = false;  // every chunk has a member "usage"
  bool timings = false;          // the last chunk or the body has them
  // Known when the answers begin.
  std::string model = {};
  std::string fingerprint = {};
};

const char* finish_name(Finish finish) {
  if (finish == Finish::kToolCalls) return "tool_calls";
  return finish == Finish::kLength ? "length" : "stop";
}

// `piece`: of a stream, where only the first piece of a call has its id and name.
void write_calls(JsonWriter& json, const std::vector<completion::CallDelta>& calls, bool piece) {
  json.key("tool_calls").begin_array();
  for (const completion::CallDelta& call : calls) {
    json.begin_object();
    if (piece) json.key("index").value(call.index);
    if (call.begins) json.key("id").value(call.id).key("type").value("function");
    json.key("function").begin_object();
    if (call.begins) json.key("name").value(call.name);
    json.key("arguments").value(call.arguments).end_object().end_object();
  }
  json.end_array();
}

double clamped(float logprob) { return logprob > kLogprobMin ? static_cast<double>(logprob) : kLogprobMin; }

void write_token(JsonWriter& json, const TokenText& token) {
  json.key("token").value(token.bytes).key("logprob").value(clamped(token.logprob));
  json.key("bytes").begin_array();
  for (const char byte : token.bytes) json.value(static_cast<unsigned>(static_cast<unsigned char>(byte)));
  json.end_array();
}

void write_chat_logprobs(JsonWriter& json, const std::vector<TokenReport>& tokens) {
  json.begin_object().key("content").begin_array();
  for (const TokenReport& report : tokens) {
    json.begin_object();
    write_token(json, report.chosen);
    json.key("top_logprobs").begin_array();
    for (const TokenText& top : report.top) {
      json.begin_object();
      write_token(json, top);
      json.end_object();
    }
    json.end_array().end_object();
  }
  json.end_array().key("refusal").null().end_object();
}

void write_completion_logprobs(JsonWriter& json, const std::vector<TokenReport>& tokens, uint64_t echoed) {
  json.begin_object().key("tokens").begin_array();
  for (const TokenReport& report : tokens) json.value(report.chosen.bytes);
  json.end_array().key("token_logprobs").begin_array();
  for (const TokenReport& report : tokens) json.value(clamped(report.chosen.logprob));
  json.end_array().key("top_logprobs").begin_array();
  for (const TokenReport& report : tokens) {
    json.begin_object();
    // Two tokens may have one text; the likelier one, which stands first, keeps the name.
    std::vector<std::string_view> seen;
    for (const TokenText& top : report.top) {
      if (std::ranges::count(seen, top.bytes) > 0) continue;
      seen.push_back(top.bytes);
      json.key(top.bytes).value(clamped(top.logprob));
    }
    json.end_object();
  }
  json.end_array().key("text_offset").begin_array();
  for (const TokenReport& report : tokens) json.value(echoed + report.offset);
  json.end_array().end_object();
}

void write_logprobs(JsonWriter& json, const AnswerHead& head, const std::vector<TokenReport>& tokens,
                    uint64_t echoed) {
  json.key("logprobs");
  if (!head.logprobs)
    json.null();
  else if (head.api == Api::kChat)
    write_chat_logprobs(json, tokens);
  else
    write_completion_logprobs(json, tokens, echoed);
}

void write_head(JsonWriter& json, const AnswerHead& head, const char* object) {
  json.key("id").value(head.id).key("object").value(object).key("created").value(head.created);
  json.key("model").value(head.model).key("system_fingerprint").value(head.fingerprint);
}

void write_usage(JsonWriter& json, const Usage& usage) {
  json.key("usage").begin_object();
  json.key("prompt_tokens").value(usage.prompt_tokens);
  json.key("completion_tokens").value(usage.completion_tokens);
  json.key("total_tokens").value(uint64_t{usage.prompt_tokens} + usage.completion_tokens);
  json.key("prompt_tokens_details").begin_object();
  json.key("cached_tokens").value(usage.cached_tokens).end_object().end_object();
}

// By llama.cpp's names: of the prompt what had to be read, of the answer what was written.
void write_timings(JsonWriter& json, const Totals& totals) {
  const auto ms = [](std::chrono::nanoseconds time) {
    return std::chrono::duration<double, std::milli>(time).count();
  };
  const uint64_t read = totals.usage.prompt_tokens - totals.usage.cached_tokens;
  const uint64_t written = totals.usage.completion_tokens;
  json.key("timings").begin_object().key("cache_n").value(totals.usage.cached_tokens);
  json.key("prompt_n").value(read).key("prompt_ms").value(ms(totals.reading));
  json.key("prompt_per_second").value(per_second(read, totals.reading));
  json.key("predicted_n").value(written).key("predicted_ms").value(ms(totals.writing));
  json.key("predicted_per_second").value(per_second(written, totals.writing)).end_object();
}

const char* chunk_object(const AnswerHead& head) {
  return head.api == Api::kChat ? "chat.completion.chunk" : "text_completion";
}

// One chunk with one choice: `fill` writes the choice's members but the index.
template <typename Fill>
std::string chunk(const AnswerHead& head, uint32_t index, Fill fill) {
  std::string out = "data: ";
  JsonWriter json(out);
  json.begin_object();
  write_head(json, head, chunk_object(head));
  json.key("choices").begin_array().begin_object().key("index").value(index);
  fill(json);
  json.end_object().end_array();
  if (head.usage_in_stream) json.key("usage").null();
  json.end_object();
  out += "\n\n";
  return out;
}

void write_choice(JsonWriter& json, const AnswerHead& head, uint32_t index, const Choice& choice) {
  json.begin_object().key("index").value(index);
  if (head.api == Api::kChat) {
    json.key("message").begin_object().key("role").value("assistant");
    // Without a word besides, calls have no content.
    if (choice.text.empty() && !choice.calls.empty())
      json.key("content").null();
    else
      json.key("content").value(choice.text);
    json.key("refusal").null();
    if (!choice.reasoning.empty()) json.key("reasoning_content").value(choice.reasoning);
    if (!choice.calls.empty()) write_calls(json, choice.calls, false);
    json.end_object();
  } else {
    json.key("text").value(choice.text);
  }
  write_logprobs(json, head, choice.tokens, choice.echoed_characters);
  json.key("finish_reason").value(finish_name(choice.finish)).end_object();
}

// FNV-1a of what decides the answers besides the request.
std::string fingerprint_of(const fleet::ModelCard& card) {
  uint64_t hash = 0xcbf29ce484222325;
  const auto add = [&](std::string_view text) {
    for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  };
  add(fmt::format("{}|{}|{}|{}|{}|{}", card.id, card.arch, card.dtype, card.parameters, card.created,
                  card.kv_dtype));
  return fmt::format("fp_{:010x}", hash & 0xffffffffff);
}

AnswerHead make_head(const Parsed& parsed) {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return {.api = parsed.api,
          .id = random_id(parsed.api == Api::kChat ? "chatcmpl-" : "cmpl-"),
          .created = std::chrono::duration_cast<std::chrono::seconds>(now).count(),
          .logprobs = parsed.request.base.logprobs,
          .usage_in_stream = parsed.include_usage,
          .timings = parsed.timings};
}

// Server-sent events, each "data: {...}\n\n".
class OpenaiWriter final : public Writer {
 public:
  explicit OpenaiWriter(const Parsed& parsed) : head_(make_head(parsed)) {}

  std::string begin(const Begun& begun) override;
  std::string delta(uint32_t choice, const Delta& delta) override;
  std::string finish(uint32_t choice, const Delta& last) override;
  std::string end(const Totals& totals) override;
  std::string fail(const http::Refusal& refusal) override {
    return "event: error\ndata: " + error_body(refusal) + "\n\n";
  }
  std::string whole_begin(const Begun& begun) override;
  std::string whole_choice(uint32_t index, const Choice& choice) override;
  std::string whole_end(const Totals& totals) override;

 private:
  void learn(const fleet::ModelCard& card) {
    head_.model = card.id;
    head_.fingerprint = fingerprint_of(card);
  }

  AnswerHead head_;
  std::vector<uint64_t> echoed_characters_;  // in front of each choice's own text
};

// In a chat each choice begins by saying who speaks.
std::string OpenaiWriter::begin(const Begun& begun) {
  learn(begun.card);
  echoed_characters_.assign(begun.choices, 0);
  std::string out;
  for (uint32_t i = 0; head_.api == Api::kChat && i < begun.choices; ++i)
    out += chunk(head_, i, [](JsonWriter& json) {
      json.key("delta").begin_object().key("role").value("assistant").key("content").value("").end_object();
      json.key("logprobs").null().key("finish_reason").null();
    });
  return out;
}

std::string OpenaiWriter::delta(uint32_t choice, const Delta& delta) {
  if (delta.is_echo) echoed_characters_[choice] += text::characters(delta.text);
  return chunk(head_, choice, [&](JsonWriter& json) {
    if (head_.api == Api::kChat) {
      json.key("delta").begin_object();
      if (!delta.reasoning.empty()) json.key("reasoning_content").value(delta.reasoning);
      if (!delta.text.empty() || (delta.reasoning.empty() && delta.calls.empty()))
        json.key("content").value(delta.text);
      if (!delta.calls.empty()) write_calls(json, delta.calls, true);
      json.end_object();
    } else
      json.key("text").value(delta.text);
    write_logprobs(json, head_, delta.tokens, echoed_characters_[choice]);
    json.key("finish_reason").null();
  });
}

std::string OpenaiWriter::finish(uint32_t choice, const Delta& last) {
  return chunk(head_, choice, [&](JsonWriter& json) {
    if (head_.api == Api::kChat)
      json.key("delta").begin_object().end_object();
    else
      json.key("text").value("");
    json.key("logprobs").null().key("finish_reason").value(finish_name(last.finish));
  });
}

std::string OpenaiWriter::end(const Totals& totals) {
  std::string out;
  if (head_.usage_in_stream || head_.timings) {
    out = "data: ";
    JsonWriter json(out);
    json.begin_object();
    write_head(json, head_, chunk_object(head_));
    json.key("choices").begin_array().end_array();
    if (head_.usage_in_stream) write_usage(json, totals.usage);
    if (head_.timings) write_timings(json, totals);
    json.end_object();
    out += "\n\n";
  }
  return out += "data: [DONE]\n\n";
}

std::string OpenaiWriter::whole_begin(const Begun& begun) {
  learn(begun.card);
  std::string out;
  JsonWriter json(out);
  json.begin_object();
  write_head(json, head_, head_.api == Api::kChat ? "chat.completion" : "text_completion");
  json.key("choices").begin_array();
  return out;
}

std::string OpenaiWriter::whole_choice(uint32_t index, const Choice& choice) {
  std::string out = index == 0 ? "" : ",";
  JsonWriter json(out);
  write_choice(json, head_, index, choice);
  return out;
}

std::string OpenaiWriter::whole_end(const Totals& totals) {
  std::string out;
  JsonWriter json(out);
  json.end_array();
  write_usage(json, totals.usage);
  if (head_.timings) write_timings(json, totals);
  json.end_object();
  return out;
}

}  // namespace

std::unique_ptr<Writer> make_writer(const Parsed& parsed) { return std::make_unique<OpenaiWriter>(parsed); }

}  // namespace gantry::api::openai
