// How the model of a slot comes to life, step by step: looked at, planned, loaded. And what it is while it
// lives: a plan carried out, with weights in sealed arenas, an engine and a completer. Tests put models
// without weights behind it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "completion/completion.h"
#include "engine/engine.h"
#include "fleet/budgets.h"
#include "fleet/load_settings.h"
#include "tokenizer/tokenizer.h"

namespace gantry::fleet {

enum class SlotState : uint8_t {
  kCold,      // not in memory
  kLoading,   // wanted: it waits for its turn or for room, or is being loaded
  kLive,      // may be leased
  kDraining,  // leaves: no new leases, those that are out come back
  kFailed,    // the last try to load it failed
};

// What /v1/models tells of a model. Of one that has never been live only the name, the time and the state are
// known.
struct ModelCard {
  std::string id;           // the name clients use
  int64_t created = 0;      // seconds since the epoch: the file's time
  std::string arch, dtype;  // "llama", "Q4_K - mostly"
  uint64_t parameters = 0;
  uint64_t bytes = 0;    // planned on all devices
  uint32_t context = 0;  // positions of one sequence
  uint32_t context_train = 0;
  uint32_t sequences = 0;
  std::string kv_dtype;
  std::string memory;              // the plan in a line: plan::summary()
  std::vector<std::string> notes;  // what the plan decided otherwise than asked for
  bool has_chat_template = false;
  std::string reply_format;  // how reasoning and tool calls are written: a name of reply_formats()

  SlotState state = SlotState::kCold;
  std::string failure;  // kFailed: why
  uint32_t loads = 0;   // how often it has come to life
};

// What is known of a model before it is opened: its name, its file's time.
ModelCard describe(const LoadSettings& settings);

class LiveModel {
 public:
  virtual ~LiveModel() = default;
  virtual const ModelCard& card() const = 0;
  virtual completion::Completer& completer() = 0;
  virtual engine::Engine& engine() = 0;
  // The completer's, which may be needed longer than the model: an answer is read when it is read.
  virtual std::shared_ptr<const tokenizer::Tokenizer> tokenizer() const = 0;
  // The bytes that come back when it goes.
  virtual const Shares& shares() const = 0;
};

// Told where loading stands: a stage's name and how far it is, 0 to 1. What it throws ends the loading.
using Progress = std::function<void(std::string_view stage, double fraction)>;

// A model that has been looked at.
class Candidate {
 public:
  virtual ~Candidate() = default;
  // Plans it into what is free, and `given_back` with it. Error kMemory with the arithmetic when it does not
  // fit. Nothing is taken.
  virtual void plan(const Shares& given_back) = 0;
  // Carries out the last plan: takes its bytes, loads. All or nothing (contract M4). Once.
  virtual std::unique_ptr<LiveModel> load(const Progress& progress) = 0;
};

class Loader {
 public:
  virtual ~Loader() = default;
  virtual std::unique_ptr<Candidate> open(const LoadSettings& settings) = 0;
};

}  // namespace gantry::fleet
