#include "api/models.h"

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

void go_on(const Asker& asker, const Then& then, const fleet::Lease& lease,
           const std::optional<Error>& error) {
  asker.attempt([&] {
    if (!error) return then(lease);
    if (error->code() != ErrorCode::kNotFound) throw Error(*error);
    throw no_such_model(refusal_of(*error, asker.names).message(), asker.names);
  });
}

}  // namespace

http::Refusal no_such_model(std::string message, const FieldNames& names) {
  return {404, "model_not_found", std::move(message), names.written("model")};
}

void Models::with(const std::string& id, const Asker& asker, Then then) const {
  const auto wish = std::make_shared<Wish>();
  auto ready = [asker, then = std::move(then), work = work_, wish, here = std::this_thread::get_id()](
                   const fleet::Lease& lease, const std::optional<Error>& error) {
    if (std::this_thread::get_id() == here) return go_on(asker, then, lease, error);
    // On the fleet's thread, where nothing may take its time.
    wish->come([asker, then, work, lease, error] {
      const bool taken = work->try_post([asker, then, lease, error] { go_on(asker, then, lease, error); });
      if (!taken) asker.attempt([] { throw Error(ErrorCode::kBusy, "too many requests are waiting"); });
    });
  };
  const fleet::Fleet::Ticket ticket = fleet_.lease(id, std::move(ready));
  if (ticket == fleet::Fleet::kAnswered) return;
  asker.reply->on_gone([&fleet = fleet_, ticket] { fleet.withdraw(ticket); });
  wish->prepared();
}

}  // namespace gantry::api
