#include "tests/scenario/told.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstddef>
#include <cstdlib>
#include <vector>

#include <fmt/format.h>

namespace gantry::testing {
namespace {

constexpr size_t kShown = 240;  // bytes on either side of a difference

bool is_digit(char c) { return std::isdigit(static_cast<unsigned char>(c)) != 0; }

// Of numbers behind `key` only that they were there. In text a quote has a backslash before it, so that no
// text looks like a key.
void blank_numbers(std::string& text, std::string_view key) {
  for (size_t at = text.find(key); at != std::string::npos; at = text.find(key, at + 1)) {
    const size_t from = at + key.size();
    const size_t to = static_cast<size_t>(
        std::find_if_not(text.begin() + static_cast<std::ptrdiff_t>(from), text.end(), is_digit) -
        text.begin());
    if (to > from) text.replace(from, to - from, "*");
  }
}

// "chatcmpl-...", "cmpl-..." and "call_...".
bool drawn(std::string_view id, std::string_view written) {
  if (!written.empty() && written.find(id) != std::string_view::npos) return false;
  return std::ranges::any_of(std::array<std::string_view, 3>{"chatcmpl-", "cmpl-", "call_"},
                             [&](std::string_view prefix) { return id.starts_with(prefix); });
}

void blank_ids(std::string& text, std::string_view written) {
  constexpr std::string_view kKey = "\"id\":\"";
  for (size_t at = text.find(kKey); at != std::string::npos; at = text.find(kKey, at + 1)) {
    const size_t from = at + kKey.size(), to = std::min(text.find('"', from), text.size());
    if (drawn(std::string_view(text).substr(from, to - from), written)) text.replace(from, to - from, "*");
  }
}

struct Event {
  std::string text;
  long choice = -1;  // of none
};

std::vector<Event> split(std::string_view body) {
  constexpr std::string_view kEnd = "\n\n", kChoice = "\"choices\":[{\"index\":";
  std::vector<Event> events;
  while (!body.empty()) {
    const size_t end = body.find(kEnd), size = end == std::string_view::npos ? body.size() : end + 2;
    Event event{std::string(body.substr(0, size))};
    body.remove_prefix(size);
    if (event.text.starts_with(":")) continue;
    if (const size_t at = event.text.find(kChoice); at != std::string::npos)
      event.choice = std::strtol(event.text.c_str() + at + kChoice.size(), nullptr, 10);
    events.push_back(std::move(event));
  }
  return events;
}

// Choices one after the other, as long as there is nothing else between them.
std::string arranged(std::string_view body) {
  std::vector<Event> events = split(body);
  for (auto from = events.begin(); from != events.end();) {
    const auto to = std::find_if(from, events.end(), [](const Event& event) { return event.choice < 0; });
    std::stable_sort(from, to, [](const Event& a, const Event& b) { return a.choice < b.choice; });
    from = to == events.end() ? to : to + 1;
  }
  std::string out;
  for (const Event& event : events) out += event.text;
  return out;
}

std::string around(std::string_view text, size_t at) {
  const size_t from = at - std::min(at, kShown);
  return std::string(text.substr(from, at - from)) + " >>> " + std::string(text.substr(at, kShown));
}

}  // namespace

std::string told(const std::optional<RawResponse>& response, std::string_view written) {
  if (!response) return "no whole answer";
  std::string out = std::to_string(response->status) + "\n";
  for (const auto& [name, value] : response->headers)
    if (name != "date" && name != "x-request-id" && name != "content-length" && name != "x-queue-position" &&
        name != "x-expected-wait-ms")
      out += name + ": " + value + "\n";
  const bool stream = response->header("content-type").starts_with("text/event-stream");
  std::string body = stream ? arranged(response->body) : response->body;
  blank_ids(body, written);
  blank_numbers(body, "\"created\":");
  blank_numbers(body, "\"cached_tokens\":");
  return out + "\n" + body;
}

std::string difference(std::string_view alone, std::string_view crowded) {
  if (alone == crowded) return {};
  const size_t at = static_cast<size_t>(
      std::mismatch(alone.begin(), alone.end(), crowded.begin(), crowded.end()).first - alone.begin());
  return fmt::format("they part at byte {}\nalone:   {}\ncrowded: {}", at, around(alone, at),
                     around(crowded, at));
}

}  // namespace gantry::testing
