// Seeded random life of sequence memory without an engine: sequences of several roots begin, share, fork, go
// back, run out of pages and end, in machines of every size and kind. What the model says after each step
// must be what it says of the sequence alone, and all that must hold is checked after each call. Memory that
// nobody may read is poisoned all the time. GANTRY_SIM_SEEDS sets how many seeds are run.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include <gtest/gtest.h>

#include "base/windows.h"
#include "kv/sequence_memory.h"
#include "tests/sim/sim_jobs.h"
#include "tests/sim/sim_runner.h"

namespace gantry::sim {
namespace {

constexpr uint32_t kVocab = 61, kRoots = 3;

struct Totals {
  uint64_t rows = 0, cached = 0, fetched = 0, forks = 0, own_pages = 0, refused_forks = 0, rollbacks = 0,
           short_rollbacks = 0;
};

struct Track {
  int32_t slot = -1;
  uint32_t root = 0;
  std::vector<TokenId> tokens;  // written, and to come
};

kv::RootKey key_of(uint32_t root) {
  kv::RootKey key;
  if (root == 1) key.adapter[3] = 7;
  if (root == 2) key.set_salt("another's");
  return key;
}

// An adapter changes what is computed: here the tokens that the model sees.
TokenId seen(const Track& track, uint32_t position) {
  return static_cast<TokenId>((static_cast<uint32_t>(track.tokens[position]) + 20 * track.root) % kVocab);
}

class Life {
 public:
  Life(uint64_t seed, SimKind kind, bool host, Totals& totals)
      : dice_(seed),
        totals_(totals),
        host_(host),
        limits_(random_limits(kind, host)),
        memory_(layout()),
        runner_({.limits = limits_, .seed = seed, .kind = kind}),
        model_{seed, kVocab, {}},
        alone_(kVocab) {
    for (const auto& window : limits_.windows) model_.windows.push_back(window.window);
  }

  void run(uint32_t steps) {
    for (uint32_t i = 0; i < steps; ++i) {
      between_steps();
      if (!tracks_.empty()) step();
    }
    while (!tracks_.empty()) finish(0);
    EXPECT_EQ(memory_.available(), limits_.pages);
    totals_.fetched += memory_.fetched();
  }

 private:
  model::RunnerLimits random_limits(SimKind kind, bool host) {
    const uint32_t context = dice_.roll(40, 300), sequences = dice_.roll(2, 6);
    const uint32_t full = kv::pages_for(context);
    const uint32_t pages =
        dice_.chance(host ? 0.9 : 0.5) ? full + dice_.roll(0, 4) : full * sequences + dice_.roll(0, 20);
    auto limits = sim_limits(kVocab, context, sequences, dice_.roll(sequences, 96), pages);
    limits.recurrent = kind == SimKind::kState || kind == SimKind::kBoth;
    if (limits.recurrent) limits.checkpoints = dice_.roll(0, 6 * sequences);
    for (uint32_t n = kind == SimKind::kWindows ? dice_.roll(1, 2) : 0; n > 0; --n) {
      const uint32_t window = dice_.roll(1, 100);
      limits.windows.push_back({window, sequences * window_share(window, limits.rows_max)});
    }
    if (host) limits.host = random_host(dice_, limits);
    return limits;
  }

  kv::MemoryLayout layout() {
    kv::MemoryLayout layout{.pages = limits_.pages,
                            .slots = limits_.sequences_max,
                            .pages_max = limits_.pages_max,
                            .prefix_cache = dice_.chance(0.75),
                            .recurrent = limits_.recurrent,
                            .checkpoints = limits_.checkpoints};
    for (const auto& [window, pages] : limits_.windows) layout.windows.push_back({window, pages});
    layout.host = limits_.host;
    layout.fetched_max = dice_.roll(0, 20);
    layout.hash_mask = dice_.chance(0.3) ? 0 : ~uint64_t{0};
    return layout;
  }

  void settle() {
    memory_.check();
    for (const auto& [what, pool, place] : memory_.list_unused()) runner_.poison(what, pool, place);
  }

  void between_steps() {
    for (uint32_t calls = dice_.roll(0, 4); calls > 0; --calls) {
      if (tracks_.empty() || dice_.chance(0.3)) begin();
      if (tracks_.empty()) continue;
      const size_t i = dice_.roll(0, static_cast<uint32_t>(tracks_.size()) - 1);
      if (dice_.chance(0.3)) fork(tracks_[i]);
      if (dice_.chance(0.3)) go_back(tracks_[i]);
      if (dice_.chance(0.15)) finish(i);
      settle();
    }
  }

