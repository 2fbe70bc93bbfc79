// One generating request at work: starts its choices, gathers their deltas into a body or sends them on as
// events, and lets go of all of them when one fails or the client goes away.
#pragma once

#include <memory>

#include "api/openai/request.h"
#include "fleet/fleet.h"
#include "http/reply.h"

namespace gantry::api {

// Returns when all choices run; the answer comes on the completer's workers. Error or Refusal before
// anything was said to the client; nothing runs on then.
void generate(GenerateRequest request, fleet::Lease lease, std::shared_ptr<http::Reply> reply);

}  // namespace gantry::api
