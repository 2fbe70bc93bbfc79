// The models of a fleet as routes see them: the one place where a lease is taken. Thread-safe.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "api/call.h"
#include "api/work_queue.h"
#include "fleet/fleet.h"

namespace gantry::api {

class Models {
 public:
  // The fleet outlives this. Who waited for a model goes on from `work`.
  Models(fleet::Fleet& fleet, std::shared_ptr<WorkQueue> work) : fleet_(fleet), work_(std::move(work)) {}

  std::vector<fleet::ModelCard> list() const { return fleet_.list(); }

  // Goes on with the model of that id (empty: the only or first one): at once where it is live, otherwise
  // from a request worker once it has come to life; nobody waits for it, and a client that goes away is
  // forgotten. A step that throws, or a model that there is not, is the asker's answer. The caller may not
  // use what `then` holds.
  void with(const std::string& id, const Asker& asker, std::function<void(fleet::Lease)> then) const;

 private:
  fleet::Fleet& fleet_;
  const std::shared_ptr<WorkQueue> work_;  // of its own right: a lease may come when the server has gone
};

// 404 model_not_found.
http::Refusal no_such_model(std::string message, const FieldNames& names = {});

}  // namespace gantry::api
