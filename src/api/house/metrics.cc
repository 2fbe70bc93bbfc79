#include "api/house/metrics.h"

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "api/call.h"
#include "api/models.h"

namespace gantry::api::house {
namespace {

using engine::EngineStats;

void describe(std::string& out, std::string_view name, std::string_view type, std::string_view words) {
  out += fmt::format("# HELP gantry_{0} {1}\n# TYPE gantry_{0} {2}\n", name, words, type);
}

void write(std::string& out, std::string_view name, std::string_view type, std::string_view words,
           uint64_t value) {
  describe(out, name, type, words);
  out += fmt::format("gantry_{} {}\n", name, value);
}

// What each model's engine counts.
struct EngineRow {
  std::string_view name, type, words;
  uint64_t (*of)(const EngineStats& stats);
};
constexpr std::array kEngineRows = {
    EngineRow{"engine_steps_total", "counter", "Steps computed.",
              [](const EngineStats& s) { return s.steps; }},
    EngineRow{"engine_rows_total", "counter", "Tokens computed, of prompts and answers.",
              [](const EngineStats& s) { return s.rows; }},
    EngineRow{"engine_prompt_tokens_total", "counter", "Tokens of prompts.",
              [](const EngineStats& s) { return s.prompt_tokens; }},
    EngineRow{"engine_cached_tokens_total", "counter", "Those of them that had not to be computed.",
              [](const EngineStats& s) { return s.cached_tokens; }},
    EngineRow{"engine_generated_tokens_total", "counter", "Tokens of answers.",
              [](const EngineStats& s) { return s.generated_tokens; }},
    EngineRow{"engine_jobs_done_total", "counter", "Answers that came to their end.",
              [](const EngineStats& s) { return s.jobs_done; }},
    EngineRow{"engine_jobs_cancelled_total", "counter", "Answers that were called off.",
              [](const EngineStats& s) { return s.jobs_cancelled; }},
    EngineRow{"engine_jobs_failed_total", "counter", "Answers that failed.",
              [](const EngineStats& s) { return s.jobs_failed; }},
    EngineRow{"engine_jobs_refused_total", "counter", "Answers that were refused.",
              [](const EngineStats& s) { return s.jobs_refused; }},
    EngineRow{"engine_preemptions_total", "counter", "Times that a request gave its memory back for a while.",
              [](const EngineStats& s) { return s.preemptions; }},
    EngineRow{"engine_running", "gauge", "Requests at work.",
              [](const EngineStats& s) -> uint64_t { return s.running; }},
    EngineRow{"engine_waiting", "gauge", "Answers that wait.",
              [](const EngineStats& s) -> uint64_t { return s.waiting; }},
    EngineRow{"engine_pages", "gauge", "Pages of the KV cache.",
              [](const EngineStats& s) -> uint64_t { return s.pages; }},
    EngineRow{"engine_pages_free", "gauge", "Those of them that hold nothing.",
              [](const EngineStats& s) -> uint64_t { return s.pages_free; }},
    EngineRow{"engine_pages_cached", "gauge", "Those of them that keep beginnings of prompts.",
              [](const EngineStats& s) -> uint64_t { return s.pages_cached; }},
    EngineRow{"engine_pages_cached_far", "gauge",
              "Pages beyond the device that keep beginnings of prompts (host_cache).",
              [](const EngineStats& s) -> uint64_t { return s.pages_cached_far; }},
    EngineRow{"engine_fetched_total", "counter", "Pages and states brought back from there.",
              [](const EngineStats& s) { return s.fetched; }},
};

// As the format asks for it between quotes.
std::string label(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\n')
      out += "\\n";
    else if (c == '"' || c == '\\')
      (out += '\\') += c;
    else
      out += c;
  }
  return out;
}

void write_engines(std::string& out, const std::vector<fleet::ModelStats>& models) {
  if (models.empty()) return;
  for (const EngineRow& row : kEngineRows) {
    describe(out, row.name, row.type, row.words);
    for (const fleet::ModelStats& model : models)
      out += fmt::format("gantry_{}{{model=\"{}\"}} {}\n", row.name, label(model.id), row.of(model.engine));
  }
}

}  // namespace

void metrics(Call& call) {
  const http::ListenerStats stats = call.listener == nullptr ? http::ListenerStats() : call.listener->stats();
  std::string out;
  write(out, "requests_total", "counter", "Requests whose head was read.", stats.requests);
  write(out, "requests_in_work", "gauge", "Requests that are being answered.", stats.requests_in_work);
  write(out, "connections", "gauge", "Open connections.", stats.connections);
  write(out, "connections_refused_total", "counter", "Connections refused because too many were open.",
        stats.connections_refused);
  write(out, "request_memory_bytes", "gauge", "Memory that requests and their answers take.", stats.memory);
  write(out, "request_memory_peak_bytes", "gauge", "The most of it since the start.", stats.memory_peak);
  write(out, "request_memory_limit_bytes", "gauge", "The most that they may take (request_memory).",
        stats.memory_max);
  write_engines(out, call.models.stats());
  call.asker.reply->send({.status = 200,
                          .headers = {},
                          .content_type = "text/plain; version=0.0.4; charset=utf-8",
                          .body = std::move(out)});
}

}  // namespace gantry::api::house
