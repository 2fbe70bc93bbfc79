// What all models have in common that tests put behind the server: the accessors of fleet::LiveModel.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "fleet/fleet.h"
#include "tokenizer/tokenizer.h"

namespace gantry::testing {

class StandIn : public fleet::LiveModel {
 public:
  const fleet::ModelCard& card() const final { return card_; }
  completion::Completer& completer() final { return *completer_; }
  engine::Engine& engine() final { return *engine_; }
  std::shared_ptr<const tokenizer::Tokenizer> tokenizer() const final { return tokenizer_; }
  const fleet::Shares& shares() const final { return shares_; }

 protected:
  // At the end of the constructor. Engine and completer are the heir's, which knows in which order they go.
  void stand_in(std::string id, std::string arch, uint32_t context, bool has_chat_template,
                engine::Engine& engine, completion::Completer& completer,
                std::shared_ptr<const tokenizer::Tokenizer> tokenizer) {
    card_.id = std::move(id);
    card_.created = 1'700'000'000;
    card_.arch = std::move(arch);
    card_.context = context;
    card_.has_chat_template = has_chat_template;
    engine_ = &engine;
    completer_ = &completer;
    tokenizer_ = std::move(tokenizer);
  }

 private:
  fleet::ModelCard card_;
  const fleet::Shares shares_;
  engine::Engine* engine_ = nullptr;
  completion::Completer* completer_ = nullptr;
  std::shared_ptr<const tokenizer::Tokenizer> tokenizer_;
};

}  // namespace gantry::testing
