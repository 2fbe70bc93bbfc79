// The models of a fleet as routes see them: the one place where a lease is taken. Thread-safe.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "api/call.h"
#include "fleet/fleet.h"

namespace gantry::api {

class Models {
 public:
  // The fleet outlives this.
  explicit Models(fleet::Fleet& fleet) : fleet_(fleet) {}

  std::vector<fleet::ModelCard> list() const { return fleet_.list(); }
  std::vector<fleet::ModelStats> stats() const { return fleet_.stats(); }

  // Goes on with the model of that id (empty: the only or first one): at once where it is live, otherwise
  // from a request worker once it has come to life; nobody waits for it, and a client that goes away is
  // forgotten. A step that throws, or a model that there is not, is the asker's answer. The caller may not
  // use what `then` holds.
  void with(const std::string& id, const Asker& asker, std::function<void(fleet::Lease)> then) const;

 private:
  fleet::Fleet& fleet_;
};

// 404 model_not_found.
http::Refusal no_such_model(std::string message, const FieldNames& names = {});

}  // namespace gantry::api
