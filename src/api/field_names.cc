#include "api/field_names.h"

#include <algorithm>

namespace gantry::api {
namespace {

// "prompt" holds "prompt", "prompt[3]" and "prompt.text", not "prompts".
bool holds(std::string_view name, std::string_view path) {
  if (!path.starts_with(name)) return false;
  return path.size() == name.size() || path[name.size()] == '[' || path[name.size()] == '.';
}

}  // namespace

void FieldNames::add(std::string_view neutral, std::string_view written) {
  const auto known = std::ranges::find_if(names_, [&](const auto& name) { return name.first == neutral; });
  if (known != names_.end())
    known->second = written;
  else
    names_.emplace_back(neutral, written);
}

std::string FieldNames::written(std::string_view neutral) const {
  const std::pair<std::string, std::string>* best = nullptr;
  for (const auto& name : names_)
    if (holds(name.first, neutral) && (best == nullptr || name.first.size() > best->first.size()))
      best = &name;
  if (best == nullptr) return std::string(neutral);
  return best->second + std::string(neutral.substr(best->first.size()));
}

}  // namespace gantry::api
