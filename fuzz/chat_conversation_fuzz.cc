// Any messages and tools, through templates that have few words: a prompt, or an error that names a field.
// The first byte chooses the template, the rest is {"messages", "tools", "chat_template_kwargs"} as JSON.
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/check.h"
#include "base/error.h"
#include "chat/arguments.h"
#include "chat/conversation.h"
#include "chat/messages.h"
#include "chat/tools.h"

namespace {

using namespace gantry;

// Everything; turns that alternate, calls in tags; parts only, nine letters, one call.
constexpr std::array<std::string_view, 3> kTemplates = {
    "{% for m in messages %}{{ m }}{% endfor %}{{ tools }}",
    "{# <tool_call> #}{% for m in messages %}{% if (m.role == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('no') }}{% endif %}{{ m.role + m.content }}{% endfor %}",
    "{# [TOOL_CALLS] tools #}{% for m in messages %}{% for p in m.content or [] %}{{ p.text }}{% endfor %}"
    "{% for c in m.tool_calls or [] %}{% if c.id | length != 9 or m.tool_calls | length > 1 %}"
    "{{ raise_exception('no') }}{% endif %}{{ c.function.name }}{% for k, v in c.function.arguments.items() "
    "%}"
    "{{ k }}{{ v }}{% endfor %}{% endfor %}{% endfor %}"};

chat::ConversationRenderer make(std::string_view source) {
  return *chat::ConversationRenderer::create(source, "<s>", "</s>",
                                             {.limits = {.output_bytes = 1U << 20, .steps = 200'000}});
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const std::array renderers = {make(kTemplates[0]), make(kTemplates[1]), make(kTemplates[2])};
  if (size < 1) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  GANTRY_CHECK(chat::mended_arguments(text).is_object());
  const std::optional<Json> body = Json::try_parse(text);
  if (!body || !body->is_object() || !body->contains("messages")) return 0;
  try {
    chat::Conversation conversation;
    conversation.messages = chat::normalise_messages((*body)["messages"], {.keep_developer = true});
    if (body->contains("tools")) conversation.tools = chat::normalise_tools((*body)["tools"]);
    if (body->contains("chat_template_kwargs"))
      conversation.chat_template_kwargs = (*body)["chat_template_kwargs"];
    renderers[data[0] % renderers.size()].render(conversation, 0);
  } catch (const Error& error) {
    GANTRY_CHECK(!error.message().empty());
  }
  return 0;
}
