#include "tests/reply/spoken_reply.h"

#include <algorithm>

namespace gantry::reply::testing {
namespace {

std::string_view trimmed(std::string_view text) {
  const size_t last = text.find_last_not_of(" \t\r\n");
  return text.substr(0, last == std::string_view::npos ? 0 : last + 1);
}

bool ends_in(std::string_view prompt, std::string_view marker) {
  return !trimmed(marker).empty() && trimmed(prompt).ends_with(trimmed(marker));
}

// Families whose replies are messages with headers.
class Messages {
 public:
  explicit Messages(const Channels& channels) : channels_(channels) {
    if (!channels.ends.empty()) start_ = channels.begins[0] + "assistant";
  }

  void add(const std::string& to, const std::string& text) {
    const bool on_channel = !channels_.channel.empty();
    const std::string& address = on_channel ? channels_.channel : channels_.recipient;
    begin(on_channel || start_.empty() ? "" : " ");
    text_ += address + to + channels_.message + text + (channels_.ends.empty() ? "" : channels_.ends[0]);
  }
  void add_call(const std::string& written) {
    begin(written.starts_with(channels_.recipient) && !start_.empty() ? " " : "");
    text_ += written;
  }
  // Without the beginning that the prompt has written.
  std::string behind(std::string_view prompt) const {
    for (const std::string& begun : {start_, channels_.begins[0]})
      if (!begun.empty() && prompt.ends_with(begun) && text_.starts_with(begun))
        return text_.substr(begun.size());
    return text_;
  }

 private:
  void begin(const char* gap) { text_ += start_ + gap; }

  const Channels& channels_;
  std::string start_, text_;
};

std::string speak_in_messages(const ReplyFormat& format, const Spoken& spoken, std::string_view prompt,
                              const ToolTypes& types) {
  const Channels& channels = format.channels;
  Messages messages(channels);
  if (!spoken.thought.empty() && can_think(format, prompt))
    messages.add(channels.reasoning[0], spoken.thought);
  if (!spoken.words.empty())
    messages.add(channels.content.empty() ? "final" : channels.content[0], spoken.words);
  for (const WrittenCall& call : spoken.calls)
    messages.add_call(write_calls(format, std::span(&call, 1), types).text());
  return messages.behind(prompt);
}

}  // namespace

bool can_think(const ReplyFormat& format, std::string_view prompt) {
  if (!format.channels.message.empty()) return !format.channels.reasoning.empty();
  const bool closed =
      std::ranges::any_of(format.reasoning, [&](const Span& span) { return ends_in(prompt, span.close); });
  return !format.reasoning.empty() && !closed;
}

std::string speak(const ReplyFormat& format, const Spoken& spoken, std::string_view prompt,
                  const ToolTypes& types) {
  if (!format.channels.message.empty()) return speak_in_messages(format, spoken, prompt, types);
  std::string out;
  const auto opened =
      std::ranges::find_if(format.reasoning, [&](const Span& span) { return ends_in(prompt, span.open); });
  if (opened != format.reasoning.end())
    out = spoken.thought + opened->close;
  else if (!spoken.thought.empty() && can_think(format, prompt))
    out = format.reasoning[0].open + spoken.thought + format.reasoning[0].close;
  if (spoken.calls.empty())
    return out + (format.answer.empty() ? spoken.words
                                        : format.answer[0].open + spoken.words + format.answer[0].close);
  return out + spoken.words + write_calls(format, spoken.calls, types, !spoken.words.empty()).text();
}

}  // namespace gantry::reply::testing
