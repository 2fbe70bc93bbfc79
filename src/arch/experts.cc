#include "arch/experts.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "base/error.h"

namespace gantry::arch {
namespace {

[[noreturn]] void damaged(const Header& header, const char* key, const std::string& what) {
  throw Error(ErrorCode::kBadFile, what, header.file().path() + ": " + header.key(key));
}

device::Routing::Score read_score(const Header& header) {
  constexpr const char* kKey = "expert_gating_func";
  switch (header.need_uint(kKey, 0, UINT32_MAX)) {
    case 1:
      return device::Routing::Score::kSoftmax;
    case 2:
      return device::Routing::Score::kSigmoid;
    case 3:
      return device::Routing::Score::kSoftmaxOfChosen;
    default:
      header.refuse(kKey, fmt::format("no such gating function: {}", header.need_uint(kKey, 0, UINT32_MAX)),
                    "known: 1 (softmax), 2 (sigmoid), 3 (softmax of the chosen)");
  }
}

void read_groups(const Header& header, device::Routing& routing) {
  const uint32_t groups = header.get_uint("expert_group_count", 0, device::kExpertsMax).value_or(0);
  if (groups <= 1) return;
  if (routing.experts % groups != 0)
    damaged(header, "expert_group_count",
            fmt::format("{} experts do not divide into {} groups", routing.experts, groups));
  const uint32_t used = header.need_uint("expert_group_used_count", 1, groups);
  const uint32_t within = routing.experts / groups * used;
  if (within < routing.used)
    damaged(header, "expert_group_used_count",
            fmt::format("{} groups hold {} experts, {} are to be chosen", used, within, routing.used));
  routing.groups = groups;
  routing.groups_used = used;
}

// Mixtral's first files have a tensor for each expert: blk.N.ffn_up.0.weight and so on.
MatrixStack read_apart(Header& header, uint32_t layer, const char* what, uint32_t rows, uint32_t cols,
                       uint32_t count) {
  MatrixStack stack;
  stack.count = count;
  stack.sparse = true;
  for (uint32_t expert = 0; expert < count; ++expert) {
    const std::string name = layer_tensor(layer, fmt::format("ffn_{}.{}.weight", what, expert));
    const Matrix matrix = header.need_matrix(name, rows, cols);
    if (expert == 0) stack.shape = matrix.shape;
    if (matrix.shape.dtype != stack.shape.dtype)
      throw Error(ErrorCode::kUnsupported,
                  fmt::format("its type is {}, the layer's first expert has {}",
                              quant::facts(matrix.shape.dtype).name, quant::facts(stack.shape.dtype).name),
                  fmt::format("{}: tensor {}", header.file().path(), name),
                  "use a file whose experts are of one type");
    stack.tensors.push_back(matrix.tensor);
  }
  return stack;
}

MatrixStack read_stack(Header& header, uint32_t layer, const char* what, uint32_t rows, uint32_t cols,
                       uint32_t count) {
  const std::string name = layer_tensor(layer, fmt::format("ffn_{}_exps.weight", what));
  const std::string first = layer_tensor(layer, fmt::format("ffn_{}.0.weight", what));
  if (!header.has(name) && header.has(first)) return read_apart(header, layer, what, rows, cols, count);
  MatrixStack stack = header.need_stack(name, rows, cols, count);
  stack.sparse = true;
  return stack;
}

// The experts' gates stand with what they gate in one tensor, or in one of their own.
bool gate_is_fused(const Header& header, uint32_t layer) {
  const std::string fused = layer_tensor(layer, "ffn_gate_up_exps.weight");
  const std::string own = layer_tensor(layer, "ffn_gate_exps.weight");
  if (header.has(fused)) return true;
  if (header.has(own) || header.has(layer_tensor(layer, "ffn_gate.0.weight"))) return false;
  throw Error(ErrorCode::kBadFile,
              fmt::format("the tensor is missing, and so is {}, which would hold it too", fused),
              fmt::format("{}: tensor {}", header.file().path(), own),
              "the file is incomplete, or is not the architecture it says it is");
}

std::optional<Vector> read_bias(Header& header, uint32_t layer, const char* what, uint32_t rows,
                                uint32_t count) {
  return header.find_vector_stack(layer_tensor(layer, fmt::format("ffn_{}_exps.bias", what)), rows, count);
}

}  // namespace

uint32_t expert_hidden(const Header& header, const Trunk& trunk, const ExpertRule& rule, uint32_t layer) {
  constexpr const char* kKey = "expert_feed_forward_length";
  if (const auto own = header.get_per_layer(kKey, trunk.layers, 0, kWidthMax); own && (*own)[layer] != 0)
    return (*own)[layer];
  const uint32_t whole = trunk.hidden[layer];
  if (rule.hidden == ExpertRule::Hidden::kWhole) return whole;
  const uint32_t part = whole / header.need_uint("expert_used_count", 1, device::kExpertsUsedMax);
  if (part == 0) damaged(header, "feed_forward_length", fmt::format("{} values for all experts", whole));
  return part;
}

uint32_t times(const Header& header, uint32_t hidden, uint32_t count) {
  if (count != 0 && hidden > kWidthMax / count)
    damaged(header, "expert_shared_count", fmt::format("{} shared experts of {} values each", count, hidden));
  return hidden * count;
}

uint32_t shared_hidden(const Header& header, const Trunk& trunk, const ExpertRule& rule, uint32_t count) {
  const uint32_t first = std::min(rule.dense_layers, trunk.layers - 1);
  return count == 0 ? 0 : times(header, expert_hidden(header, trunk, rule, first), count);
}

device::Routing read_routing(const Header& header, const ExpertRule& rule) {
  device::Routing routing;
  routing.experts = header.need_uint("expert_count", 1, device::kExpertsMax);
  routing.used = header.need_uint("expert_used_count", 1, device::kExpertsUsedMax);
  if (routing.used > routing.experts)
    damaged(header, "expert_used_count",
            fmt::format("{} of {} experts are to be chosen", routing.used, routing.experts));
  routing.score = rule.score;
  if (rule.score_key && header.get_uint("expert_gating_func", 0, UINT32_MAX).value_or(0) != 0)
    routing.score = read_score(header);
  routing.normalise = rule.normalise;
  if (rule.normalise_key) routing.normalise = header.get_bool("expert_weights_norm").value_or(rule.normalise);
  const double scale = header.get_float("expert_weights_scale").value_or(0);
  if (!std::isfinite(scale)) damaged(header, "expert_weights_scale", "it is not a number");
  routing.scale = scale == 0 ? 1 : static_cast<float>(scale);
  read_groups(header, routing);
  return routing;
}

GatedMlp read_shared_mlp(Header& header, const Trunk& trunk, uint32_t layer, uint32_t hidden,
                         device::Activation activation) {
  return {activation, header.need_linear(layer_tensor(layer, "ffn_gate_shexp"), hidden, trunk.width),
          header.need_linear(layer_tensor(layer, "ffn_up_shexp"), hidden, trunk.width),
          header.need_linear(layer_tensor(layer, "ffn_down_shexp"), trunk.width, hidden)};
}

ExpertMlp read_expert_mlp(Header& header, const Trunk& trunk, uint32_t layer, const ExpertRule& rule) {
  ExpertMlp mlp;
  mlp.routing = read_routing(header, rule);
  const uint32_t experts = mlp.routing.experts, width = trunk.width;
  const uint32_t hidden = expert_hidden(header, trunk, rule, layer);
  mlp.router = header.need_linear(layer_tensor(layer, "ffn_gate_inp"), experts, width);
  if (rule.selection_bias)
    mlp.selection_bias = header.find_vector(layer_tensor(layer, "exp_probs_b.bias"), experts);
  mlp.activation = rule.activation;
  if (gate_is_fused(header, layer)) {
    mlp.up = read_stack(header, layer, "gate_up", 2 * hidden, width, experts);
    mlp.up_bias = read_bias(header, layer, "gate_up", 2 * hidden, experts);
  } else {
    mlp.gate = read_stack(header, layer, "gate", hidden, width, experts);
    mlp.up = read_stack(header, layer, "up", hidden, width, experts);
    mlp.gate_bias = read_bias(header, layer, "gate", hidden, experts);
    mlp.up_bias = read_bias(header, layer, "up", hidden, experts);
  }
  mlp.down = read_stack(header, layer, "down", width, hidden, experts);
  mlp.down_bias = read_bias(header, layer, "down", width, experts);
  if (rule.shared_hidden != 0)
    mlp.shared = read_shared_mlp(header, trunk, layer, rule.shared_hidden, rule.activation);
  if (mlp.shared && rule.shared_gate)
    mlp.shared_gate = header.need_linear(layer_tensor(layer, "ffn_gate_inp_shexp"), 1, width);
  return mlp;
}

bool has_experts(const Header& header) {
  return header.get_uint("expert_count", 0, UINT32_MAX).value_or(0) > 0;
}

void leave_out_nextn(const Header& header, Trunk& trunk) {
  const uint32_t nextn = header.get_uint("nextn_predict_layers", 0, kLayersMax).value_or(0);
  if (nextn >= trunk.layers)
    damaged(header, "nextn_predict_layers", fmt::format("{} of {} layers", nextn, trunk.layers));
  trunk.layers -= nextn;
}

std::function<std::optional<Ffn>(uint32_t layer)> expert_layers(Header& header, const Trunk& trunk,
                                                                const ExpertRule& rule) {
  return [&header, &trunk, rule](uint32_t layer) -> std::optional<Ffn> {
    if (!rule.in_layer(layer)) return std::nullopt;
    return read_expert_mlp(header, trunk, layer, rule);
  };
}

}  // namespace gantry::arch
