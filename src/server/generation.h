// One generating request at work: starts its choices, gathers their deltas into a body or sends them on as
// events, and lets go of all of them when one fails or the client goes away.
#pragma once

#include <memory>

#include "fleet/fleet.h"
#include "server/openai_request.h"
#include "server/reply.h"

namespace gantry::server {

// Returns when all choices run; the answer comes on the completer's workers. Error or HttpError before
// anything was said to the client; nothing runs on then.
void generate(GenerateRequest request, fleet::Lease lease, std::shared_ptr<Reply> reply);

}  // namespace gantry::server
