#include "bench/piece.h"

#include <algorithm>

#include "bench/reply_reader.h"
#include "text/json.h"

namespace gantry::bench {
namespace {

constexpr size_t kWordsMax = 300;  // bytes of a server's error that are repeated
constexpr uint64_t kTokensSane = uint64_t{1} << 40;

// Null where there is no such member, or what should have it is no object.
const Json* member(const Json* of, std::string_view key) {
  if (of == nullptr || !of->is_object()) return nullptr;
  const auto found = of->find(key);
  return found == of->end() ? nullptr : &*found;
}

std::string text_of(const Json* value) {
  return value != nullptr && value->is_string() ? value->get<std::string>() : std::string();
}

uint64_t count_of(const Json* value) {
  if (value == nullptr || !value->is_number()) return 0;
  const double number = value->get<double>();
  return number > 0 ? static_cast<uint64_t>(std::min(number, static_cast<double>(kTokensSane))) : 0;
}

std::string calls_of(const Json* calls) {
  std::string out;
  if (calls == nullptr || !calls->is_array()) return out;
  for (const Json& call : *calls) {
    const Json* function = member(&call, "function");
    out += text_of(member(function, "name")) + text_of(member(function, "arguments"));
  }
  return out;
}

void read_choice(const Json& choice, Piece& out) {
  const Json* finish = member(&choice, "finish_reason");
  out.finished |= finish != nullptr && !finish->is_null();
  out.text += text_of(member(&choice, "text"));
  const Json* delta = member(&choice, "delta");
  for (const char* key : {"reasoning_content", "reasoning", "content"})
    out.text += text_of(member(delta, key));
  out.text += calls_of(member(delta, "tool_calls"));
}

std::string words_of(const Json& error) {
  if (error.is_string()) return error.get<std::string>();
  const std::string message = text_of(member(&error, "message"));
  return message.empty() ? error.dump() : message;
}

std::string one_line(std::string_view text) {
  std::string out;
  for (const char c : text.substr(0, kWordsMax)) out += c >= 0x20 && c < 0x7f ? c : ' ';
  while (out.ends_with(' ')) out.pop_back();
  if (text.size() > kWordsMax) out += "...";
  return out;
}

}  // namespace

Piece read_piece(std::string_view data) {
  Piece out;
  if (data == "[DONE]") {
    out.is_end = true;
    return out;
  }
  const auto json = Json::try_parse(data);
  if (!json || !json->is_object())
    throw ReplyFault("an event of the stream is no JSON object: " + one_line(data));
  if (const Json* error = member(&*json, "error"); error != nullptr && !error->is_null()) {
    out.error = one_line(words_of(*error));
    return out;
  }
  if (const Json* choices = member(&*json, "choices"); choices != nullptr && choices->is_array())
    for (const Json& choice : *choices) read_choice(choice, out);
  const Json* usage = member(&*json, "usage");
  if (usage != nullptr && usage->is_object()) {
    out.usage =
        Usage{count_of(member(usage, "prompt_tokens")), count_of(member(usage, "completion_tokens")), {}};
    if (const Json* cached = member(member(usage, "prompt_tokens_details"), "cached_tokens"))
      out.usage->cached = count_of(cached);
  }
  return out;
}

std::string error_words(std::string_view body) {
  const auto json = Json::try_parse(body);
  if (!json) return one_line(body);
  for (const char* key : {"error", "detail", "message"})
    if (const Json* found = member(&*json, key); found != nullptr && !found->is_null())
      return one_line(words_of(*found));
  return one_line(body);
}

}  // namespace gantry::bench
