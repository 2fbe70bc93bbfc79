#include "kv/state_memory.h"

#include <algorithm>
#include <limits>

#include "base/check.h"
#include "base/ids.h"

namespace gantry::kv {
namespace {

// Checkpoints inside a prompt are at least so many positions apart.
constexpr uint32_t kStrideMin = 8 * kPageTokens;

// The last page border before the last token: from there the same prompt, or one that begins with it, goes on
// when it comes again.
uint32_t last_border(uint32_t tokens) { return (tokens - 1) / kPageTokens * kPageTokens; }

}  // namespace

StateMemory::StateMemory(const Layout& layout, PendingCopies& pending)
    : pending_(pending),
      checkpoints_(layout.names, layout.checkpoints, layout.slots),
      far_(layout.names, layout.far),
      slots_(layout.slots) {
  saves_.reserve(2 * size_t{layout.slots});
}

void StateMemory::start(uint32_t slot) {
  slots_[slot] = {};
  slots_[slot].open = true;
  pending_.cancel(Kept::kState, 0, slot);
}

void StateMemory::start_at(uint32_t slot, NameId name) {
  GANTRY_CHECK(has(name));
  start(slot);
  if (is_far(name)) {
    pending_.move(Kept::kState, 0, on_host(far_.at(name)), on_device(slot));
    far_.touch(name);
  } else {
    pending_.add(Kept::kState, 0, checkpoints_.at(name), slot);
    checkpoints_.touch(name);
  }
}

void StateMemory::start_from(uint32_t slot, uint32_t other) {
  start(slot);
  pending_.add(Kept::kState, 0, other, slot);
}

void StateMemory::close(uint32_t slot) {
  if (slots_[slot].reserved != kNoState) checkpoints_.give(slots_[slot].reserved);
  slots_[slot] = {};
  pending_.cancel(Kept::kState, 0, slot);
}

// Inside one prompt at most a quarter of all checkpoints is spent. Powers of two times kStrideMin, so that
// prompts of different lengths have checkpoints at the same positions.
uint32_t StateMemory::stride(uint32_t tokens) const {
  const uint32_t most = checkpoints_.count() / 4;
  if (most == 0) return std::numeric_limits<uint32_t>::max();
  uint64_t stride = kStrideMin;
  while (tokens / stride > most) stride *= 2;
  return static_cast<uint32_t>(stride);
}

uint32_t StateMemory::slice_end(uint32_t written, uint32_t tokens) const {
  if (checkpoints_.count() == 0 || tokens == 0) return tokens;
  uint32_t end = tokens;
  if (last_border(tokens) > written) end = last_border(tokens);
  const uint64_t every = stride(tokens);
  return static_cast<uint32_t>(std::min<uint64_t>(end, (written / every + 1) * every));
}

void StateMemory::will_write(uint32_t slot, uint32_t positions, uint32_t tokens) {
  Slot& s = slots_[slot];
  GANTRY_CHECK_EQ(s.reserved, kNoState);
  if (positions % kPageTokens != 0 || checkpoints_.count() == 0) return;
  if (positions == tokens) {
    // One checkpoint moves along with the end of the sequence, for the next turn of the conversation and for
    // going on after a preemption; only where that leaves checkpoints for the prompts.
    if (checkpoints_.count() < 2 * slots_.size()) return;
    const bool reuse = s.follower != kNoName && checkpoints_.at(s.follower) != kNoState &&
                       !checkpoints_.was_taken_over(s.follower);
    s.reserved = reuse ? checkpoints_.reserve_from(s.follower) : reserve();
    s.reserved_follows = true;
  } else if (positions == last_border(tokens) || positions % stride(tokens) == 0) {
    s.reserved = reserve();
    s.reserved_follows = false;
  }
  if (s.reserved != kNoState) saves_.push_back(state_copy(slot, s.reserved));
}

// The checkpoint that makes room is copied away before it is written over.
StateId StateMemory::reserve() {
  const NameId name = checkpoints_.next_to_go();
  const StateId state = checkpoints_.reserve();
  if (name != kNoName && far_.at(name) != kNoPlace) far_.touch(name);
  if (name == kNoName || far_.at(name) != kNoPlace || !far_.make_room()) return state;
  saves_.push_back({Kept::kState, 0, on_device(state), on_host(far_.take(name))});
  return state;
}

void StateMemory::commit(uint32_t slot, NameId name) {
  Slot& s = slots_[slot];
  if (s.reserved == kNoState) return;
  GANTRY_CHECK_NE(name, kNoName);
  if (checkpoints_.at(name) != kNoState) {  // another sequence was first, its state is the same (contract E1)
    checkpoints_.give(s.reserved);
  } else {
    checkpoints_.attach(s.reserved, name);
    if (s.reserved_follows) s.follower = name;
  }
  s.reserved = kNoState;
}

void StateMemory::list_unused(std::vector<StateId>& out) const {
  for (uint32_t i = 0; i < slots_.size(); ++i) {
    if (!slots_[i].open) out.push_back(i);
  }
  checkpoints_.list_unused(out);
}

void StateMemory::check() const {
  checkpoints_.check();
  far_.check();
  for (const Slot& slot : slots_) {
    GANTRY_CHECK_EQ(slot.reserved, kNoState);
  }
}

}  // namespace gantry::kv
