#include "tests/sim/sim_runner.h"

#include <algorithm>
#include <limits>
#include <thread>
#include <utility>

#include "base/check.h"
#include "base/error.h"
#include "kv/sequence_memory.h"
#include "model/copies.h"

namespace gantry::sim {
namespace {

// The finalizer of SplitMix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014).
uint64_t mix(uint64_t x) {
  x += 0x9e3779b97f4a7c15;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

}  // namespace

uint64_t SimModel::cell(uint64_t fold, TokenId token, uint32_t position, uint32_t adapter) const {
  return mix(fold ^ mix(seed ^ (uint64_t{position} << 32 | adapter << 24 | static_cast<uint32_t>(token))));
}

uint64_t SimModel::extend(uint64_t fold, uint64_t cell) const { return mix(fold * 31 + cell); }

uint64_t SimModel::seen(uint32_t position, const std::function<uint64_t(size_t, uint32_t)>& cell) const {
  uint64_t all = kEmpty;
  for (size_t i = 0; i < windows.size(); ++i) {
    uint64_t fold = kEmpty;
    for (uint32_t p = position < windows[i] ? 0 : position - windows[i] + 1; p < position; ++p)
      fold = extend(fold, cell(i, p));
    all = extend(all, fold);
  }
  return all;
}

void SimModel::logits(uint64_t cell, std::span<float> logits) const {
  uint64_t bits = 0;
  for (size_t i = 0; i < logits.size(); ++i) {
    if (i % 8 == 0) bits = mix(cell + i);
    const auto level = static_cast<int>((bits >> (8 * (i % 8))) & 0xff) % 33;
    logits[i] = static_cast<float>(level - 16) / 2;
  }
}

float SimModel::hidden(uint64_t cell, uint32_t i) {
  return static_cast<float>(static_cast<int>(mix(cell + i) % 2001) - 1000) / 1000;
}

model::RunnerLimits sim_limits(uint32_t vocab, uint32_t context_max, uint32_t sequences_max,
                               uint32_t rows_max, uint32_t pages) {
  model::RunnerLimits limits;
  limits.vocab = vocab;
  limits.context_max = context_max;
  limits.sequences_max = sequences_max;
  limits.rows_max = rows_max;
  limits.logit_rows_max = sequences_max;
  limits.pages = pages;
  limits.pages_max = kv::pages_for(context_max);
  return limits;
}

SimModel sim_model(uint64_t seed, const model::RunnerLimits& limits) {
  SimModel model{seed, limits.vocab, {}};
  for (const auto& window : limits.windows) model.windows.push_back(window.window);
  return model;
}

SimRunner::SimRunner(SimOptions options)
    : options_(std::move(options)),
      model_(sim_model(options_.seed, options_.limits)),
      memory_(size_t{options_.limits.pages} * kPageTokens),
      host_memory_(size_t{options_.limits.host.pages} * kPageTokens),
      states_(options_.limits.recurrent ? options_.limits.sequences_max + options_.limits.checkpoints : 0),
      host_states_(options_.limits.host.states),
      folds_(options_.limits.rows_max),
      seen_(options_.limits.sequences_max),
      read_by_(options_.limits.pages),
      history_(options_.limits.context_max),
      row_(options_.limits.vocab),
      allowed_(sample::mask_words(options_.limits.vocab)),
      sampler_(options_.limits.vocab) {
  uint64_t cells = 0;
  for (size_t i = 0; i < memory_.size(); ++i)
    memory_[i] = {mix(options_.seed + i), static_cast<TokenId>(i % 7)};
  GANTRY_CHECK_EQ(options_.limits.recurrent,
                  options_.kind == SimKind::kState || options_.kind == SimKind::kBoth);
  GANTRY_CHECK_EQ(options_.limits.windows.empty(), options_.kind != SimKind::kWindows);
  for (const auto& window : options_.limits.windows) {
    window_memory_.emplace_back(size_t{window.pages} * kPageTokens);
    for (uint64_t& cell : window_memory_.back()) cell = mix(options_.seed ^ ++cells);
  }
  for (const uint32_t pages : options_.limits.host.window_pages)
    host_windows_.emplace_back(size_t{pages} * kPageTokens);
  for (StateId state = 0; state < states_.size(); ++state) poison(Kept::kState, 0, on_device(state));
  if (options_.work == SimOptions::Work::kThread)
    thread_ = std::make_unique<model::StepThread>([this] { run(); });
}

std::span<SimRunner::Cell> SimRunner::page(Place place) {
  auto& cells = place.tier == Tier::kHost ? host_memory_ : memory_;
  return std::span(cells).subspan(size_t{place.index} * kPageTokens, kPageTokens);
}

std::span<uint64_t> SimRunner::window_page(uint32_t pool, Place place) {
  auto& cells = place.tier == Tier::kHost ? host_windows_.at(pool) : window_memory_.at(pool);
  return std::span(cells).subspan(size_t{place.index} * kPageTokens, kPageTokens);
}

uint64_t& SimRunner::state(Place place) {
  return place.tier == Tier::kHost ? host_states_.at(place.index) : states_.at(place.index);
}

void SimRunner::poison(Kept what, uint32_t pool, Place place) {
  if (under_way_) return to_poison_.push_back({what, pool, place});
  const uint64_t noise = mix(options_.seed + steps() + place.index);
  switch (what) {
    case Kept::kPage:
      std::ranges::fill(page(place), Cell{noise, 0});
      break;
    case Kept::kWindowPage:
      std::ranges::fill(window_page(pool, place), noise);
      break;
    case Kept::kState:
      state(place) = noise;
      break;
  }
}

void SimRunner::launch(const model::Batch& batch) {
  GANTRY_CHECK(!under_way_);
  const uint64_t step = steps_.fetch_add(1, std::memory_order_relaxed) + 1;
  if (fails() && options_.fail_at_launch)
    throw Error(ErrorCode::kDevice, "the simulated device has failed", "sim:0");
  spoil();
  batch_ = batch;
  under_way_ = true;
  done_ = false;
  const bool late = options_.work == SimOptions::Work::kLate && mix(options_.seed ^ step) % 2 == 0;
  if (thread_ != nullptr)
    thread_->begin();
  else if (!late)
    run();
}

model::Outputs SimRunner::land() {
  GANTRY_CHECK(under_way_);
  if (thread_ != nullptr)
    thread_->wait();
  else if (!done_)
    run();
  under_way_ = false;
  for (const auto& [what, pool, place] : to_poison_) poison(what, pool, place);
  to_poison_.clear();
  if (fails()) throw Error(ErrorCode::kDevice, "the simulated device has failed", "sim:0");
  return {picks_, logits_, hidden_};
}

void SimRunner::run() {
  done_ = true;
  if (fails()) return;
  if (options_.step_time.count() > 0) std::this_thread::sleep_for(options_.step_time);
  const model::Batch& batch = batch_;
  if (options_.takes) options_.takes(batch);
  check_batch(batch);
  check_written_pages(batch);
  check_copies(batch);
  check_window_pages(batch);
  run(batch.copies_before);
  // All reading before all writing: what another sequence writes in this step is not there yet.
  read_folds(batch);
  write_rows(batch);
  run(batch.copies_after);
  give(batch);
}

// Whoever reads before landing finds nothing that makes sense.
void SimRunner::spoil() {
  for (sample::Pick& pick : picks_) {
    pick.token = -77;
    pick.logprob = -77;
  }
  std::ranges::fill(logits_, -77.0f);
  std::ranges::fill(hidden_, -77.0f);
}

void SimRunner::give(const model::Batch& batch) {
  picks_.clear();
  for (const model::PickRow& row : batch.picks) {
    speak(batch, static_cast<size_t>(row.row), row_);
    std::ranges::fill(allowed_, ~uint64_t{0});
    if (row.stage != nullptr) row.stage->mask(allowed_);
    picks_.push_back(sampler_.pick(row_, {.params = row.params,
                                          .tokens = row.tokens,
                                          .prompt_tokens = row.prompt_tokens,
                                          .allowed = allowed_,
                                          .logprobs = row.logprobs,
                                          .top_logprobs = row.top_logprobs}));
  }
  logits_.clear();
  for (const int32_t row : batch.logit_rows) {
    speak(batch, static_cast<size_t>(row), row_);
    logits_.insert(logits_.end(), row_.begin(), row_.end());
  }
  hidden_.clear();
  for (const int32_t row : batch.hidden_rows) {
    const uint64_t value = cell(batch, static_cast<size_t>(row),
                                static_cast<uint32_t>(batch.positions[static_cast<size_t>(row)]))
                               .value;
    for (uint32_t i = 0; i < options_.limits.width; ++i) hidden_.push_back(SimModel::hidden(value, i));
  }
}

void SimRunner::check_batch(const model::Batch& batch) {
  const model::RunnerLimits& limits = options_.limits;
  const size_t rows = batch.tokens.size();
  GANTRY_CHECK(rows > 0 && rows <= limits.rows_max);
  GANTRY_CHECK(batch.positions.size() == rows && batch.sequences.size() == rows);
  GANTRY_CHECK_EQ(batch.page_tables.size() % limits.pages_max, size_t{0});
  const size_t sequences = batch.page_tables.size() / limits.pages_max;
  GANTRY_CHECK_LE(sequences, size_t{limits.sequences_max});
  for (size_t row = 0; row < rows; ++row) {
    GANTRY_CHECK(batch.tokens[row] >= 0 && static_cast<uint32_t>(batch.tokens[row]) < limits.vocab);
    GANTRY_CHECK(batch.positions[row] >= 0 &&
                 static_cast<uint32_t>(batch.positions[row]) < limits.context_max);
    GANTRY_CHECK(batch.sequences[row] >= 0 && static_cast<size_t>(batch.sequences[row]) < sequences);
    if (row > 0 && batch.sequences[row] == batch.sequences[row - 1]) {
      GANTRY_CHECK_EQ(batch.positions[row], batch.positions[row - 1] + 1);
    } else {
      uint64_t& seen = seen_[static_cast<size_t>(batch.sequences[row])];
      GANTRY_CHECK_LT(seen, steps());
      seen = steps();
    }
  }
  GANTRY_CHECK_LE(batch.picks.size() + batch.logit_rows.size() + batch.hidden_rows.size(),
                  size_t{limits.logit_rows_max});
  GANTRY_CHECK(batch.hidden_rows.empty() || limits.width > 0);
  for (size_t i = 0; i < batch.picks.size(); ++i) {
    const model::PickRow& pick = batch.picks[i];
    const auto row = static_cast<size_t>(pick.row);
    GANTRY_CHECK(pick.row >= 0 && row < rows);
    GANTRY_CHECK(i == 0 || pick.row >= batch.picks[i - 1].row);
    GANTRY_CHECK_EQ(pick.tokens.size(), static_cast<size_t>(batch.positions[row]) + 1);
    GANTRY_CHECK_EQ(pick.tokens.back(), batch.tokens[row]);
  }
  for (const auto list : {batch.logit_rows, batch.hidden_rows})
    for (size_t i = 0; i < list.size(); ++i) {
      GANTRY_CHECK(list[i] >= 0 && static_cast<size_t>(list[i]) < rows);
      GANTRY_CHECK(i == 0 || list[i] > list[i - 1]);
    }
  GANTRY_CHECK(batch.adapters.empty() || batch.adapters.size() == rows);
  for (const uint32_t adapter : batch.adapters) GANTRY_CHECK_LE(adapter, limits.adapters);
  // Nothing here understands these.
  GANTRY_CHECK(batch.rope_positions.empty() && batch.inputs.empty());
  GANTRY_CHECK(batch.causal);
}

// A page that a sequence writes stands in no other table, whether that one has rows in this step or not.
void SimRunner::check_written_pages(const model::Batch& batch) {
  const uint32_t pages_max = options_.limits.pages_max;
  std::fill(read_by_.begin(), read_by_.end(), 0);
  for (const PageId page : batch.page_tables) {
    if (page == kNoPage) continue;
    GANTRY_CHECK_LT(page, options_.limits.pages);
    ++read_by_[page];
  }
  for (size_t row = 0; row < batch.tokens.size(); ++row) {
    const auto place = static_cast<uint32_t>(batch.positions[row]) / kPageTokens;
    const PageId page = batch.page_tables[static_cast<size_t>(batch.sequences[row]) * pages_max + place];
    GANTRY_CHECK_NE(page, kNoPage);
    GANTRY_CHECK_EQ(read_by_[page], 1u);
  }
}

SimRunner::Cell& SimRunner::cell(const model::Batch& batch, size_t row, uint32_t position) {
  const size_t table = static_cast<size_t>(batch.sequences[row]) * options_.limits.pages_max;
  const PageId page = batch.page_tables[table + position / kPageTokens];
  GANTRY_CHECK_LT(page, options_.limits.pages);
  return memory_[size_t{page} * kPageTokens + position % kPageTokens];
}

// Sequences with rows in this step in whose tables the page stands.
ptrdiff_t SimRunner::readers(const model::Batch& batch, PageId page) const {
  const uint32_t pages_max = options_.limits.pages_max;
  ptrdiff_t readers = 0;
  for (size_t i = 0; i * pages_max < batch.page_tables.size(); ++i)
    if (seen_[i] == steps())
      readers += std::ranges::count(batch.page_tables.subspan(i * pages_max, pages_max), page);
  return readers;
}

// Before the rows states are copied to live ones, after them from live ones of this batch or to make room for
// those, to each place of the device once. No page that more than one sequence of this step reads is what a
// copy within the device leaves there; the tables of others may be older than the copies.
void SimRunner::check_copies(const model::Batch& batch) {
  const uint32_t live = options_.limits.sequences_max;
  const auto is_live = [&](Place place) { return place.tier == Tier::kDevice && place.index < live; };
  for (const auto copies : {batch.copies_before, batch.copies_after}) {
    model::check_copies(options_.limits, copies);
    for (size_t i = 0; i < copies.size(); ++i) {
      const Copy& copy = copies[i];
      if (copy.what != Kept::kPage || copy.from.tier != Tier::kDevice || copy.to.tier != Tier::kDevice)
        continue;
      const bool stays = std::ranges::none_of(copies.subspan(i + 1), [&](const Copy& later) {
        return later.what == Kept::kPage && later.to == copy.to;
      });
      if (stays) GANTRY_CHECK_LE(readers(batch, copy.to.index), 1);
    }
  }
  for (const Copy& copy : batch.copies_before)
    if (copy.what == Kept::kState) GANTRY_CHECK(is_live(copy.to));
  for (size_t i = 0; i < batch.copies_after.size(); ++i) {
    const Copy& copy = batch.copies_after[i];
    if (copy.to.tier == Tier::kHost) continue;
    if (copy.what == Kept::kState) GANTRY_CHECK(is_live(copy.from) && seen_[copy.from.index] == steps());
    for (const Copy& earlier : batch.copies_after.first(i))
      GANTRY_CHECK(earlier.what != copy.what || earlier.pool != copy.pool || !(earlier.to == copy.to));
  }
}

void SimRunner::run(std::span<const Copy> copies) {
  for (const auto& [what, pool, from, to] : copies) {
    if (what == Kept::kState)
      state(to) = state(from);
    else if (what == Kept::kPage)
      std::ranges::copy(page(from), page(to).begin());
    else
      std::ranges::copy(window_page(pool, from), window_page(pool, to).begin());
  }
}

// As check_written_pages(), for each window's pages.
void SimRunner::check_window_pages(const model::Batch& batch) {
  const size_t size = batch.page_tables.size();
  GANTRY_CHECK_EQ(batch.window_tables.size(), size * window_memory_.size());
  for (size_t i = 0; i < window_memory_.size(); ++i) {
    const auto tables = batch.window_tables.subspan(i * size, size);
    std::vector<uint32_t> holders(options_.limits.windows[i].pages);
    for (const PageId page : tables)
      if (page != kNoPage) ++holders.at(page);
    for (size_t row = 0; row < batch.tokens.size(); ++row) {
      const auto place = static_cast<uint32_t>(batch.positions[row]) / kPageTokens;
      const size_t table = static_cast<size_t>(batch.sequences[row]) * options_.limits.pages_max;
      GANTRY_CHECK_EQ(holders.at(tables[table + place]), 1u);
    }
  }
}

uint64_t& SimRunner::window_cell(const model::Batch& batch, size_t row, size_t window, uint32_t position) {
  const size_t table = window * batch.page_tables.size() +
                       static_cast<size_t>(batch.sequences[row]) * options_.limits.pages_max;
  const PageId page = batch.window_tables[table + position / kPageTokens];
  GANTRY_CHECK_LT(page, options_.limits.windows[window].pages);
  return window_memory_[window][size_t{page} * kPageTokens + position % kPageTokens];
}

// The fold of all before this row, its sequence's first in this batch.
uint64_t SimRunner::remembered(const model::Batch& batch, size_t row) {
  uint64_t state = states_.empty() ? 0 : states_[static_cast<size_t>(batch.sequences[row])];
  if (batch.positions[row] == 0) state = SimModel::kEmpty;
  if (options_.kind == SimKind::kState) return state;
  if (options_.kind == SimKind::kWindows)
    return model_.seen(static_cast<uint32_t>(batch.positions[row]),
                       [&](size_t i, uint32_t p) { return window_cell(batch, row, i, p); });
  uint64_t fold = SimModel::kEmpty;
  const auto first = static_cast<uint32_t>(batch.positions[row]);
  for (uint32_t p = 0; p < first; ++p) fold = model_.extend(fold, cell(batch, row, p).value);
  // Both must say the same.
  return options_.kind == SimKind::kBoth && fold != state ? mix(fold ^ state) : fold;
}

void SimRunner::read_folds(const model::Batch& batch) {
  for (size_t row = 0; row < batch.tokens.size(); ++row) {
    if (row > 0 && batch.sequences[row] == batch.sequences[row - 1]) continue;
    folds_[row] = remembered(batch, row);
  }
}

void SimRunner::write_rows(const model::Batch& batch) {
  for (size_t row = 0; row < batch.tokens.size(); ++row) {
    const auto position = static_cast<uint32_t>(batch.positions[row]);
    if (row > 0 && batch.sequences[row] == batch.sequences[row - 1])
      folds_[row] = options_.kind == SimKind::kWindows
                        ? remembered(batch, row)
                        : model_.extend(folds_[row - 1], cell(batch, row, position - 1).value);
    const uint32_t adapter = batch.adapters.empty() ? 0 : batch.adapters[row];
    const uint64_t value = model_.cell(folds_[row], batch.tokens[row], position, adapter);
    cell(batch, row, position) = {value, batch.tokens[row]};
    for (size_t i = 0; i < window_memory_.size(); ++i) window_cell(batch, row, i, position) = value;
    if (!states_.empty())
      states_[static_cast<size_t>(batch.sequences[row])] = model_.extend(folds_[row], value);
  }
}

void SimRunner::speak(const model::Batch& batch, size_t row, std::span<float> logits) {
  const auto position = static_cast<uint32_t>(batch.positions[row]);
  if (!options_.say) return model_.logits(cell(batch, row, position).value, logits);
  for (uint32_t p = 0; p <= position; ++p) history_[p] = cell(batch, row, p).token;
  const TokenId token = options_.say(std::span(history_).first(position + 1));
  if (token == kNoToken) {
    std::ranges::fill(logits, std::numeric_limits<float>::quiet_NaN());
    return;
  }
  GANTRY_CHECK(token >= 0 && static_cast<uint32_t>(token) < model_.vocab);
  std::fill(logits.begin(), logits.end(), 0.0f);
  logits[static_cast<size_t>(token)] = 20;
}

}  // namespace gantry::sim
