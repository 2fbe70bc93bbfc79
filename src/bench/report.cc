#include "bench/report.h"

#include <array>

#include <fmt/format.h>

#include "base/counted.h"

namespace gantry::bench {
namespace {

struct Share {
  const char* name;
  double share;
};
constexpr std::array kShares = {Share{"p50", 0.5}, Share{"p90", 0.9}, Share{"p95", 0.95}, Share{"p99", 0.99},
                                Share{"max", 1}};

// Seconds as milliseconds, in four digits or so.
std::string ms(double seconds) {
  const double value = seconds * 1e3;
  return fmt::format("{:.{}f}", value, value < 10 ? 2 : value < 1000 ? 1 : 0);
}

std::string samples_line(const char* name, const Samples& samples) {
  if (samples.count() == 0) return fmt::format("  {:<28}{:>9}\n", name, "-");
  std::string line = fmt::format("  {:<28}{:>9}", name, ms(samples.mean()));
  for (const Share& share : kShares) line += fmt::format("{:>9}", ms(samples.quantile(share.share)));
  return line + "\n";
}

Json samples_json(const Samples& samples) {
  Json out = Json::object();
  out["count"] = samples.count();
  out["mean"] = samples.mean() * 1e3;
  for (const Share& share : kShares) out[share.name] = samples.quantile(share.share) * 1e3;
  return out;
}

Json level_json(const LevelReport& level) {
  const Figures& figures = level.figures;
  Json out = Json::object();
  if (level.load.clients > 0)
    out["clients"] = level.load.clients;
  else
    out["rate"] = level.load.rate;
  out["seconds"] = figures.seconds;
  out["done"] = figures.done;
  out["failed"] = figures.failed;
  out["cancelled"] = figures.cancelled;
  out["cut"] = figures.cut;
  out["requests_per_s"] = figures.per_second(figures.done);
  out["prompt_tokens"] = figures.prompt_tokens;
  if (figures.tells_cached) out["cached_tokens"] = figures.cached_tokens;
  out["new_tokens"] = figures.new_tokens;
  out["prompt_tokens_per_s"] = figures.per_second(figures.prompt_tokens);
  out["new_tokens_per_s"] = figures.per_second(figures.new_tokens);
  out["without_usage"] = figures.uncounted;
  out["first_token_ms"] = samples_json(figures.first);
  out["gap_ms"] = samples_json(figures.gap);
  out["token_ms"] = samples_json(figures.per_token);
  out["whole_ms"] = samples_json(figures.whole);
  Json faults = Json::array();
  for (const FaultCount& fault : figures.faults)
    faults.push_back(Json::object({{"kind", fault.kind}, {"count", fault.count}, {"first", fault.first}}));
  out["faults"] = std::move(faults);
  return out;
}

}  // namespace

std::string load_name(const Load& load) {
  return load.clients > 0 ? counted(load.clients, "client")
                          : fmt::format("{:g} conversations a second", load.rate);
}

std::string head_text(const ServeReport& report) {
  std::string text = fmt::format("{}, model {}, {}; mix {}, seed {}\n", report.url, report.model, report.api,
                                 report.mix, report.seed);
  for (const std::string& words : report.notes) text += "note: " + words + "\n";
  return text;
}

std::string level_text(const LevelReport& level) {
  const Figures& figures = level.figures;
  std::string text = fmt::format("\n{}: {} done, {} failed, {} cancelled in {:.1f} s", load_name(level.load),
                                 figures.done, figures.failed, figures.cancelled, figures.seconds);
  if (figures.cut > 0) text += fmt::format("; interrupted, {} left", figures.cut);
  const std::string cached =
      figures.tells_cached ? fmt::format(" ({} of them cached)", figures.cached_tokens) : std::string();
  text += fmt::format("\n  {:.2f} requests/s, {:.1f} prompt tokens/s{}, {:.1f} new tokens/s\n",
                      figures.per_second(figures.done), figures.per_second(figures.prompt_tokens), cached,
                      figures.per_second(figures.new_tokens));
  text += fmt::format("  {:<28}{:>9}", "milliseconds", "mean");
  for (const Share& share : kShares) text += fmt::format("{:>9}", share.name);
  text += "\n" + samples_line("until the first token", figures.first);
  text += samples_line("between two pieces", figures.gap);
  text += samples_line("a token, of each answer", figures.per_token);
  text += samples_line("the whole answer", figures.whole);
  if (figures.uncounted > figures.cancelled)
    text += fmt::format("  note: of {} the server did not count the tokens: a piece counts as one\n",
                        counted(figures.uncounted, "request"));
  for (const FaultCount& fault : figures.faults)
    text += fmt::format("  failed, {}: {}{}\n", counted(fault.count, "request"), fault.kind,
                        fault.first.empty() ? "" : "; the first: " + fault.first);
  return text;
}

std::string levels_text(const ServeReport& report) {
  if (report.levels.size() < 2) return {};
  const bool closed = report.levels.front().load.clients > 0;
  std::string text = fmt::format(
      "\n{:>10}{:>12}{:>14}{:>12}{:>12}{:>10}{:>10}\n{:>10}{:>12}{:>14}{:>12}{:>12}{:>10}{:>10}\n",
      closed ? "clients" : "rate", "requests/s", "new tokens/s", "first p50", "first p99", "gap p50",
      "gap p99", "", "", "", "ms", "ms", "ms", "ms");
  for (const LevelReport& level : report.levels) {
    const Figures& figures = level.figures;
    text += fmt::format("{:>10}{:>12.2f}{:>14.1f}{:>12}{:>12}{:>10}{:>10}\n",
                        closed ? std::to_string(level.load.clients) : fmt::format("{:g}", level.load.rate),
                        figures.per_second(figures.done), figures.per_second(figures.new_tokens),
                        ms(figures.first.quantile(0.5)), ms(figures.first.quantile(0.99)),
                        ms(figures.gap.quantile(0.5)), ms(figures.gap.quantile(0.99)));
  }
  return text;
}

Json report_json(const ServeReport& report) {
  Json levels = Json::array();
  for (const LevelReport& level : report.levels) levels.push_back(level_json(level));
  Json notes = Json::array();
  for (const std::string& words : report.notes) notes.push_back(words);
  Json out = Json::object();
  out["server"] = report.url;
  out["api"] = report.api;
  out["model"] = report.model;
  out["mix"] = report.mix;
  out["seed"] = report.seed;
  out["words_per_token"] = report.words_per_token;
  out["interrupted"] = report.interrupted;
  out["notes"] = std::move(notes);
  out["levels"] = std::move(levels);
  return out;
}

}  // namespace gantry::bench
