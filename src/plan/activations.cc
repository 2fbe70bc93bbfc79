#include "plan/activations.h"

#include <algorithm>
#include <initializer_list>

#include "arch/part.h"

namespace gantry::plan {
namespace {

// Columns of the buffers that layers of each kind work in.
struct Widths {
  const arch::Ranks& ranks;
  uint32_t query = 0, key = 0, value = 0, attended = 0, hidden = 0, gated = 0;
  uint32_t query_latent = 0, absorbed = 0, latent = 0;
  uint32_t experts = 0, used = 0, scores = 0;
  uint64_t expert_hidden = 0, expert_up = 0, expert_out = 0;  // of all of a row's experts
  uint32_t query_gate = 0, projected = 0, convolved = 0, recalled = 0, rates = 0;  // of recurrent layers
  uint64_t nodes = 0;   // of a row, or of all of its experts
  bool branch = false;  // some layer's result is worked on before it joins the stream
  bool second = false;  // some parallel layer's ffn has a norm of its own

  // A last matrix, of which a row needs so many.
  void last(const device::WeightShape& shape, uint32_t times = 1) {
    if (shape.is_part())
      nodes = std::max(nodes, uint64_t{times} * arch::dealt_sum(shape, ranks).nodes.count * shape.rows);
  }

  void take(const arch::SoftmaxAttention& a) {
    query = std::max(query, a.heads * a.key_dim);
    key = std::max(key, a.kv_heads * a.key_dim);
    value = std::max(value, a.kv_heads * a.value_dim);
    attended = std::max(attended, a.heads * a.value_dim);
    if (a.gated) query_gate = std::max(query_gate, 2 * a.heads * a.key_dim);
    last(a.out.weight.shape);
  }
  void take(const arch::ShortConv& c) {
    projected = std::max(projected, 3 * c.channels);
    convolved = std::max(convolved, c.channels);
    last(c.out.weight.shape);
  }
  void take(const arch::Mamba2& m) {
    projected = std::max(projected, m.inner() + m.channels() + m.heads);
    convolved = std::max(convolved, m.channels());
    recalled = std::max(recalled, m.inner());
    last(m.out.weight.shape);
  }
  void take(const arch::GatedDelta& d) {
    projected = std::max(projected, d.channels() + d.value_heads * d.value_dim);
    convolved = std::max(convolved, d.channels());
    recalled = std::max(recalled, d.value_heads * d.value_dim);
    rates = std::max(rates, 2 * d.value_heads);
    last(d.out.weight.shape);
  }
  void take(const arch::LatentAttention& a) {
    query = std::max(query, a.heads * a.query_dim());
    key = std::max(key, a.key_dim());
    attended = std::max(attended, a.heads * a.value_dim);
    if (a.q_a) query_latent = std::max(query_latent, a.q_a->weight.shape.rows);
    absorbed = std::max(absorbed, a.heads * a.key_dim());
    latent = std::max(latent, a.heads * a.latent);
    last(a.out.weight.shape);
  }
  void take(const arch::ActivationOnly&) {}
  void take(const arch::ExpertMlp& m) {
    experts = std::max(experts, m.routing.experts);
    scores = std::max(scores, m.scores());
    used = std::max(used, m.used());
    expert_hidden = std::max(expert_hidden, uint64_t{m.used()} * m.up.shape.rows);
    if (m.gate) expert_up = std::max(expert_up, uint64_t{m.used()} * m.hidden());
    expert_out = std::max(expert_out, uint64_t{m.used()} * m.down.shape.rows);
    last(m.down.shape, m.used());
    if (m.shared) take(*m.shared);
  }
  void take(const arch::GatedMlp& m) {
    hidden = std::max(hidden, m.hidden());
    gated = std::max(gated, m.hidden());
    last(m.down.weight.shape);
  }
  void take(const arch::PlainMlp& m) {
    hidden = std::max(hidden, m.hidden());
    last(m.down.weight.shape);
  }
  void take(const arch::NoFfn&) {}
};

Widths widths_of(const arch::Blueprint& blueprint) {
  Widths widths{blueprint.ranks};
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
    case Role::kQueryGate:
      return "queries and gates";
    case Role::kProjected:
      return "projected";
    case Role::kConvolved:
      return "convolved";
    case Role::kRecalled:
      return "recalled";
    case Role::kRates:
      return "rates";
    case Role::kRopeTable:
      return "rotation table";
    case Role::kQueryLatent:
      return "query latents";
    case Role::kAbsorbed:
      return "absorbed queries";
    case Role::kLatent:
      return "attended latents";
    case Role::kScores:
      return "router's scores";
    case Role::kStarts:
      return "experts' places";
    case Role::kSource:
      return "rows by place";
    case Role::kPlace:
      return "places by row";
    case Role::kExpertWeights:
      return "experts' weights";
    case Role::kExpertHidden:
      return "experts' hidden";
    case Role::kExpertUp:
      return "experts' up";
    case Role::kExpertOut:
      return "experts' results";
    case Role::kLast:
      return "rows for logits";
    case Role::kLogits:
      return "logits";
    case Role::kNodes:
      return "sums of all ranks";
  }
  return "";
}

std::vector<Activation> list_activations(const arch::Blueprint& blueprint, const Limits& limits) {
  const Widths widths = widths_of(blueprint);
  const uint32_t rows = limits.step_rows;
  std::vector<Activation> list;
  const auto add = [&](Role role, uint32_t of, uint64_t cols, uint32_t index = 0) {
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
  add(Role::kQueryLatent, rows, widths.query_latent);
  add(Role::kAbsorbed, rows, widths.absorbed);
  add(Role::kLatent, rows, widths.latent);
  add(Role::kScores, rows, widths.scores);
  add(Role::kStarts, widths.experts == 0 ? 0 : 1, widths.experts + 1);
  add(Role::kSource, rows, widths.used);
  add(Role::kPlace, rows, widths.used);
  add(Role::kExpertWeights, rows, widths.used);
  add(Role::kExpertHidden, rows, widths.expert_hidden);
  add(Role::kExpertUp, rows, widths.expert_up);
  add(Role::kExpertOut, rows, widths.expert_out);
  add(Role::kQueryGate, rows, widths.query_gate);
  add(Role::kProjected, rows, widths.projected);
  add(Role::kConvolved, rows, widths.convolved);
  add(Role::kRecalled, rows, widths.recalled);
  add(Role::kRates, rows, widths.rates);
  add(Role::kLast, limits.logit_rows, blueprint.width);
  add(Role::kLogits, limits.logit_rows, blueprint.logits());
  add(Role::kNodes, rows, widths.nodes);
  for (uint32_t i = 0; i < blueprint.ropes.size(); ++i) {
    add(Role::kRopeTable, rows, static_cast<uint32_t>(2 * blueprint.ropes[i].frequencies.size()), i);
  }
  return list;
}

namespace {

// The largest scratch of all that was taken note of.
class Scratch {
 public:
  Scratch(const Limits& limits, const device::Sizer& sizer) : limits_(limits), sizer_(sizer) {}
  uint64_t bytes() const { return bytes_; }

  void take(const arch::Matrix& m) { linear({m.shape}); }
  void take(const arch::SoftmaxAttention& a) {
    attention(a);
    linear({a.q.weight.shape, a.k.weight.shape, a.v.weight.shape});
  }
  void take(const arch::LatentAttention& a) {
    attention(a);
    linear({(a.q_a ? *a.q_a : a.q).weight.shape, a.kv_a.weight.shape});
    stack(a.k_b, a.heads);
    stack(a.v_b, a.heads);
  }
  void take(const arch::ShortConv&) {}
  void take(const arch::Mamba2&) {}
  void take(const arch::GatedDelta& d) {
    linear({d.qkv.weight.shape, d.gate.weight.shape, d.alpha.weight.shape, d.beta.weight.shape});
  }
  void take(const arch::GatedMlp& m) { linear({m.gate.weight.shape, m.up.weight.shape}); }
  void take(const arch::PlainMlp&) {}
  void take(const arch::NoFfn&) {}
  void take(const arch::ActivationOnly&) {}
  void take(const arch::ExpertMlp& m) {
    if (m.gate) stack(*m.gate, m.used());
    stack(m.up, m.used());
    stack(m.down, m.used());
    if (m.shared_gate) linear({m.router.weight.shape, m.shared_gate->weight.shape});
    if (m.shared) take(*m.shared);
  }

 private:
  void note(uint64_t bytes) { bytes_ = std::max(bytes_, bytes); }
  // Layers of one input, as the forward pass calls them.
  void linear(std::initializer_list<device::WeightShape> shapes) {
    note(sizer_.linear_scratch_bytes({shapes.begin(), shapes.size()}, limits_.step_rows));
  }
  template <typename Attention>
  void attention(const Attention& a) {
    note(sizer_.attention_scratch_bytes(kv_shape(a, limits_), a.heads, limits_.step_rows));
  }
  // Every row goes to `used` of the matrices.
  void stack(const arch::MatrixStack& s, uint32_t used) {
    note(sizer_.stack_scratch_bytes(s.shape, s.count, uint64_t{limits_.step_rows} * used));
  }

  const Limits& limits_;
  const device::Sizer& sizer_;
  uint64_t bytes_ = 0;
};

}  // namespace

uint64_t scratch_bytes(const arch::Blueprint& blueprint, const Limits& limits, const device::Sizer& sizer) {
  Scratch scratch(limits, sizer);
  arch::visit_weights(blueprint, {[&](const arch::Matrix& matrix) { scratch.take(matrix); },
                                  [](const arch::Vector&) {}, [](const arch::MatrixStack&) {}});
  for (const arch::LayerSpec& layer : blueprint.layers) {
    std::visit([&](const auto& kind) { scratch.take(kind); }, layer.mixer);
    std::visit([&](const auto& kind) { scratch.take(kind); }, layer.ffn);
  }
  return scratch.bytes();
}

device::KvShape kv_shape(const arch::SoftmaxAttention& attention, const Limits& limits) {
  return {limits.kv_dtype, attention.kv_heads, attention.key_dim, attention.value_dim};
}

device::KvShape kv_shape(const arch::LatentAttention& attention, const Limits& limits) {
  return {limits.kv_dtype, 1, attention.key_dim(), attention.latent, true};
}

}  // namespace gantry::plan
