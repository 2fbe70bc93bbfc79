// JSON as the API, the chat templates and the reply formats pass it around.
#pragma once

#include <nlohmann/json.hpp>

namespace gantry {

using Json = nlohmann::ordered_json;  // keeps the order of keys: tool schemas are printed as they came

}  // namespace gantry
