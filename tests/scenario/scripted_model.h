// A model behind the server that says what a script tells it to, whatever template and family a test chooses.
#pragma once

#include <memory>
#include <string>

#include "completion/completion.h"
#include "fleet/fleet.h"
#include "tests/scenario/fakes.h"

namespace gantry::testing {

class ScriptedModel final : public fleet::LiveModel {
 public:
  static constexpr uint32_t kContext = 32'768;

  // Throws what a template that does not parse throws. `format`: nullptr is what the template says.
  ScriptedModel(const std::string& id, std::string_view template_source, const reply::ReplyFormat* format,
                ScriptedEngine::Script script)
      : template_(jinja::ChatTemplate::parse(template_source)),
        engine_(std::move(script), {.context_max = kContext}),
        completer_(completion::Completer::create({tokenizer_.get(), template_.get(), &engine_, format},
                                                 {.workers = 1})) {
    card_.id = id;
    card_.created = 1'700'000'000;
    card_.arch = "script";
    card_.context = kContext;
    card_.has_chat_template = true;
  }
  const fleet::ModelCard& card() const override { return card_; }
  completion::Completer& completer() override { return *completer_; }
  engine::Engine& engine() override { return engine_; }
  std::shared_ptr<const tokenizer::Tokenizer> tokenizer() const override { return tokenizer_; }
  const fleet::Shares& shares() const override { return shares_; }

 private:
  fleet::ModelCard card_;
  const fleet::Shares shares_;
  const std::shared_ptr<const ByteTokenizer> tokenizer_ = std::make_shared<ByteTokenizer>();
  const std::unique_ptr<const jinja::ChatTemplate> template_;
  ScriptedEngine engine_;
  const std::unique_ptr<completion::Completer> completer_;
};

}  // namespace gantry::testing
