#include "bench/steps.h"

#include <algorithm>

#include "base/pages.h"

namespace gantry::bench {

Steps::Steps(model::Runner& runner, uint32_t sequences) : runner_(runner), count_(sequences) {
  for (PageId page = 0; page < sequences * runner.limits().pages_max; ++page) pages_.push_back(page);
}

void Steps::prefill(uint32_t from, uint32_t count) {
  for (uint32_t done = 0; done < count; done += rows_max()) {
    const uint32_t rows = std::min(rows_max(), count - done);
    begin();
    for (uint32_t i = 0; i < rows; ++i) add(0, from + done + i);
    wanted_.push_back(static_cast<int32_t>(rows - 1));
    step();
  }
}

void Steps::decode(uint32_t position, uint32_t batch) {
  begin();
  for (uint32_t s = 0; s < batch; ++s) {
    add(s, position);
    wanted_.push_back(static_cast<int32_t>(s));
  }
  step();
}

void Steps::spread(uint32_t positions) {
  const model::RunnerLimits& limits = runner_.limits();
  const uint32_t pages = (positions + kPageTokens - 1) / kPageTokens;
  for (uint32_t s = 1; s < count_; ++s) {
    for (uint32_t page = 0; page < pages; ++page)
      copies_.push_back({Kept::kPage, 0, on_device(page), on_device(s * limits.pages_max + page)});
    if (limits.recurrent) copies_.push_back(state_copy(0, s));
  }
}

void Steps::begin() {
  tokens_.clear();
  positions_.clear();
  sequences_.clear();
  wanted_.clear();
}

void Steps::add(uint32_t sequence, uint32_t position) {
  tokens_.push_back(
      static_cast<TokenId>((position * 7919 + sequence * 104729 + 17) % runner_.limits().vocab));
  positions_.push_back(static_cast<int32_t>(position));
  sequences_.push_back(static_cast<int32_t>(sequence));
}

void Steps::step() {
  runner_.step({.tokens = tokens_,
                .positions = positions_,
                .sequences = sequences_,
                .page_tables = pages_,
                .logit_rows = wanted_,
                .copies_before = copies_});
  copies_.clear();
}

}  // namespace gantry::bench
