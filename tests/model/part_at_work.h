// A part of a model at work: a plan, memory and a runner of its own, and two sequences whose tokens follow
// from their places.
#pragma once

#include <memory>
#include <numeric>
#include <vector>

#include <gtest/gtest.h>

#include "arch/blueprint.h"
#include "model/loaded_model.h"
#include "model/transformer.h"
#include "plan/memory_plan.h"
#include "tests/model/fixture.h"

namespace gantry::testing {

inline plan::MemoryPlan plan_of(const arch::Blueprint& blueprint, const plan::Settings& settings,
                                const device::Device& on) {
  const device::DeviceFacts& facts = on.facts();
  return plan::make_plan(blueprint, settings,
                         plan::machine_of({facts, {facts.memory_free_bytes}, &on.sizer()}));
}

inline plan::Settings small_settings() {
  plan::Settings settings;
  settings.context = 64;
  settings.sequences = 2;
  settings.step_rows = 8;
  return settings;
}

class PartAtWork {
 public:
  // Rows [first, end) of a sequence.
  struct Piece {
    uint32_t sequence, first, end;
  };
  using Step = std::vector<Piece>;  // of at most eight rows, sequences in order

  PartAtWork(arch::Blueprint blueprint, const gguf::GgufFile& file, device::Device& on,
             device::Communicator* communicator = nullptr)
      : blueprint_(std::move(blueprint)),
        plan_(plan_of(blueprint_, settings(), on)),
        loaded_(model::LoadedModel::load(blueprint_, file, plan_, on)),
        runner_(model::make_transformer(blueprint_, *loaded_, on, communicator)),
        pages_(size_t{kSequences} * plan_.limits.pages_max) {
    std::iota(pages_.begin(), pages_.end(), PageId{0});
    expect_taken(*loaded_, plan_.devices[0]);
  }

  // `rows`: what the stage before gave, if this one takes no tokens.
  void launch(const Step& step, const std::vector<float>& rows = {}) {
    tokens_.clear();
    positions_.clear();
    sequences_.clear();
    for (const Piece& piece : step) {
      for (uint32_t at = piece.first; at < piece.end; ++at) {
        const uint32_t token = (at * 37 + piece.sequence * 11 + 5) % blueprint_.vocab;
        tokens_.push_back(blueprint_.takes_tokens() ? static_cast<TokenId>(token) : kNoToken);
        positions_.push_back(static_cast<int32_t>(at));
        sequences_.push_back(static_cast<int32_t>(piece.sequence));
      }
    }
    rows_ = rows;
    all_.resize(tokens_.size());
    std::iota(all_.begin(), all_.end(), 0);
    model::Batch batch;
    batch.tokens = tokens_;
    batch.positions = positions_;
    batch.sequences = sequences_;
    batch.page_tables = pages_;
    batch.inputs = rows_;
    (blueprint_.gives_logits() ? batch.logit_rows : batch.hidden_rows) = all_;
    runner_->launch(batch);
  }
  // Logits of every row from a part that gives them, rows for the next one from others.
  std::vector<float> land() {
    const model::Outputs outputs = runner_->land();
    if (blueprint_.gives_logits()) return {outputs.logits.begin(), outputs.logits.end()};
    return {outputs.hidden.begin(), outputs.hidden.end()};
  }

 private:
  static constexpr uint32_t kSequences = 2;
  static plan::Settings settings() {
    plan::Settings settings = small_settings();
    settings.sequences = kSequences;
    settings.checkpoints = 0;
    settings.logits_of_all_rows = settings.whole_windows = true;
    return settings;
  }

  const arch::Blueprint blueprint_;
  const plan::MemoryPlan plan_;
  const std::unique_ptr<model::LoadedModel> loaded_;
  const std::unique_ptr<model::Runner> runner_;
  std::vector<PageId> pages_;
  // Of the step under way.
  std::vector<TokenId> tokens_;
  std::vector<int32_t> positions_, sequences_, all_;
  std::vector<float> rows_;
};

}  // namespace gantry::testing
