#include "plan/needs.h"

#include <algorithm>
#include <initializer_list>

#include <fmt/format.h>

#include "base/error.h"

namespace gantry::plan {
namespace {

using device::Operation;
using quant::Dtype;

class Needs {
 public:
  explicit Needs(Dtype kv_dtype) : kv_dtype_(kv_dtype) {}
  std::vector<Need> take_all() { return std::move(needs_); }

  void of_model(const arch::Blueprint& b) {
    what_ = "embedding";
    if (b.embedding) note(Operation::kEmbed, b.embedding->shape.dtype);
    if (b.position_embedding) {
      note(Operation::kEmbed, b.position_embedding->shape.dtype);
      note({Operation::kAdd});
    }
    take(b.embedding_norm);
    if (!b.ropes.empty()) note({Operation::kRopeTable});
    for (size_t i = 0; i < b.layers.size(); ++i) {
      what_ = fmt::format("layer {}", i);
      take(b.layers[i]);
    }
    what_ = "output";
    note({Operation::kGatherRows});
    take(b.output_norm);
    if (b.output) take(*b.output);
    if (b.logit_scale != 1 || b.logit_cap != 0) note({Operation::kScale});
  }

 private:
  void note(Operation operation, Dtype dtype) {
    const auto same = [&](const Need& need) { return need.operation == operation && need.dtype == dtype; };
    if (std::none_of(needs_.begin(), needs_.end(), same)) needs_.push_back({operation, dtype, what_});
  }
  void note(std::initializer_list<Operation> operations) {
    for (const Operation operation : operations) note(operation, Dtype::kF32);
  }

  void take(const arch::LayerSpec& layer) {
    for (const auto* norm :
         {&layer.mixer_norm, &layer.mixer_post_norm, &layer.ffn_norm, &layer.ffn_post_norm})
      take(*norm);
    const bool apart = layer.residual_scale != 1 || layer.mixer_post_norm || layer.ffn_post_norm;
    if (apart) note({Operation::kAdd});
    std::visit([&](const auto& kind) { take(kind); }, layer.mixer);
    std::visit([&](const auto& kind) { take(kind); }, layer.ffn);
  }
  void take(const std::optional<arch::Norm>& norm) {
    if (norm) note({Operation::kNorm});
  }
  void take(const arch::Linear& linear) {
    note(Operation::kLinear, linear.weight.shape.dtype);
    last(linear.weight.shape);
  }
  // A part's sum is put together with those of other ranks.
  void last(const device::WeightShape& shape) {
    if (shape.is_part()) note({Operation::kFinishLinear});
  }
  void take(std::initializer_list<const arch::Linear*> linears) {
    for (const arch::Linear* linear : linears) take(*linear);
  }
  void memory() {
    note(Operation::kKvWrite, kv_dtype_);
    note(Operation::kAttention, kv_dtype_);
  }

  void take(const arch::SoftmaxAttention& a) {
    take({&a.q, &a.k, &a.v, &a.out});
    if (a.clamp != 0) note({Operation::kScale});
    take(a.q_norm);
    take(a.k_norm);
    if (a.rope) note({Operation::kRope});
    if (a.temperature) note({Operation::kTemper});
    memory();
    if (a.gated) note({Operation::kGate});
  }
  void take(const arch::LatentAttention& a) {
    if (a.q_a) take(*a.q_a);
    take({&a.q, &a.kv_a, &a.out});
    take(a.q_a_norm);
    take(a.kv_a_norm);
    if (a.rope) note({Operation::kRope});
    for (const arch::MatrixStack* stack : {&a.k_b, &a.v_b}) note(Operation::kHeadLinear, stack->shape.dtype);
    note({Operation::kCopyMat});
    if (a.temperature) note({Operation::kTemper});
    memory();
  }
  void take(const arch::ShortConv& c) {
    take({&c.in, &c.out});
    note({Operation::kGate, Operation::kShortConv});
  }
  void take(const arch::Mamba2& m) {
    take({&m.in, &m.out});
    take(m.norm);
    note({Operation::kShortConv, Operation::kSelectiveScan, Operation::kGlu});
  }
  void take(const arch::GatedDelta& d) {
    take({&d.qkv, &d.gate, &d.alpha, &d.beta, &d.out});
    take(d.norm);
    note({Operation::kShortConv, Operation::kL2Norm, Operation::kGatedDelta, Operation::kGlu});
  }
  void take(const arch::GatedMlp& m) {
    take({&m.gate, &m.up, &m.down});
    note({Operation::kGlu});
  }
  void take(const arch::PlainMlp& m) {
    take({&m.up, &m.down});
    note({Operation::kActivate});
  }
  void take(const arch::ActivationOnly&) { note({Operation::kActivate, Operation::kAdd}); }
  void take(const arch::ExpertMlp& m) {
    take(m.router);
    note({Operation::kRoute, Operation::kGlu, Operation::kCombine});
    if (m.gate) note(Operation::kExpertLinear, m.gate->shape.dtype);
    for (const arch::MatrixStack* stack : {&m.up, &m.down})
      note(Operation::kExpertLinear, stack->shape.dtype);
    last(m.down.shape);
    if (m.shared) take(*m.shared);
    if (m.shared_gate) take(*m.shared_gate);
  }
  void take(const arch::NoFfn&) {}

  const Dtype kv_dtype_;
  std::string what_;
  std::vector<Need> needs_;
};

}  // namespace

std::vector<Need> list_needs(const arch::Blueprint& blueprint, Dtype kv_dtype) {
  Needs needs(kv_dtype);
  needs.of_model(blueprint);
  return needs.take_all();
}

void check_needs(const std::vector<Need>& needs, const device::Sizer& sizer, const std::string& device_id) {
  for (const Need& need : needs) {
    const device::Answer answer = sizer.can(need.operation, need.dtype);
    if (answer) continue;
    throw Error(ErrorCode::kUnsupported,
                fmt::format("it cannot do {} in {}: {}", device::name_of(need.operation),
                            quant::facts(need.dtype).name, answer.reason),
                fmt::format("{}, {}", device_id, need.what),
                "use another device, or a file whose weights are of another type");
  }
}

}  // namespace gantry::plan
