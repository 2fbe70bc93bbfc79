// Compares JSON with a shape. In a shape, strings that begin with '$' stand for kinds: "$string", "$integer",
// "$number", "$bool", "$null", "$any", "$absent", "$string?" (or null), "$prefix:TEXT", "$contains:TEXT".
// Objects may have more members than their shape; with "$only": true they may not. {"$each": SHAPE} is an
// array whose items all have the shape; {"$count": N} one of N items (both may stand together).
#pragma once

#include <string>

#include <nlohmann/json.hpp>

namespace gantry::testing {

// Empty when it fits; else where it does not and why.
std::string misfit(const nlohmann::json& shape, const nlohmann::json& value, const std::string& path = "$");

}  // namespace gantry::testing
