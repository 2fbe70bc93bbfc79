#include "api/models.h"

#include <algorithm>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "api/refusals.h"

namespace gantry::api {
namespace {

// A lease may come before its asker has said what happens when the client goes away: then it waits for that.
// A Generation says it anew, and must be the last to do so.
class Wish {
 public:
  void come(std::function<void()> step) {
    {
      const std::lock_guard lock(mutex_);
      if (!prepared_) {
        step_ = std::move(step);
        return;
      }
    }
    step();
  }
  void prepared() {
    std::function<void()> step;
    {
      const std::lock_guard lock(mutex_);
      prepared_ = true;
      step.swap(step_);
    }
    if (step) step();
  }

 private:
  std::mutex mutex_;
  std::function<void()> step_;
  bool prepared_ = false;
};

using Then = std::function<void(fleet::Lease)>;

bool is_of_the_request(const Error& error) {
  return error.code() == ErrorCode::kBusy || error.code() == ErrorCode::kShuttingDown;
}

// The fleet knows no such name; a model whose file is gone is not found either, but by its path.
bool is_unknown(const Error& error) {
  return error.code() == ErrorCode::kNotFound && error.where() == "model";
}

// A model that could not be loaded: no field of the request is wrong.
http::Refusal broken_model(const Error& error) {
  const ErrorFacts& facts = error_facts(error.code());
  return {std::max(facts.http_status, 500), facts.name, error.what()};
}

void go_on(const Asker& asker, const Then& then, const fleet::Lease& lease,
           const std::optional<Error>& error) {
  if (!error) return then(lease);
  if (is_of_the_request(*error)) throw Error(*error);
  if (!is_unknown(*error)) throw broken_model(*error);
  throw no_such_model(refusal_of(*error, asker.names).message(), asker.names);
}

}  // namespace

http::Refusal no_such_model(std::string message, const FieldNames& names) {
  return {404, "model_not_found", std::move(message), names.written("model")};
}

void Models::with(const std::string& id, const Asker& asker, Then then) const {
  const auto wish = std::make_shared<Wish>();
  auto ready = [asker, then = std::move(then), wish, here = std::this_thread::get_id()](
                   const fleet::Lease& lease, const std::optional<Error>& error) {
    if (std::this_thread::get_id() == here) return asker.attempt([&] { go_on(asker, then, lease, error); });
    // On the fleet's thread, where nothing may take its time.
    wish->come([asker, then, lease, error] {
      asker.post([asker, then, lease, error] { go_on(asker, then, lease, error); });
    });
  };
  const fleet::Fleet::Ticket ticket = fleet_.lease(id, std::move(ready));
  if (ticket == fleet::Fleet::kAnswered) return;
  asker.reply->on_gone([&fleet = fleet_, ticket] { fleet.withdraw(ticket); });
  wish->prepared();
}

}  // namespace gantry::api
