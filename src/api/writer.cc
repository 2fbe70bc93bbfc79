#include "api/writer.h"

#include <utility>

#include "text/utf8.h"

namespace gantry::api {

double per_second(uint64_t tokens, std::chrono::nanoseconds time) {
  return time.count() > 0 ? static_cast<double>(tokens) / std::chrono::duration<double>(time).count() : 0;
}

void Choice::add(completion::Delta delta) {
  reasoning += delta.reasoning;
  text += delta.text;
  if (delta.is_echo) echoed_characters += text::characters(delta.text);
  for (completion::CallDelta& call : delta.calls) {
    if (call.begins)
      calls.push_back(std::move(call));
    else if (!calls.empty())
      calls.back().arguments += call.arguments;
  }
  for (completion::TokenReport& report : delta.tokens) tokens.push_back(std::move(report));
  if (delta.finish == completion::Finish::kNone) return;
  finish = delta.finish;
  stop_string = std::move(delta.stop_string);
  usage = delta.usage;
}

}  // namespace gantry::api
