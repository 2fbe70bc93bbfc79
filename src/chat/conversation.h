// From a model's template and a request's conversation to the text of the prompt. Immutable: any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "jinja/chat_template.h"

namespace gantry::chat {

struct Conversation {
  Json messages;                        // as normalise_messages returns them
  Json tools = nullptr;                 // null or a list
  Json documents = nullptr;             // null or a list
  Json chat_template_kwargs = nullptr;  // null or an object: further variables (enable_thinking, ...)
  bool add_generation_prompt = true;
  // What in the messages' texts was not the client's but written for it, in the words of the model's family.
  std::vector<jinja::OwnWords> own_words;
};

struct Rendered {
  std::string text;
  // What of it the request brought along: messages, tools, documents, kwargs. It is text and nothing else
  // (T2).
  std::vector<jinja::Range> given;
};

class ConversationRenderer {
 public:
  // A model without a template (empty source): nullopt, and the caller decides. Throws gantry::Error
  // kTemplate for a template that does not parse. The token strings are what templates write as bos_token and
  // eos_token.
  static std::optional<ConversationRenderer> create(std::string_view template_source, std::string bos_token,
                                                    std::string eos_token,
                                                    const jinja::RenderLimits& limits = {});

  // Throws gantry::Error: kTemplate with the template's words (raise_exception) or with Jinja's complaint and
  // its line; kTooLarge over a limit; kInvalidRequest for kwargs that are no object or name what is already
  // given, and for what the template would leave out silently (expressed.h). A template that cannot take null
  // content (an assistant that only called tools) is asked again with "" in its place, then with arguments of
  // calls as JSON text. `now`: for strftime_now, seconds since the epoch; absent: the clock.
  // The template's own words are all but what is given; so are the roles, whose list is fixed
  // (normalise_messages), and the token strings.
  Rendered render(const Conversation& conversation, std::optional<int64_t> now = {}) const;

  bool keeps_developer() const { return keeps_developer_; }
  const jinja::ChatTemplate& chat_template() const { return *template_; }

 private:
  ConversationRenderer(std::shared_ptr<const jinja::ChatTemplate> chat_template, std::string bos_token,
                       std::string eos_token, const jinja::RenderLimits& limits);
  Json context(const Conversation& conversation) const;
  jinja::Rendering without_nones(const Json& variables, const jinja::HouseWords& house,
                                 jinja::Rendering prompt, std::optional<int64_t> now) const;
  jinja::Rendering render_as_given(const Conversation& conversation, std::optional<int64_t> now) const;

  std::shared_ptr<const jinja::ChatTemplate> template_;
  std::string bos_token_, eos_token_;
  jinja::RenderLimits limits_;
  bool keeps_developer_;
  bool tools_in_system_;
};

}  // namespace gantry::chat
