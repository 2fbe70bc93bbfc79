#include "evaluate/perplexity.h"

#include <algorithm>
#include <chrono>

#include <fmt/format.h>
#include <unistd.h>

#include "base/counted.h"
#include "base/error.h"
#include "cli/commands.h"
#include "cli/input.h"
#include "cli/interrupts.h"
#include "cli/output.h"
#include "cli/terminal.h"
#include "os/file.h"
#include "text/json.h"

namespace gantry::cli {
namespace {

using evaluate::Report;

// Not an Error: nothing went wrong.
struct Interrupted {
  int signal;
};

std::unique_ptr<fleet::Probe> open(const fleet::DevicePool& pool, const fleet::LoadSettings& settings) {
  ProgressLine line(stderr, is_terminal(STDERR_FILENO), kQuiet);
  return fleet::Probe::open(pool, settings,
                            [&line](std::string_view stage, double done) { line.update(stage, done); });
}

// BOS in front where the vocabulary asks for it.
std::vector<TokenId> tokens_of(const tokenizer::Tokenizer& tokenizer, const std::string& text, TokenId bos) {
  std::vector<TokenId> tokens = tokenizer.encode(text, {});
  if (bos != kNoToken) tokens.insert(tokens.begin(), bos);
  return tokens;
}

// The window is what --context says, else kPerplexityWindow, or what the model was made for if that is less.
// Both models get the same.
uint32_t window_length(const fleet::LoadSettings& settings) {
  if (settings.context != 0) return settings.context;
  const auto file = gguf::GgufFile::open(settings.model_path);
  const auto arch = file->metadata().get_string("general.architecture");
  const auto trained =
      arch ? file->metadata().get_uint(std::string(*arch) + ".context_length") : std::nullopt;
  return static_cast<uint32_t>(std::min<uint64_t>(trained.value_or(kPerplexityWindow), kPerplexityWindow));
}

std::string with_error(const evaluate::Perplexity& p) {
  return fmt::format("{:.4f} +/- {:.4f}", p.value, p.error);
}

std::string text_of(const Report& report, const PerplexityCommand& command) {
  const evaluate::Cut& cut = report.cut;
  std::string text =
      fmt::format("{}: {}, {} of {}, {} scored ({} of each window)\n", harmless(command.text_path),
                  counted(report.tokens, "token"), counted(cut.windows, "window"), cut.length,
                  counted(cut.scored(), "token"),
                  command.score_all ? "all" : fmt::format("the last {}", cut.length - cut.first_scored));
  text += fmt::format("perplexity               {}\n", with_error(report.perplexity));
  if (!report.divergence) return text;
  const evaluate::Divergence& d = *report.divergence;
  text += fmt::format("perplexity of --against  {}\n", with_error(d.truth));
  text += fmt::format("loss above its loss      {:.6f} +/- {:.6f} nats a token\n", d.loss_more,
                      d.loss_more_error);
  text += fmt::format(
      "divergence from it       {:.6f} +/- {:.6f} nats a token, median {:.6f}, 99 % {:.6f}, greatest "
      "{:.6f}\n",
      d.mean, d.mean_error, d.median, d.p99, d.greatest);
  return text + fmt::format("the same first choice    {:.2f} %\n", 100 * d.same_first);
}

void add_to(Json& out, const evaluate::Perplexity& p) {
  out["perplexity"] = p.value;
  out["perplexity_error"] = p.error;
  out["loss"] = p.loss;
  out["loss_error"] = p.loss_error;
}

Json json_of(const Report& report, const PerplexityCommand& command) {
  Json out = {{"model", command.load.model_path}, {"text", command.text_path},
              {"tokens", report.tokens},          {"windows", report.cut.windows},
              {"window", report.cut.length},      {"first_scored", report.cut.first_scored},
              {"scored", report.cut.scored()}};
  add_to(out, report.perplexity);
  if (!report.divergence) return out;
  const evaluate::Divergence& d = *report.divergence;
  out["against"] = {{"model", command.against_path}};
  add_to(out["against"], d.truth);
  out["divergence"] = {{"mean", d.mean},           {"mean_error", d.mean_error},
                       {"median", d.median},       {"p99", d.p99},
                       {"greatest", d.greatest},   {"same_first", d.same_first},
                       {"loss_more", d.loss_more}, {"loss_more_error", d.loss_more_error}};
  return out;
}

Report measure(const PerplexityCommand& command, const device::Registry& registry, const std::string& text) {
  fleet::LoadSettings settings = command.load;
  settings.context = window_length(settings);
  const fleet::DevicePool pool(registry);  // both models work on the same devices
  const auto model = open(pool, settings);
  const auto tokenizer = model->read_tokenizer();
  const TokenId bos = tokenizer->special().add_bos ? tokenizer->special().bos : kNoToken;
  const std::vector<TokenId> tokens = tokens_of(*tokenizer, text, bos);
  const evaluate::Cut cut =
      evaluate::cut_windows(tokens.size(), settings.context, command.score_all, command.windows_max);
  std::unique_ptr<fleet::Probe> truth;
  if (!command.against_path.empty()) {
    settings.model_path = command.against_path;
    truth = open(pool, settings);
    const auto other = truth->read_tokenizer();
    if (tokens_of(*other, text, other->special().add_bos ? other->special().bos : kNoToken) != tokens)
      throw Error(ErrorCode::kInvalidRequest, "the two models cut the text into different tokens",
                  command.against_path, "only models of one vocabulary can be compared");
  }
  Interrupts interrupts(true);
  const bool terminal = is_terminal(STDERR_FILENO);
  ProgressLine line(stderr, terminal, kQuiet, "measuring");
  return evaluate::measure(*model, truth.get(), tokens, cut, bos, [&](uint32_t windows, double so_far) {
    if (const int signal = interrupts.take(); signal != 0) throw Interrupted{signal};
    line.update(terminal ? fmt::format("window {} of {}, perplexity {:.4f}", windows, cut.windows, so_far)
                         : "windows",
                static_cast<double>(windows) / cut.windows);
  });
}

}  // namespace

int perplexity(const PerplexityCommand& command, const device::Registry& registry) {
  const std::string text = read_text(command.text_path, kTextBytesMax);
  try {
    const Report report = measure(command, registry, text);
    if (command.json)
      say("{}\n", json_of(report, command).dump(2));
    else
      say("{}", text_of(report, command));
    return 0;
  } catch (const Interrupted& interrupted) {
    return 128 + interrupted.signal;
  }
}

}  // namespace gantry::cli
