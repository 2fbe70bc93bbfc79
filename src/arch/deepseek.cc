// DeepSeekMoE, DeepSeek's first mixture (Dai et al., "DeepSeekMoE: towards ultimate expert specialization in
// mixture-of-experts language models", 2024), dots.llm1 (rednote, "dots.llm1 technical report", 2025) and
// Ling (Ling Team, "Every FLOP counts", 2025): a few dense layers, then many small experts and shared ones.
#include "arch/dense.h"
#include "arch/experts.h"
#include "arch/families.h"

namespace gantry::arch {
namespace {

// Dense layers first, shared experts as wide as their number says.
DenseRule with_shared(Header& header, Trunk& trunk, device::RopeOrder order, ExpertRule experts) {
  leave_out_nextn(header, trunk);
  experts.dense_layers = header.get_uint("leading_dense_block_count", 0, kLayersMax).value_or(0);
  const uint32_t count = header.need_uint("expert_shared_count", 0, device::kExpertsMax);
  const uint32_t own = header.get_uint("expert_shared_feed_forward_length", 0, kWidthMax).value_or(0);
  experts.shared_hidden = own != 0 ? times(header, own, count) : shared_hidden(header, trunk, experts, count);
  DenseRule rule{.rope = order};
  rule.own_ffn = expert_layers(header, trunk, experts);
  return rule;
}

ExpertRule with_keys(device::Routing::Score score) {
  ExpertRule experts;
  experts.score = score;
  experts.score_key = true;
  experts.normalise = false;
  experts.normalise_key = true;
  experts.selection_bias = true;
  return experts;
}

}  // namespace

Blueprint read_deepseek(Header& header) {
  Trunk trunk = read_trunk(header);
  ExpertRule experts;
  experts.normalise = false;
  return read_dense(header, with_shared(header, trunk, device::RopeOrder::kAdjacent, experts), trunk);
}

Blueprint read_bailingmoe(Header& header) {
  Trunk trunk = read_trunk(header);
  ExpertRule experts;
  experts.normalise = false;
  experts.normalise_key = true;
  return read_dense(header, with_shared(header, trunk, device::RopeOrder::kAdjacent, experts), trunk);
}

Blueprint read_bailingmoe2(Header& header) {
  Trunk trunk = read_trunk(header);
  const ExpertRule experts = with_keys(device::Routing::Score::kSigmoid);
  const DenseRule rule = with_shared(header, trunk, device::RopeOrder::kNeox, experts);
  Blueprint blueprint = read_dense(header, rule, trunk);
  read_head_norms(header, trunk, blueprint);
  return blueprint;
}

Blueprint read_dots1(Header& header) {
  Trunk trunk = read_trunk(header);
  const ExpertRule experts = with_keys(device::Routing::Score::kSoftmax);
  const DenseRule rule = with_shared(header, trunk, device::RopeOrder::kNeox, experts);
  Blueprint blueprint = read_dense(header, rule, trunk);
  read_head_norms(header, trunk, blueprint);
  return blueprint;
}

}  // namespace gantry::arch
