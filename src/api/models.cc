#include "api/models.h"

#include <utility>

#include "api/refusals.h"

namespace gantry::api {

http::Refusal no_such_model(std::string message, const FieldNames& names) {
  return {404, "model_not_found", std::move(message), names.written("model")};
}

void Models::with(const std::string& id, const Asker& asker, std::function<void(fleet::Lease)> then) const {
  asker.attempt([&] {
    fleet::Lease lease;
    try {
      lease = fleet_.lease_now(id);
    } catch (const Error& error) {
      if (error.code() != ErrorCode::kNotFound) throw;
      throw no_such_model(refusal_of(error, asker.names).message(), asker.names);
    }
    then(std::move(lease));
  });
}

}  // namespace gantry::api
