// The names of the request's tools and the types of their arguments. Immutable; any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "text/json.h"

namespace gantry::reply {

// The JSON types that an argument may have.
class ArgumentTypes {
 public:
  enum Type : uint8_t {
    kText = 1,
    kNumber = 2,
    kInteger = 4,
    kBoolean = 8,
    kNull = 16,
    kObject = 32,
    kArray = 64
  };

  constexpr ArgumentTypes() = default;
  constexpr ArgumentTypes(Type type) : bits_(type) {}  // NOLINT(google-explicit-constructor)

  // Nothing is known.
  bool unknown() const { return bits_ == 0; }
  bool only_text() const { return bits_ == kText; }
  bool may(Type type) const { return (bits_ & type) != 0; }
  // Whether the value is of one of these types; an integer is a number too.
  bool allow(const Json& value) const;
  ArgumentTypes& operator|=(ArgumentTypes other) {
    bits_ = static_cast<uint8_t>(bits_ | other.bits_);
    return *this;
  }
  bool operator==(const ArgumentTypes&) const = default;

 private:
  uint8_t bits_ = 0;
};

class ToolTypes {
 public:
  ToolTypes() = default;
  // Tools as in OpenAI's API: a list, or null. Entries of another shape are ignored.
  explicit ToolTypes(const Json& tools);

  bool knows(std::string_view tool) const { return tools_.contains(tool); }
  bool has(std::string_view tool, std::string_view argument) const;
  ArgumentTypes types(std::string_view tool, std::string_view argument) const;

  // The request's tool that runs source code, for models that write code without JSON; empty without one.
  std::string_view code_tool() const;
  // The argument that takes this code: the tool's only one, or "code".
  std::string_view code_argument(std::string_view tool) const;

 private:
  using Arguments = std::map<std::string, ArgumentTypes, std::less<>>;
  std::map<std::string, Arguments, std::less<>> tools_;
};

}  // namespace gantry::reply
