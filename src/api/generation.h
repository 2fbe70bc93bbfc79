// One generating request at work: has its prompts prepared once, starts its choices, gathers their deltas or
// sends them on in the writer's words, and lets go of all of them when one fails or the client goes away.
#pragma once

#include <memory>
#include <string_view>

#include "api/call.h"
#include "api/generate_request.h"
#include "api/writer.h"

namespace gantry::api {

// Of an answer's head: what was to be expected when its request came (engine/outlook.h).
inline constexpr std::string_view kQueuePositionHeader = "x-queue-position",
                                  kExpectedWaitHeader = "x-expected-wait-ms";

// Returns before the answer is there; it comes on the completer's workers. What is wrong with the request, or
// happens before a stream has begun, is answered with the dialect's error.
void generate(const Call& call, GenerateRequest request, std::unique_ptr<Writer> writer);

}  // namespace gantry::api
