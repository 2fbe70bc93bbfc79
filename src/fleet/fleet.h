// Models at work. A live model is a plan carried out: weights in sealed arenas, an engine, a completer.
// Requests lease it by name; a leased model stays alive until the lease is given back. Thread-safe.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "completion/completion.h"
#include "engine/engine.h"

namespace gantry::fleet {

// What /v1/models and `gantry ps` tell of a model.
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
  bool has_chat_template = false;
  std::string reply_format;  // how reasoning and tool calls are written: a name of reply_formats()
};

class LiveModel {
 public:
  virtual ~LiveModel() = default;
  virtual const ModelCard& card() const = 0;
  virtual completion::Completer& completer() = 0;
  virtual engine::Engine& engine() = 0;
};

using Lease = std::shared_ptr<LiveModel>;

class Fleet {
 public:
  // Cancels what runs and waits until every lease is back; no new ones meanwhile. Not from a thread of a live
  // model.
  virtual ~Fleet() = default;
  virtual std::vector<ModelCard> list() const = 0;
  // By id; an empty name means the only (or first) model. Error kNotFound lists the ids there are.
  virtual Lease lease(std::string_view id) = 0;
  // No new leases; running answers finish within `limit` or are cancelled. True when none was cut.
  virtual bool drain(std::chrono::milliseconds limit) = 0;
};

// A fleet of models that are already live.
std::unique_ptr<Fleet> make_fleet(std::vector<Lease> models);

}  // namespace gantry::fleet
