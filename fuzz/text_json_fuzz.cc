// Any bytes as JSON: taken or refused as nlohmann's own tree takes them, but for what is nested too deep;
// what is written of it reads back as the same, and a copy of it changes as it would.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include <nlohmann/json.hpp>

#include "base/check.h"
#include "text/json.h"

namespace {

using gantry::Json;

// Brackets outside strings that are open at a time; of what is JSON.
size_t depth_of(std::string_view text) {
  size_t depth = 0, deepest = 0;
  bool quoted = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted && c == '\\') {
      ++i;
    } else if (c == '"') {
      quoted = !quoted;
    } else if (!quoted && (c == '[' || c == '{')) {
      deepest = std::max(deepest, ++depth);
    } else if (!quoted && (c == ']' || c == '}')) {
      --depth;
    }
  }
  return deepest;
}

// Every key of every object is found where it stands.
void check_keys(const Json& json) {
  if (!json.is_structured()) return;
  for (const auto& [key, value] : json.items()) GANTRY_CHECK(&json[key] == &value);
  for (const Json& value : json) check_keys(value);
}

// Objects lose every other key and get it again, at their end.
void change(Json& json) {
  if (!json.is_object()) return;
  const Json before = json;
  size_t at = 0;
  for (const auto& [key, value] : before.items())
    if (++at % 2 == 0) GANTRY_CHECK(json.erase(key) == 1);
  check_keys(json);
  at = 0;
  for (const auto& [key, value] : before.items())
    if (++at % 2 == 0) json[key] = value;
  check_keys(json);
  GANTRY_CHECK(json.size() == before.size());
  for (const auto& [key, value] : before.items()) GANTRY_CHECK(json[key] == value);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::optional<Json> json = Json::try_parse(text);
  GANTRY_CHECK(json.has_value() == Json::accept(text));
  if (!json) {
    GANTRY_CHECK(!nlohmann::json::accept(text) || depth_of(text) > Json::kDepthMax);
    return 0;
  }
  const auto other = nlohmann::ordered_json::parse(text);
  const std::string written = json->dump();
  GANTRY_CHECK(nlohmann::ordered_json::parse(written) == other);
  GANTRY_CHECK(Json::parse(written) == *json);
  GANTRY_CHECK(Json::parse(json->dump(1)) == *json);
  GANTRY_CHECK(Json::parse(other.dump()) == *json);
  check_keys(*json);
  Json copy = *json;
  GANTRY_CHECK(copy == *json);
  change(copy);
  return 0;
}
