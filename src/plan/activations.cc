#include "plan/activations.h"

#include <algorithm>

namespace gantry::plan {
namespace {

// Columns of the buffers that layers of each kind work in.
struct Widths {
  uint32_t query = 0, key = 0, value = 0, attended = 0, hidden = 0;

  void take(const arch::SoftmaxAttention& a) {
    query = std::max(query, a.heads * a.key_dim);
    key = std::max(key, a.kv_heads * a.key_dim);
    value = std::max(value, a.kv_heads * a.value_dim);
    attended = std::max(attended, a.heads * a.value_dim);
  }
  void take(const arch::GatedMlp& m) { hidden = std::max(hidden, m.hidden()); }
};

Widths widths_of(const arch::Blueprint& blueprint) {
  Widths widths;
  for (const arch::LayerSpec& layer : blueprint.layers) {
    std::visit([&](const auto& kind) { widths.take(kind); }, layer.mixer);
    std::visit([&](const auto& kind) { widths.take(kind); }, layer.ffn);
  }
  return widths;
}

}  // namespace

const char* name_of(Role role) {
  switch (role) {
    case Role::kStream:
      return "residual stream";
    case Role::kNormed:
      return "normed";
    case Role::kQuery:
      return "queries";
    case Role::kKey:
      return "keys";
    case Role::kValue:
      return "values";
    case Role::kAttended:
      return "attended";
    case Role::kGate:
      return "gate";
    case Role::kUp:
      return "up";
    case Role::kRopeTable:
      return "rotation table";
    case Role::kLast:
      return "rows for logits";
    case Role::kLogits:
      return "logits";
  }
  return "";
}

std::vector<Activation> list_activations(const arch::Blueprint& blueprint, const Limits& limits) {
  const Widths widths = widths_of(blueprint);
  const uint32_t rows = limits.step_rows;
  std::vector<Activation> list = {
      {Role::kStream, 0, rows, blueprint.width},
      {Role::kNormed, 0, rows, blueprint.width},
      {Role::kQuery, 0, rows, widths.query},
      {Role::kKey, 0, rows, widths.key},
      {Role::kValue, 0, rows, widths.value},
      {Role::kAttended, 0, rows, widths.attended},
      {Role::kGate, 0, rows, widths.hidden},
      {Role::kUp, 0, rows, widths.hidden},
      {Role::kLast, 0, limits.logit_rows, blueprint.width},
      {Role::kLogits, 0, limits.logit_rows, blueprint.vocab},
  };
  for (uint32_t i = 0; i < blueprint.ropes.size(); ++i) {
    list.push_back(
        {Role::kRopeTable, i, rows, static_cast<uint32_t>(2 * blueprint.ropes[i].frequencies.size())});
  }
  return list;
}

std::vector<Staging> list_staging(const Limits& limits) {
  return {
      {Staged::kTokens, "tokens", uint64_t{4} * limits.step_rows},
      {Staged::kPositions, "positions", uint64_t{4} * limits.step_rows},
      {Staged::kSequences, "sequences", uint64_t{4} * limits.step_rows},
      {Staged::kPageTables, "page tables", uint64_t{4} * limits.sequences * limits.pages_max},
      {Staged::kLogitRows, "logit rows", uint64_t{4} * limits.logit_rows},
  };
}

uint64_t scratch_bytes(const arch::Blueprint& blueprint, const Limits& limits, const device::Sizer& sizer) {
  uint64_t most = 0;
  arch::visit_weights(blueprint, {[&](const arch::Matrix& matrix) {
                                    most = std::max(
                                        most, sizer.linear_scratch_bytes(matrix.shape, limits.step_rows));
                                  },
                                  [](const arch::Vector&) {}});
  for (const arch::LayerSpec& layer : blueprint.layers) {
    std::visit(arch::Overloaded{[&](const arch::SoftmaxAttention& a) {
                 most = std::max(
                     most, sizer.attention_scratch_bytes(kv_shape(a, limits), a.heads, limits.step_rows));
               }},
               layer.mixer);
  }
  return most;
}

device::KvShape kv_shape(const arch::SoftmaxAttention& attention, const Limits& limits) {
  return {limits.kv_dtype, attention.kv_heads, attention.key_dim, attention.value_dim};
}

}  // namespace gantry::plan
