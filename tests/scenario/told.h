// What a client was told, as text that can be compared: the whole answer, without what is no part of it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "tests/scenario/raw_client.h"

namespace gantry::testing {

// Status, header fields and body, byte for byte, but for
//   - what names one exchange or its time: the ids of answers, "created", date and x-request-id, and with
//   them
//     the body's length;
//   - ids of calls that are drawn at random. One that the model wrote (a part of `written`) stays;
//   - "cached_tokens", x-queue-position, x-expected-wait-ms: what was found in the cache and who waited are
//     facts about the load, said so that clients learn of it; the answer does not depend on them;
//   - the order of a stream's events of different choices: each is generated at a pace of its own. Those of
//   one
//     choice stay in their order, each with its borders.
// Comments of a stream are dropped: they say that time passes.
std::string told(const std::optional<RawResponse>& response, std::string_view written);

// Where and how two of them differ; empty when they are equal.
std::string difference(std::string_view alone, std::string_view crowded);

}  // namespace gantry::testing
