#include "plan/activations.h"

#include <algorithm>

namespace gantry::plan {
namespace {

// Columns of the buffers that layers of each kind work in.
struct Widths {
  uint32_t query = 0, key = 0, value = 0, attended = 0, hidden = 0, gated = 0;
  bool branch = false;  // some layer's result is worked on before it joins the stream
  bool second = false;  // some parallel layer's ffn has a norm of its own

  void take(const arch::SoftmaxAttention& a) {
    query = std::max(query, a.heads * a.key_dim);
    key = std::max(key, a.kv_heads * a.key_dim);
    value = std::max(value, a.kv_heads * a.value_dim);
    attended = std::max(attended, a.heads * a.value_dim);
  }
  void take(const arch::GatedMlp& m) {
    hidden = std::max(hidden, m.hidden());
    gated = std::max(gated, m.hidden());
  }
  void take(const arch::PlainMlp& m) { hidden = std::max(hidden, m.hidden()); }
};

Widths widths_of(const arch::Blueprint& blueprint) {
  Widths widths;
  for (const arch::LayerSpec& layer : blueprint.layers) {
    std::visit([&](const auto& kind) { widths.take(kind); }, layer.mixer);
    std::visit([&](const auto& kind) { widths.take(kind); }, layer.ffn);
    widths.branch |= layer.mixer_post_norm || layer.ffn_post_norm || layer.residual_scale != 1;
    widths.second |= layer.parallel && layer.ffn_norm;
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
    case Role::kNormedForFfn:
      return "normed for the feed-forward layer";
    case Role::kBranch:
      return "branch";
    case Role::kQuery:
      return "queries";
    case Role::kKey:
      return "keys";
    case Role::kValue:
      return "values";
    case Role::kAttended:
      return "attended";
    case Role::kHidden:
      return "hidden";
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
  std::vector<Activation> list;
  const auto add = [&](Role role, uint32_t of, uint32_t cols, uint32_t index = 0) {
    if (of != 0 && cols != 0) list.push_back({role, index, of, cols});
  };
  add(Role::kStream, rows, blueprint.width);
  add(Role::kNormed, rows, blueprint.width);
  add(Role::kNormedForFfn, widths.second ? rows : 0, blueprint.width);
  add(Role::kBranch, widths.branch ? rows : 0, blueprint.width);
  add(Role::kQuery, rows, widths.query);
  add(Role::kKey, rows, widths.key);
  add(Role::kValue, rows, widths.value);
  add(Role::kAttended, rows, widths.attended);
  add(Role::kHidden, rows, widths.hidden);
  add(Role::kUp, rows, widths.gated);
  add(Role::kLast, limits.logit_rows, blueprint.width);
  add(Role::kLogits, limits.logit_rows, blueprint.vocab);
  for (uint32_t i = 0; i < blueprint.ropes.size(); ++i) {
    add(Role::kRopeTable, rows, static_cast<uint32_t>(2 * blueprint.ropes[i].frequencies.size()), i);
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
