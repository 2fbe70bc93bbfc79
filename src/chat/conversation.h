// From a model's template and a request's conversation to the text of the prompt. Immutable: any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "chat/message.h"
#include "jinja/chat_template.h"
#include "reply/reply_format.h"

namespace gantry::chat {

struct Conversation {
  Messages messages;                    // as normalise_messages returns them, developers kept
  Json tools = nullptr;                 // as normalise_tools returns them: null or a list
  Json documents = nullptr;             // null or a list
  Json chat_template_kwargs = nullptr;  // null or an object: further variables (enable_thinking, ...)
  bool add_generation_prompt = true;
  // How much the model is to think: "none", "low", "high", ...; "on": as much as it likes; empty: not said.
  std::string reasoning_effort = {};
};

struct RendererOptions {
  jinja::RenderLimits limits = {};
  // How the family writes calls; nullptr: what the template says.
  const reply::ReplyFormat* format = nullptr;
  // What the template has no words for is refused instead of said otherwise.
  bool strict = false;
};

// What a conversation came to.
struct Rendered {
  std::string text;
  // What of it the request brought along: messages, tools, documents, kwargs. It is text and nothing else
  // (T2).
  std::vector<jinja::Range> given = {};
  // What had to be said otherwise than the client said it, by name, in order (docs/formats/conversations.md).
  std::vector<std::string> changes = {};
};

class Knowledge;
struct Missing;

class ConversationRenderer {
 public:
  // A model without a template (empty source): nullopt, and the caller decides. Throws gantry::Error
  // kTemplate for a template that does not parse. The token strings are what templates write as bos_token and
  // eos_token. What the template can say is found out here, by rendering small conversations.
  static std::optional<ConversationRenderer> create(std::string_view template_source, std::string bos_token,
                                                    std::string eos_token,
                                                    const RendererOptions& options = {});

  // The template's own words; where it has none for something, that is said otherwise (changes.h), and the
  // change named. Throws gantry::Error: kTemplate with the template's words (raise_exception) or with Jinja's
  // complaint and its line; kTooLarge over a limit; kInvalidRequest for kwargs that are no object or name
  // what is already given, and, by the name of its field, for what neither the template nor a change can
  // express. A template that cannot take null content (an assistant that only called tools) is asked again
  // with "" in its place, then with arguments of calls as JSON text. `now`: for strftime_now, seconds since
  // the epoch plus the local time's offset; absent: the clock. All is given but the template's own words, the
  // roles, whose list is fixed (normalise_messages), the token strings, and what changes say in messages.
  Rendered render(Conversation conversation, std::optional<int64_t> now = {}) const;

  const jinja::ChatTemplate& chat_template() const { return *template_; }

 private:
  // What came of one try: the prompt, or why not.
  struct Attempt;

  ConversationRenderer(std::shared_ptr<const jinja::ChatTemplate> chat_template, std::string bos_token,
                       std::string eos_token, const RendererOptions& options);
  Knowledge ask_template() const;
  Json context(const Conversation& conversation, std::optional<int64_t> now) const;
  jinja::Rendering without_nones(const Json& variables, const jinja::HouseWords& house,
                                 jinja::Rendering prompt, std::optional<int64_t> now) const;
  jinja::Rendering render_variables(const Json& variables, const jinja::HouseWords& house,
                                    std::optional<int64_t> now) const;
  jinja::Rendering render_as_given(const Conversation& conversation, std::optional<int64_t> now) const;
  std::optional<Missing> missing(const Conversation& conversation, const std::string& prompt, bool ever,
                                 std::optional<int64_t> now) const;
  Rendered render_strictly(Conversation conversation, std::optional<int64_t> now) const;
  Attempt attempt(const Conversation& conversation, std::optional<int64_t> now) const;
  void fill_nones(const Conversation& given, jinja::Rendering& prompt, std::optional<int64_t> now,
                  std::vector<std::string>& names) const;

  std::shared_ptr<const jinja::ChatTemplate> template_;
  std::string bos_token_, eos_token_;
  jinja::RenderLimits limits_;
  const reply::ReplyFormat* format_;
  bool strict_;
  bool keeps_developer_;
  bool tools_in_system_;
  std::shared_ptr<const Knowledge> knowledge_;
};

}  // namespace gantry::chat
