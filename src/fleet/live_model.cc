#include "fleet/live_model.h"

#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "base/error.h"
#include "base/log.h"
#include "fleet/opened_model.h"
#include "fleet/wording.h"
#include "model/loaded_model.h"
#include "model/transformer.h"
#include "plan/explain.h"

namespace gantry::fleet {
namespace {

// Whoever goes away, or comes with a short prompt, is looked at between two steps.
constexpr std::chrono::milliseconds kStepTime{1'000};

// The type that holds most of the bytes.
std::string main_dtype(const gguf::GgufFile& file) {
  std::map<std::string, uint64_t> bytes;
  for (const gguf::TensorInfo& tensor : file.tensors()) {
    if (tensor.dtype) bytes[quant::facts(*tensor.dtype).name] += tensor.bytes;
  }
  const auto most = std::max_element(bytes.begin(), bytes.end(),
                                     [](const auto& a, const auto& b) { return a.second < b.second; });
  return most == bytes.end() ? "" : most->first;
}

ModelCard make_card(const LoadSettings& settings, const OpenedModel& opened, bool has_template,
                    const reply::ReplyFormat& format) {
  ModelCard card = describe(settings);
  card.state = SlotState::kLive;
  card.arch = opened.blueprint->arch;
  card.dtype = main_dtype(*opened.file);
  card.parameters = arch::parameters(*opened.blueprint);
  for (const plan::DevicePlan& device : opened.plan.devices) card.bytes += device.bytes();
  card.context = opened.plan.limits.context;
  card.context_train = opened.blueprint->context_train;
  card.sequences = opened.plan.limits.sequences;
  card.kv_dtype = quant::facts(opened.plan.limits.kv_dtype).name;
  card.memory = plan::summary(*opened.blueprint, opened.plan);
  card.notes = opened.plan.notes;
  card.has_chat_template = has_template;
  card.reply_format = format.name;
  return card;
}

// Members stand in the order in which they need each other; they go in the reverse.
class LoadedLiveModel final : public LiveModel {
 public:
  LoadedLiveModel(const DevicePool& pool, OpenedModel opened, const LoadSettings& settings,
                  const Progress& progress)
      : opened_(std::move(opened)),
        tokenizer_(gguf::read_whole(*opened_.file,
                                    [&] {
                                      return tokenizer::Tokenizer::from_gguf(opened_.file->metadata(),
                                                                             settings.pre_split_override);
                                    })),
        template_(gguf::read_whole(*opened_.file, [&] { return read_template(settings, *opened_.file); })),
        format_(choose_format(settings, template_.get())) {
    if (tokenizer_->size() > opened_.blueprint->vocab) {
      throw Error(ErrorCode::kBadFile,
                  fmt::format("the vocabulary has {} tokens, but the model was made for {}",
                              tokenizer_->size(), opened_.blueprint->vocab),
                  opened_.file->path() + ": tokenizer.ggml.tokens");
    }
    for (const std::string& name : opened_.blueprint->unused_tensors) {
      log::warn("fleet", "{}: tensor {} is not used by {}", opened_.file->path(), name,
                opened_.blueprint->arch);
    }
    loan_ = pool.lend(id_of(settings), opened_.plan);
    loaded_ = model::LoadedModel::load(*opened_.blueprint, *opened_.file, opened_.plan, *opened_.device,
                                       told_as_fractions(progress));
    loan_.settle();
    runner_ = model::make_transformer(*opened_.blueprint, *loaded_, *opened_.device);
    engine::EngineOptions options;
    options.queue_max = settings.queue_max;
    options.step_time = kStepTime;
    options.gap = std::chrono::milliseconds(settings.gap_ms);
    options.warm_up = true;
    options.prefix_cache = settings.prefix_cache;
    engine_ = engine::Engine::start(*runner_, options);
    const engine::EngineStats pace = engine_->stats();
    if (pace.decode_seconds > 0)
      log::info("fleet",
                "{}: one answer gets a token about every {:.1f} ms, every {:.1f} ms while a prompt is read "
                "(gap_ms{})",
                id_of(settings), 1e3 * pace.decode_seconds, 1e3 * pace.gap_seconds,
                settings.gap_ms == 0 ? " is not set" : "");
    completer_ = completion::Completer::create(
        {tokenizer_.get(), template_.get(), engine_.get(), &format_, settings.strict_chat});
    card_ = make_card(settings, opened_, template_ != nullptr, format_);
    if (template_ != nullptr)
      log::info("fleet", "{}: reasoning and tool calls are read as '{}'", opened_.file->path(), format_.name);
  }

  const ModelCard& card() const override { return card_; }
  completion::Completer& completer() override { return *completer_; }
  engine::Engine& engine() override { return *engine_; }
  std::shared_ptr<const tokenizer::Tokenizer> tokenizer() const override { return tokenizer_; }
  const Shares& shares() const override { return loan_.shares(); }

 private:
  const OpenedModel opened_;
  Loan loan_;
  const std::shared_ptr<const tokenizer::Tokenizer> tokenizer_;
  const std::unique_ptr<const jinja::ChatTemplate> template_;
  const reply::ReplyFormat& format_;
  std::unique_ptr<model::LoadedModel> loaded_;
  std::unique_ptr<model::Runner> runner_;
  std::unique_ptr<engine::Engine> engine_;
  std::unique_ptr<completion::Completer> completer_;
  ModelCard card_;
};

class FileCandidate final : public Candidate {
 public:
  FileCandidate(const DevicePool& pool, const LoadSettings& settings)
      : pool_(pool), settings_(settings), opened_(open_file(pool, settings)) {}

  void plan(const Shares& given_back) override {
    opened_.plan = plan_model(pool_, opened_, settings_, {.given_back = given_back});
  }
  std::unique_ptr<LiveModel> load(const Progress& progress) override {
    return std::make_unique<LoadedLiveModel>(pool_, std::move(opened_), settings_, progress);
  }

 private:
  const DevicePool pool_;
  const LoadSettings settings_;
  OpenedModel opened_;
};

class FileLoader final : public Loader {
 public:
  explicit FileLoader(const DevicePool& pool) : pool_(pool) {}
  std::unique_ptr<Candidate> open(const LoadSettings& settings) override {
    return std::make_unique<FileCandidate>(pool_, settings);
  }

 private:
  const DevicePool pool_;
};

}  // namespace

std::unique_ptr<LiveModel> load_model(const DevicePool& pool, const LoadSettings& settings,
                                      const Progress& progress) {
  FileCandidate candidate(pool, settings);
  candidate.plan({});
  return candidate.load(progress);
}

std::unique_ptr<Loader> make_loader(const DevicePool& pool) { return std::make_unique<FileLoader>(pool); }

}  // namespace gantry::fleet
