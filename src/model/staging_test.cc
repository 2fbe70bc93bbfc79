#include "model/staging.h"

#include <functional>

#include <gtest/gtest.h>

namespace gantry::model {
namespace {

// Three rows of one sequence, of which two are picked; what stands here is fit for a runner.
struct Step {
  const RunnerLimits limits = {.vocab = 10,
                               .context_max = 64,
                               .sequences_max = 1,
                               .rows_max = 4,
                               .logit_rows_max = 4,
                               .pages = 2,
                               .pages_max = 2,
                               .width = 8};
  std::vector<TokenId> tokens = {1, 2, 3};
  std::vector<int32_t> positions = {0, 1, 2}, sequences = {0, 0, 0}, logit_rows = {0, 2}, hidden_rows;
  std::vector<PageId> pages = {0, kNoPage};
  sample::SamplingParams params;
  std::vector<PickRow> picks = {{.row = 0, .params = &params, .tokens = tokens},
                                {.row = 2, .params = &params, .tokens = tokens}};

  void check() const {
    check_batch({.tokens = tokens,
                 .positions = positions,
                 .sequences = sequences,
                 .page_tables = pages,
                 .picks = picks,
                 .logit_rows = logit_rows,
                 .hidden_rows = hidden_rows},
                limits);
  }
};

TEST(StagingDeathTest, ListsOfRowsLieInTheBatchAndRise) {
  Step().check();
  Step twice;
  twice.picks[0].row = 2;  // the first tokens of two answers to one prompt
  twice.check();
  for (const auto& spoil : std::initializer_list<std::function<void(Step&)>>{
           [](Step& s) { std::swap(s.picks[0], s.picks[1]); }, [](Step& s) { s.picks[1].row = 3; },
           [](Step& s) { s.picks[0].row = -1; },
           [](Step& s) {
             s.logit_rows = {2, 2};
           },
           [](Step& s) {
             s.logit_rows = {0, 3};
           },
           [](Step& s) { s.hidden_rows = {0}; }}) {  // one more than the runner gives
    Step step;
    spoil(step);
    EXPECT_DEATH(step.check(), "check failed");
  }
}

}  // namespace
}  // namespace gantry::model
