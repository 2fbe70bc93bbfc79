#include "fleet/fleet.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>

#include "base/error.h"

namespace gantry::fleet {
namespace {

// Counts what is lent, so that a model never goes with the last lease: that one is given back on whatever
// thread spoke last, often one of the model's own, and no thread can wait for its own end.
class Ledger {
 public:
  void lend() {
    const std::lock_guard lock(mutex_);
    ++lent_;
  }
  void give_back() {
    const std::lock_guard lock(mutex_);
    if (--lent_ == 0) all_back_.notify_all();  // under the lock: the ledger may go as soon as it is released
  }
  void wait_until_all_are_back() {
    std::unique_lock lock(mutex_);
    all_back_.wait(lock, [this] { return lent_ == 0; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable all_back_;
  uint64_t lent_ = 0;
};

class FixedFleet final : public Fleet {
 public:
  explicit FixedFleet(std::vector<Lease> models) : models_(std::move(models)) {}

  // Whoever still listens to an answer is told that it is cancelled, and gives its lease back.
  ~FixedFleet() override {
    drain(std::chrono::milliseconds(0));
    ledger_.wait_until_all_are_back();
  }

  std::vector<ModelCard> list() const override {
    std::vector<ModelCard> cards;
    for (const Lease& model : models_) cards.push_back(model->card());
    return cards;
  }

  Lease lease(std::string_view id) override {
    if (draining_.load())
      throw Error(ErrorCode::kShuttingDown, "the server is shutting down", "", "try again later");
    std::string known;
    for (const Lease& model : models_) {
      if (id.empty() || model->card().id == id) {
        ledger_.lend();
        return {model.get(), [this](LiveModel*) { ledger_.give_back(); }};
      }
      known += (known.empty() ? "" : ", ") + model->card().id;
    }
    throw Error(ErrorCode::kNotFound, "no such model: '" + std::string(id) + "'", "model",
                known.empty() ? "no model is loaded" : "there is: " + known);
  }

  bool drain(std::chrono::milliseconds limit) override {
    draining_.store(true);
    const auto deadline = std::chrono::steady_clock::now() + limit;
    bool whole = true;
    for (const Lease& model : models_) {
      const auto left =
          std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
      whole &= model->engine().drain(std::max(left, std::chrono::milliseconds(0)));
    }
    return whole;
  }

 private:
  const std::vector<Lease> models_;
  Ledger ledger_;
  std::atomic<bool> draining_ = false;
};

}  // namespace

std::unique_ptr<Fleet> make_fleet(std::vector<Lease> models) {
  return std::make_unique<FixedFleet>(std::move(models));
}

}  // namespace gantry::fleet
