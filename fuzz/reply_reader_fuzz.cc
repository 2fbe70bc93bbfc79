// Any text as a model's reply, in any format and cut anywhere: calls begin and end in order, and what is
// found does not depend on the pieces. The first bytes choose the format, the tools and where to cut.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "reply/reply_reader.h"

namespace {

using gantry::reply::ReplyEvent;
using gantry::reply::ReplyKind;

const gantry::Json& tools() {
  static const gantry::Json json = gantry::Json::parse(R"([
    {"type": "function", "function": {"name": "f", "parameters": {"type": "object",
     "properties": {"a": {"type": "string"}, "n": {"type": ["integer", "string"]}}}}},
    {"type": "function", "function": {"name": "python"}}])");
  return json;
}

// One event for each run of one kind.
void join(std::vector<ReplyEvent>& all, std::vector<ReplyEvent> more) {
  for (ReplyEvent& event : more) {
    const bool text = event.kind != ReplyKind::kCallBegin && event.kind != ReplyKind::kCallEnd;
    if (text && !all.empty() && all.back().kind == event.kind)
      all.back().text += event.text;
    else
      all.push_back(std::move(event));
  }
}

// The end of the prompt may have opened reasoning, or a header.
std::string prompt_of(const gantry::reply::ReplyFormat& format, uint8_t flags) {
  if ((flags & 2U) != 0 && !format.reasoning.empty())
    return format.reasoning[(flags >> 3U) % format.reasoning.size()].open;
  if ((flags & 4U) != 0 && !format.channels.begins.empty()) return format.channels.begins[0];
  return "";
}

std::vector<ReplyEvent> read(uint8_t which, uint8_t flags, std::string_view text, size_t piece) {
  const auto& formats = gantry::reply::reply_formats();
  const gantry::reply::ReplyFormat& format = formats[which % formats.size()];
  const std::string prompt = prompt_of(format, flags);
  gantry::reply::ReplyReader reader(format,
                                    {.tools = (flags & 1U) != 0, .tool_list = tools(), .prompt = prompt});
  std::vector<ReplyEvent> all;
  for (size_t at = 0; at < text.size(); at += piece) join(all, reader.push(text.substr(at, piece)));
  join(all, reader.finish());
  return all;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 3) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 3, size - 3);
  const auto whole = read(data[0], data[1], text, text.size() + 1);
  GANTRY_CHECK(whole == read(data[0], data[1], text, 1U + data[2] % 16U));
  bool open = false;
  uint32_t calls = 0;
  for (const ReplyEvent& event : whole) {
    if (event.kind == ReplyKind::kCallBegin) {
      GANTRY_CHECK(!open && event.call == calls);
      ++calls;
    }
    if (event.kind == ReplyKind::kArguments || event.kind == ReplyKind::kCallEnd) GANTRY_CHECK(open);
    if (event.kind == ReplyKind::kCallBegin) open = true;
    if (event.kind == ReplyKind::kCallEnd) open = false;
  }
  GANTRY_CHECK(!open);
  return 0;
}
