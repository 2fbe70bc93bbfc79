// Any bytes as a chat template, rendered with a fixed conversation under small limits: an answer or a
// TemplateError, in bounded time and memory. The first byte chooses the options. What is marked as given lies
// in the text, in order and apart; and the text is the same whosever words the context's are.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "jinja/chat_template.h"

namespace {

const gantry::Json& context() {
  static const gantry::Json json = gantry::Json::parse(R"({
    "messages": [
      {"role": "system", "content": "Be \"brief\".\n"},
      {"role": "user", "content": [{"type": "text", "text": "naïve 世界 👋🏽"}]},
      {"role": "assistant", "content": null, "tool_calls": [
        {"id": "a1", "type": "function", "function": {"name": "f", "arguments": {"x": 1.5, "y": [true, null]}}}]},
      {"role": "tool", "content": "{}", "tool_call_id": "a1"}],
    "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}],
    "documents": null, "add_generation_prompt": true, "bos_token": "<s>", "eos_token": "</s>",
    "n": 7, "s": "Hello World", "l": [3, 1, 2], "d": {"k": "v", "items": 1}})");
  return json;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  gantry::jinja::TemplateOptions options;
  options.trim_blocks = (data[0] & 1u) != 0;
  options.lstrip_blocks = (data[0] & 2u) != 0;
  options.keep_trailing_newline = (data[0] & 4u) != 0;
  options.mutable_containers = (data[0] & 8u) != 0;
  gantry::jinja::RenderLimits limits;
  limits.output_bytes = size_t{1} << 16;
  limits.steps = 200'000;
  std::string_view source(reinterpret_cast<const char*>(data) + 1, size - 1);
  constexpr int64_t kNow = 1741525507;
  try {
    const auto parsed = gantry::jinja::ChatTemplate::parse(source, options);
    const auto marked = parsed->render_marked(context(), {}, limits, kNow);
    size_t end = 0;
    for (const gantry::Range& range : marked.given) {
      GANTRY_CHECK(range.begin < range.end && range.end <= marked.text.size());
      GANTRY_CHECK(range.begin > end || (range.begin == 0 && end == 0));
      end = range.end;
    }
    static const gantry::jinja::HouseWords all{
        .variables = {"tools", "documents", "bos_token", "eos_token", "s", "l", "d"},
        .members = {"role", "content"},
        .words = {{.message = 3, .member = "tool_call_id", .range = {1, 9}}}};
    GANTRY_CHECK(parsed->render_marked(context(), all, limits, kNow).text == marked.text);
  } catch (const gantry::jinja::TemplateError&) {
  }
  return 0;
}
