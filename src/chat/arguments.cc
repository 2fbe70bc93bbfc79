#include "chat/arguments.h"

#include <string>
#include <string_view>
#include <vector>

namespace gantry::chat {
namespace {

constexpr size_t kCutsMax = 4;  // places tried, from the end

// What closes the brackets and the string that are open at the end of a text.
struct Open {
  std::string closers;  // of brackets, the innermost last
  bool in_string = false, escaped = false;
};

Open open_after(std::string_view text, std::vector<size_t>& cuts) {
  Open open;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (open.in_string) {
      if (open.escaped)
        open.escaped = false;
      else if (c == '\\')
        open.escaped = true;
      else
        open.in_string = c != '"';
    } else if (c == '"') {
      open.in_string = true;
    } else if (c == '{' || c == '[') {
      open.closers += c == '{' ? '}' : ']';
      cuts.push_back(i + 1);
    } else if ((c == '}' || c == ']') && !open.closers.empty()) {
      open.closers.pop_back();
    } else if (c == ',') {
      cuts.push_back(i);
    }
  }
  return open;
}

std::optional<Json> closed(std::string_view text) {
  std::vector<size_t> cuts;
  const Open open = open_after(text, cuts);
  if (open.closers.size() > Json::kDepthMax) return std::nullopt;
  std::string whole(open.escaped ? text.substr(0, text.size() - 1) : text);
  if (open.in_string) whole += '"';
  whole.append(open.closers.rbegin(), open.closers.rend());
  auto parsed = Json::try_parse(whole);
  return parsed && parsed->is_object() ? parsed : std::nullopt;
}

}  // namespace

Json mended_arguments(const Json& arguments) {
  if (arguments.is_object()) return arguments;
  if (!arguments.is_string()) return Json::object({{"input", arguments}});
  const auto text = arguments.get<std::string_view>();
  if (auto whole = closed(text)) return *whole;
  // A key without its value, or half a word: as far as what is before it.
  std::vector<size_t> cuts;
  open_after(text, cuts);
  for (size_t i = 0; i < kCutsMax && i < cuts.size(); ++i)
    if (auto part = closed(text.substr(0, cuts[cuts.size() - 1 - i])); part && !part->empty()) return *part;
  return Json::object({{"input", text}});
}

}  // namespace gantry::chat
