// Converts arguments in another notation to JSON: Python's keyword arguments and the like, with a family's
// own quotes, unquoted keys, True, False and None. The text comes in pieces; whatever is certain is converted
// at once. One call, one thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace gantry::reply {

inline constexpr size_t kLiteralDepthMax = 128;
inline constexpr size_t kLiteralWordBytesMax = 1024;

struct LiteralRules {
  std::vector<std::string> quotes = {};  // each opens and closes a string
  bool escapes = false;                  // backslashes in strings are Python's escapes
  char key_end = ':';                    // between the outermost keys and their values
};

class LiteralReader {
 public:
  enum class Went : uint8_t { kMore, kDone, kFailed };

  // Starts after the opening bracket of the arguments, which end with `close`. `rules` outlives the reader.
  void begin(const LiteralRules& rules, char close);

  // Consumes text from the front of `rest` and appends its JSON to `json`. `over`: no more text will come, so
  // what is unfinished is converted as far as it came.
  Went read(std::string_view& rest, bool over, std::string& json);

 private:
  enum class State : uint8_t { kItem, kKeyEnd, kValue, kString, kWord, kAfter };
  enum class Step : uint8_t { kOn, kWait, kDone, kFail };

  Step step(std::string_view& rest, bool over, std::string& json);
  Step item(std::string_view& rest, bool over, std::string& json);
  Step value(std::string_view& rest, bool over, std::string& json);
  Step string(std::string_view& rest, bool over, std::string& json);
  Step escape(std::string_view& rest, bool over, std::string& json);
  Step word(std::string_view& rest, bool over, std::string& json);
  Step after(std::string_view& rest, std::string& json);
  Step open_string(std::string_view& rest, bool over, std::string& json, bool& found);
  Step open(char close, bool object, std::string& json);
  Step close(std::string_view& rest, std::string& json);
  bool ends_string(std::string_view rest, bool over, bool& wait) const;

  struct Container {
    char close;
    bool object, empty;
  };

  const LiteralRules* rules_ = nullptr;
  State state_ = State::kItem;
  std::vector<Container> open_;
  std::string quote_;
  bool in_key_ = false;
};

// The JSON of a Python literal: list, tuple, dict, True, False or None; empty for everything else.
std::string json_of_literal(std::string_view text);

const LiteralRules& python_rules();

}  // namespace gantry::reply
