// A model behind the server that says what a script tells it to, whatever template and family a test chooses.
#pragma once

#include <memory>
#include <string>

#include "completion/completion.h"
#include "tests/scenario/fakes.h"
#include "tests/scenario/stand_in.h"

namespace gantry::testing {

class ScriptedModel final : public StandIn {
 public:
  static constexpr uint32_t kContext = 32'768;

  // Throws what a template that does not parse throws. `format`: nullptr is what the template says.
  ScriptedModel(const std::string& id, std::string_view template_source, const reply::ReplyFormat* format,
                ScriptedEngine::Script script)
      : template_(jinja::ChatTemplate::parse(template_source)),
        engine_(std::move(script), {.context_max = kContext}),
        completer_(completion::Completer::create({tokenizer_.get(), template_.get(), &engine_, format},
                                                 {.workers = 1})) {
    stand_in(id, "script", kContext, true, engine_, *completer_, tokenizer_);
  }

 private:
  const std::shared_ptr<const ByteTokenizer> tokenizer_ = std::make_shared<ByteTokenizer>();
  const std::unique_ptr<const jinja::ChatTemplate> template_;
  ScriptedEngine engine_;
  const std::unique_ptr<completion::Completer> completer_;
};

}  // namespace gantry::testing