  // New tokens up to a random end, from one of a few beginnings where the sequence has just begun.
  void extend(Track& track, bool shared) {
    const auto have = static_cast<uint32_t>(track.tokens.size());
    const uint32_t length = dice_.roll(have + 1, std::max(have + 1, limits_.context_max));
    Dice same(1000 + dice_.roll(0, 2));
    // What was there before is asked for again and again where it may have moved away meanwhile.
    const bool again = host_ && dice_.chance(0.8);
    const uint32_t end_of_same = again ? length : shared ? dice_.roll(0, length) : 0;
    for (uint32_t i = have; i < length; ++i)
      track.tokens.push_back(static_cast<TokenId>((i < end_of_same ? same : dice_).roll(0, kVocab - 1)));
  }

  void begin() {
    Track track;
    track.root = host_ && dice_.chance(0.7) ? 0 : dice_.roll(0, kRoots - 1);
    track.slot = memory_.open(key_of(track.root));
    if (track.slot < 0) return;
    extend(track, true);
    totals_.cached += take_over(track);
    tracks_.push_back(std::move(track));
  }

  uint32_t take_over(const Track& track) {
    return dice_.chance(0.3) ? memory_.adopt(track.slot, track.tokens)
                             : memory_.fetch(track.slot, track.tokens);
  }

  void fork(const Track& from) {
    Track track = from;
    track.slot = memory_.fork(from.slot);
    if (track.slot < 0) {
      ++totals_.refused_forks;
      return;
    }
    ++totals_.forks;
    totals_.own_pages += memory_.written(track.slot) % kPageTokens != 0 ? 1u : 0u;
    track.tokens.resize(memory_.written(track.slot));
    if (track.tokens.size() < limits_.context_max) extend(track, false);
    tracks_.push_back(std::move(track));
  }

  // As after a draft of which some tokens were not accepted; now and then much further.
  void go_back(Track& track) {
    const uint32_t written = memory_.written(track.slot);
    const uint32_t by = dice_.chance(0.5) ? dice_.roll(0, 8) : dice_.roll(0, written);
    uint32_t to = written - std::min(by, written);
    if (dice_.chance(0.3)) to = to / kPageTokens * kPageTokens;
    if (!memory_.can_roll_back(track.slot, to)) return;
    const uint32_t now = memory_.rollback(track.slot, to);
    ASSERT_LE(now, to);
    ++totals_.rollbacks;
    totals_.short_rollbacks += now < to ? 1u : 0u;
    if (dice_.chance(0.7)) track.tokens.resize(now);
    if (track.tokens.size() == now && now < limits_.context_max) extend(track, false);
  }

  void finish(size_t i) {
    memory_.close(tracks_[i].slot);
    tracks_.erase(tracks_.begin() + static_cast<std::ptrdiff_t>(i));
    memory_.check();
  }

  void step() {
    struct Part {
      const Track* track;
      uint32_t end;
    };
    std::vector<Part> parts;
    uint32_t left = limits_.rows_max;
    for (Track& track : tracks_) {
      if (dice_.chance(0.3)) continue;
      totals_.cached += take_over(track);
      const uint32_t written = memory_.written(track.slot);
      uint32_t end = written + dice_.roll(0, left);
      end = std::min(end, dice_.chance(0.8) ? memory_.slice_end(track.slot, track.tokens)
                                            : static_cast<uint32_t>(track.tokens.size()));
      end = memory_.grow(track.slot, std::max(end, written));
      if (end <= written) continue;
      left -= end - written;
      parts.push_back({&track, end});
    }
    settle();
    if (parts.empty()) {
      finish(dice_.roll(0, static_cast<uint32_t>(tracks_.size()) - 1));
      return;
    }
    std::vector<TokenId> tokens;
    std::vector<int32_t> positions, slots, logit_rows;
    memory_.begin_step();
    for (const auto& [track, end] : parts) {
      memory_.will_write(track->slot, track->tokens, end);
      for (uint32_t p = memory_.written(track->slot); p < end; ++p) {
        tokens.push_back(seen(*track, p));
        positions.push_back(static_cast<int32_t>(p));
        slots.push_back(track->slot);
      }
      logit_rows.push_back(static_cast<int32_t>(tokens.size()) - 1);
    }
    totals_.rows += tokens.size();
    model::Batch batch{.tokens = tokens,
                       .positions = positions,
                       .sequences = slots,
                       .page_tables = memory_.tables(),
                       .logit_rows = logit_rows};
    batch.copies_before = memory_.copies_before();
    batch.copies_after = memory_.copies_after();
    batch.window_tables = memory_.window_tables();
    const std::span<const float> logits = runner_.step(batch).logits;
    for (size_t i = 0; i < parts.size(); ++i) {
      const auto& [track, end] = parts[i];
      memory_.commit(track->slot, track->tokens, end);
      expect_alone(*track, end, logits.subspan(i * kVocab, kVocab));
    }
    settle();
  }

