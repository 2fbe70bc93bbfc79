// A plan carried out: sealed arenas of exactly the planned sizes, every weight uploaded. (Contract M2.)
#pragma once

#include <compare>
#include <functional>
#include <map>
#include <memory>
#include <string_view>
#include <vector>

#include "arch/part.h"
#include "base/copies.h"
#include "device/device.h"
#include "gguf/gguf.h"
#include "plan/activations.h"
#include "plan/memory_plan.h"
#include "plan/states.h"
#include "plan/windows.h"

namespace gantry::model {

// Told of bytes of all bytes, from the first on and a few times a second: "memory" that was taken, then
// "weights" that were read. What it throws ends the loading.
using LoadProgress = std::function<void(std::string_view stage, uint64_t done, uint64_t all)>;

// Holds device memory; after load() nothing is taken any more. Any thread may read it.
class LoadedModel {
 public:
  // Takes the arenas, uploads the weights, seals. Error kMemory when the system refuses a planned arena
  // (nothing stays taken), kBadFile when a vector holds no finite numbers, kIo when the file becomes shorter
  // meanwhile. The file may be closed afterwards; the Blueprint must not outlive it.
  static std::unique_ptr<LoadedModel> load(const arch::Blueprint& blueprint, const gguf::GgufFile& file,
                                           const plan::MemoryPlan& plan, device::Device& device,
                                           const LoadProgress& progress = {});

  const plan::Limits& limits() const { return limits_; }
  const std::vector<std::unique_ptr<device::Arena>>& arenas() const { return arenas_; }
  const device::Arena& host_arena() const { return *host_arena_; }
  const device::Arena* host_cache() const { return host_cache_.get(); }  // none where nothing is kept there

  // Of a last matrix, whose nodes a step exchanges; of a whole one nothing is exchanged.
  arch::DealtSum dealt_sum(const device::WeightShape& last) const {
    return last.is_part() ? arch::dealt_sum(last, ranks_) : arch::DealtSum{};
  }

  device::Weight weight(const arch::Matrix& matrix) const;
  device::WeightStack stack(const arch::MatrixStack& stack) const;
  device::Buffer vector(const arch::Vector& vector) const;  // float32
  device::Buffer frequencies(uint32_t rope) const { return frequencies_[rope]; }
  device::Buffer slopes(uint32_t index) const { return slopes_[index]; }
  device::Buffer kv(uint32_t layer) const { return kv_[layer]; }  // none for a recurrent layer
  const plan::StateLayout& state_layout() const { return state_layout_; }
  device::Buffer state(StateId state) const {
    return states_.part(state * state_layout_.bytes, state_layout_.bytes);
  }
  // In the host's memory: a pool of pages (the main one, then that of each window), and the states.
  device::Buffer host_pages(size_t pool) const { return host_pools_[pool]; }
  device::Buffer host_state(StateId state) const {
    return host_pools_.back().part(state * state_layout_.bytes, state_layout_.bytes);
  }
  // One layer's part of all states, `offset` bytes from the beginning of each.
  device::StatePart state_part(uint64_t offset) const { return {states_, state_layout_.bytes, offset}; }
  device::Buffer activation(plan::Role role, uint32_t index = 0) const;
  // Where a step is told to the device: the block there, and the host's that is written to it.
  device::Buffer staging() const { return staging_; }
  device::Buffer host_staging() const { return host_staging_; }
  device::Buffer scratch() const { return scratch_; }

 private:
  void take_arenas(const plan::DevicePlan& plan, device::Device& device, const LoadProgress& progress);
  LoadedModel(const plan::Limits& limits, const arch::Ranks& ranks) : limits_(limits), ranks_(ranks) {}
  device::Arena& arena(plan::ArenaKind kind) const { return *arenas_[static_cast<size_t>(kind)]; }
  void take_all(const arch::Blueprint& blueprint, const device::Sizer& sizer);
  void upload(const arch::MatrixStack& stack, const gguf::GgufFile& file, device::Stream& stream);
  void upload(const arch::Blueprint& blueprint, const gguf::GgufFile& file, device::Device& device,
              const LoadProgress& progress);

  const plan::Limits limits_;
  const arch::Ranks ranks_;
  std::vector<std::unique_ptr<device::Arena>> arenas_;  // by ArenaKind
  std::unique_ptr<device::Arena> host_arena_;           // of host_staging_
  std::unique_ptr<device::Arena> host_cache_;
  // Where a weight begins in the file, and how many rows, matrices or values it has: of one tensor a model
  // may take several weights, also ones that begin at the same place.
  struct Place {
    const gguf::TensorInfo* tensor;
    uint32_t first, first_col, count;
    auto operator<=>(const Place&) const = default;
  };
  static Place place_of(const arch::Matrix& m) {
    return {m.tensor, m.first_row, m.shape.first_col, m.shape.rows};
  }
  static Place place_of(const arch::Vector& v) { return {v.tensor, v.first, 0, v.size}; }
  static Place place_of(const arch::MatrixStack& s) {
    return {s.tensors[0], s.first_row, s.shape.first_col, s.shape.rows};
  }
  std::map<Place, device::Buffer> weights_;
  std::vector<device::Buffer> frequencies_, slopes_, kv_;
  struct Taken {
    plan::Role role;
    uint32_t index;
    device::Buffer buffer;
  };
  std::vector<Taken> activations_;
  plan::StateLayout state_layout_;
  device::Buffer states_;
  std::vector<device::Buffer> host_pools_;  // as list_host_cache() has them
  device::Buffer scratch_, staging_, host_staging_;
};

}  // namespace gantry::model
