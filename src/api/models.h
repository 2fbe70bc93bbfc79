// The model that a request names. Thread-safe.
#pragma once

#include <string>

#include "fleet/fleet.h"
#include "http/http.h"

namespace gantry::api {

// Refusal 404 (model_not_found) that lists the models there are; an empty id means the only one.
inline fleet::Lease lease_model(fleet::Fleet& fleet, const std::string& id) {
  try {
    return fleet.lease_now(id);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kNotFound) throw;
    throw http::Refusal(404, "model_not_found", error.what(), "model");
  }
}

}  // namespace gantry::api