  void expect_alone(const Track& track, uint32_t end, std::span<const float> said) {
    uint64_t fold = SimModel::kEmpty;
    cells_.clear();
    for (uint32_t p = 0; p < end; ++p) {
      if (!model_.windows.empty()) fold = model_.seen(p, [&](size_t, uint32_t at) { return cells_[at]; });
      cells_.push_back(model_.cell(fold, seen(track, p), p));
      fold = model_.extend(fold, cells_.back());
    }
    model_.logits(cells_.back(), alone_);
    ASSERT_TRUE(std::equal(said.begin(), said.end(), alone_.begin()))
        << "slot " << track.slot << " root " << track.root << " after " << end << " positions";
  }

  Dice dice_;
  Totals& totals_;
  const bool host_;
  const model::RunnerLimits limits_;
  kv::SequenceMemory memory_;
  SimRunner runner_;
  SimModel model_;
  std::vector<Track> tracks_;
  std::vector<float> alone_;
  std::vector<uint64_t> cells_;
};

Totals run_seeds(SimKind kind, uint64_t seeds_default, bool host = false) {
  const char* wish = std::getenv("GANTRY_SIM_SEEDS");
  const uint64_t seeds = wish != nullptr ? std::strtoull(wish, nullptr, 10) : seeds_default;
  Totals totals;
  for (uint64_t seed = 1; seed <= seeds && !::testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE(seed);
    Life(seed, kind, host, totals).run(60);
  }
  std::printf(
      "%llu seeds: %llu rows, %llu cached, %llu brought back, %llu forks (%llu with a page of their own, "
      "%llu refused), %llu "
      "rollbacks (%llu further than asked)\n",
      static_cast<unsigned long long>(seeds), static_cast<unsigned long long>(totals.rows),
      static_cast<unsigned long long>(totals.cached), static_cast<unsigned long long>(totals.fetched),
      static_cast<unsigned long long>(totals.forks), static_cast<unsigned long long>(totals.own_pages),
      static_cast<unsigned long long>(totals.refused_forks),
      static_cast<unsigned long long>(totals.rollbacks),
      static_cast<unsigned long long>(totals.short_rollbacks));
  // The seeds reach what they are for.
  EXPECT_GT(totals.cached, seeds * 10);
  EXPECT_GT(totals.forks, seeds * 5);
  EXPECT_GT(totals.own_pages, seeds);
  EXPECT_GT(totals.refused_forks, seeds / 10);
  EXPECT_GT(totals.rollbacks, seeds);
  EXPECT_GE(totals.fetched, host ? seeds / 40 : 0);
  return totals;
}

TEST(SimMemory, ForksAndRollbacksOfPages) {
  const Totals totals = run_seeds(SimKind::kPages, 400);
  EXPECT_GT(totals.short_rollbacks, 0u);
}

TEST(SimMemory, ForksAndRollbacksOfStates) { run_seeds(SimKind::kState, 300); }

TEST(SimMemory, ForksAndRollbacksOfPagesAndStatesWhichMustAgree) { run_seeds(SimKind::kBoth, 200); }

TEST(SimMemory, ForksAndRollbacksOfWindows) { run_seeds(SimKind::kWindows, 200); }

TEST(SimMemory, PagesOnTheHost) { run_seeds(SimKind::kPages, 1000, true); }

TEST(SimMemory, StatesOnTheHost) { run_seeds(SimKind::kState, 1000, true); }

TEST(SimMemory, PagesAndStatesOnTheHost) { run_seeds(SimKind::kBoth, 1000, true); }

TEST(SimMemory, PagesOfWindowsOnTheHost) { run_seeds(SimKind::kWindows, 1000, true); }

}  // namespace
}  // namespace gantry::sim
