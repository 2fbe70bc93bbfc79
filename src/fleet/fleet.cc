#include "fleet/fleet.h"

#include <algorithm>
#include <atomic>

#include "base/error.h"

namespace gantry::fleet {
namespace {

class FixedFleet final : public Fleet {
 public:
  explicit FixedFleet(std::vector<Lease> models) : models_(std::move(models)) {}

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
      if (id.empty() || model->card().id == id) return model;
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
  std::atomic<bool> draining_ = false;
};

}  // namespace

std::unique_ptr<Fleet> make_fleet(std::vector<Lease> models) {
  return std::make_unique<FixedFleet>(std::move(models));
}

}  // namespace gantry::fleet
