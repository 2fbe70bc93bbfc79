#include "tests/scenario/stage.h"

#include <algorithm>
#include <cstdlib>
#include <thread>
#include <utility>

#include "base/log.h"
#include "tests/scenario/raw_client.h"
#include "tests/scenario/stand_in.h"

namespace gantry::testing {
namespace {

constexpr std::string_view kAssistant = "assistant:";

// What "sim" was asked to say, and how much of it is said. Bytes only: control tokens are '\0'.
struct Order {
  std::string text;
  size_t said = 0;
};

std::optional<Order> order_of(const std::string& history) {
  const size_t say = history.rfind("say("), count = history.rfind("count(");
  const bool counts = count != std::string::npos && (say == std::string::npos || count > say);
  const size_t from = counts ? count + 6 : say + 4;
  if (!counts && say == std::string::npos) return std::nullopt;
  const size_t end = history.find(')', from);
  if (end == std::string::npos) return std::nullopt;
  Order order;
  order.text = history.substr(from, end - from);
  if (counts) {
    const long n = std::strtol(order.text.c_str(), nullptr, 10);
    order.text.clear();
    for (long i = 1; i <= n; ++i) order.text += (i > 1 ? " " : "") + std::to_string(i);
  }
  size_t answer = end + 1;
  const size_t turn = history.find('\0', answer);
  if (turn != std::string::npos && history.compare(turn + 1, kAssistant.size(), kAssistant) == 0)
    answer = turn + 1 + kAssistant.size();
  order.said = history.size() - std::min(answer, history.size());
  return order;
}

TokenId obey(std::span<const TokenId> tokens) {
  std::string history;
  for (const TokenId token : tokens) history += token < kBos ? static_cast<char>(token) : '\0';
  const auto order = order_of(history);
  if (!order)
    return 'a' + static_cast<TokenId>((history.size() * 7 + static_cast<size_t>(tokens.back())) % 26);
  if (order->said >= order->text.size()) return kEos;
  return static_cast<unsigned char>(order->text[order->said]);
}

class SimLiveModel final : public StandIn {
 public:
  SimLiveModel(const std::string& id, const StageOptions& options, bool obeys,
               const reply::ReplyFormat* format = nullptr)
      : template_(obeys ? jinja::ChatTemplate::parse(kPlainTemplate) : nullptr),
        runner_({.limits = sim::sim_limits(260, options.context, options.sequences, 64, options.pages),
                 .seed = 11,
                 .fail_at_step = obeys ? options.fail_at_step : 0,
                 .step_time = options.step_time,
                 .say = obeys ? obey : std::function<TokenId(std::span<const TokenId>)>()}),
        engine_(engine::Engine::start(
            runner_, {.queue_max = options.queue_max, .prefix_cache = options.prefix_cache})),
        completer_(
            completion::Completer::create({tokenizer_.get(), template_.get(), engine_.get(), format})) {
    stand_in(id, "sim", options.context, obeys, *engine_, *completer_, tokenizer_);
  }

 private:
  const std::shared_ptr<const ByteTokenizer> tokenizer_ = std::make_shared<ByteTokenizer>();
  std::unique_ptr<const jinja::ChatTemplate> template_;
  sim::SimRunner runner_;
  std::unique_ptr<engine::Engine> engine_;
  std::unique_ptr<completion::Completer> completer_;
};

}  // namespace

class Stage::Candidate final : public fleet::Candidate {
 public:
  Candidate(std::string id, const StageOptions& options, std::shared_ptr<const Gate> gate)
      : id_(std::move(id)), options_(options), gate_(std::move(gate)) {}
  void plan(const fleet::Shares&) override {}
  std::unique_ptr<fleet::LiveModel> load(const fleet::Progress& progress) override {
    const bool cold = std::ranges::count(options_.cold, id_) > 0;
    while (cold && !gate_->open) {
      progress("weights", 0.5);
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    if (cold && gate_->error) throw Error(*gate_->error);
    if (const auto own = options_.own.find(id_); own != options_.own.end()) return own->second();
    return std::make_unique<SimLiveModel>(id_, options_, id_ != "dice", reply::find_reply_format(id_));
  }

 private:
  const std::string id_;
  const StageOptions options_;
  const std::shared_ptr<const Gate> gate_;
};

class Stage::Loader final : public fleet::Loader {
 public:
  Loader(StageOptions options, std::shared_ptr<const Gate> gate)
      : options_(std::move(options)), gate_(std::move(gate)) {}
  std::unique_ptr<fleet::Candidate> open(const fleet::LoadSettings& settings) override {
    return std::make_unique<Candidate>(settings.alias, options_, gate_);
  }

 private:
  const StageOptions options_;
  const std::shared_ptr<const Gate> gate_;
};

Stage::Stage(StageOptions options) {
  log::set_level(log::Level::kWarn);  // a line for each request would hide what a test says
  options.server.port = 0;
  std::vector<std::string> names = {"sim", "dice"};
  names.insert(names.end(), options.reply_formats.begin(), options.reply_formats.end());
  for (const auto& [name, make] : options.own)
    if (std::ranges::count(options.cold, name) == 0) names.push_back(name);
  const size_t live = names.size();
  names.insert(names.end(), options.cold.begin(), options.cold.end());
  std::vector<fleet::LoadSettings> slots(names.size());
  for (size_t i = 0; i < names.size(); ++i) slots[i].alias = names[i];
  fleet_ = fleet::Fleet::create(std::move(slots), std::make_unique<Loader>(options, gate_));
  for (size_t i = 0; i < live; ++i) fleet_->lease_now(names[i]);
  server_ = server::Server::start(*fleet_, options.server, options.dialects);
}

Stage::~Stage() = default;

void Stage::let_on(const std::optional<Error>& error) {
  gate_->error = error;
  gate_->open = true;
}

engine::EngineStats Stage::stats(const std::string& model) {
  return fleet_->lease_now(model)->engine().stats();
}

uint64_t Stage::encodings() {
  return dynamic_cast<const ByteTokenizer&>(fleet_->lease_now("sim")->completer().tokenizer()).encodings();
}

bool Stage::at_rest() {
  const auto end = std::chrono::steady_clock::now() + kPatience;
  while (std::chrono::steady_clock::now() < end) {
    bool rests = true;
    for (const fleet::ModelCard& card : fleet_->list()) {
      if (card.state != fleet::SlotState::kLive) continue;
      const engine::EngineStats stats = this->stats(card.id);
      rests &=
          stats.running == 0 && stats.waiting == 0 && stats.pages_free + stats.pages_cached == stats.pages;
    }
    if (rests) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return false;
}

}  // namespace gantry::testing
