// What a client calls the fields of the neutral request where it calls them otherwise. Errors from below name
// a field as the house does ("max_tokens", "messages[1].content"); a client is told its own word for it
// ("max_completion_tokens", "system").
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gantry::api {

class FieldNames {
 public:
  // Also for all that is inside of `neutral`: "prompt" stands for "prompt[3]" too. A later name of the same
  // field takes the earlier one's place.
  void add(std::string_view neutral, std::string_view written);

  // The longest name that is a beginning of the path decides; without one the path stays as it is.
  std::string written(std::string_view neutral) const;

 private:
  std::vector<std::pair<std::string, std::string>> names_;
};

}  // namespace gantry::api
