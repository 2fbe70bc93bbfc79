#include "arch/recurrent.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "base/error.h"
#include "device/recurrent_ops.h"

namespace gantry::arch {
namespace {

[[noreturn]] void refuse(const Header& header, std::string_view key, const std::string& what) {
  throw Error(ErrorCode::kBadFile, what, fmt::format("{}: {}", header.file().path(), header.key(key)));
}

}  // namespace

Trunk read_bare_trunk(const Header& header) {
  Trunk trunk;
  trunk.layers = header.need_uint("block_count", 1, kLayersMax);
  trunk.width = header.need_uint("embedding_length", 1, kWidthMax);
  trunk.context = header.need_uint("context_length", 1, kContextMax);
  constexpr const char* kEps = "attention.layer_norm_rms_epsilon";
  trunk.norm = {device::NormKind::kRms, static_cast<float>(header.need_float(kEps)), false};
  if (!(trunk.norm.eps >= 0)) header.refuse(kEps, "must not be negative");
  return trunk;
}

Trunk read_hybrid_trunk(const Header& header) {
  Trunk trunk = read_bare_trunk(header);
  trunk.heads = header.need_per_layer("attention.head_count", trunk.layers, 0, kHeadsMax);
  trunk.kv_heads =
      header.get_per_layer("attention.head_count_kv", trunk.layers, 0, kHeadsMax).value_or(trunk.heads);
  trunk.hidden = header.need_per_layer("feed_forward_length", trunk.layers, 1, kWidthMax);
  const uint32_t most = *std::max_element(trunk.heads.begin(), trunk.heads.end());
  const uint32_t even = most != 0 && trunk.width % most == 0 ? trunk.width / most : 0;
  trunk.key_dim = header.get_uint("attention.key_length", 1, kWidthMax).value_or(even);
  trunk.value_dim = header.get_uint("attention.value_length", 1, kWidthMax).value_or(even);
  if (!has_attention(trunk)) return trunk;
  if (trunk.key_dim == 0 || trunk.value_dim == 0)
    refuse(header, "attention.head_count",
           fmt::format("{} values do not divide into {} heads", trunk.width, most));
  for (uint32_t layer = 0; layer < trunk.layers; ++layer) {
    const uint32_t heads = trunk.heads[layer], kv_heads = trunk.kv_heads[layer];
    if (kv_heads == 0) continue;
    if (heads == 0 || heads % kv_heads != 0)
      refuse(header, "attention.head_count_kv",
             fmt::format("layer {}: {} heads cannot share {} KV heads evenly", layer, heads, kv_heads));
    if (uint64_t{heads} * std::max(trunk.key_dim, trunk.value_dim) > kWidthMax)
      refuse(header, "attention.head_count",
             fmt::format("layer {}: {} heads of {} values are over the limit of {}", layer, heads,
                         std::max(trunk.key_dim, trunk.value_dim), kWidthMax));
  }
  const double scale = header.get_float("attention.scale").value_or(0);
  trunk.score_scale =
      scale > 0 ? static_cast<float>(scale) : 1 / std::sqrt(static_cast<float>(trunk.key_dim));
  return trunk;
}

bool has_attention(const Trunk& trunk) {
  return std::any_of(trunk.kv_heads.begin(), trunk.kv_heads.end(), [](uint32_t heads) { return heads != 0; });
}

SsmNumbers read_ssm(const Header& header) {
  SsmNumbers n;
  n.taps = header.need_uint("ssm.conv_kernel", 1, device::kConvTapsMax);
  n.inner = header.need_uint("ssm.inner_size", 1, kWidthMax);
  n.state = header.need_uint("ssm.state_size", 1, kWidthMax);
  n.heads = header.need_uint("ssm.time_step_rank", 1, kHeadsMax);
  n.groups = header.need_uint("ssm.group_count", 1, kHeadsMax);
  if (n.inner % n.heads != 0)
    refuse(header, "ssm.time_step_rank",
           fmt::format("{} values do not divide into {} heads", n.inner, n.heads));
  if (n.heads % n.groups != 0)
    refuse(header, "ssm.group_count",
           fmt::format("{} heads cannot share {} groups evenly", n.heads, n.groups));
  if (uint64_t{n.groups} * n.state > kWidthMax)
    refuse(header, "ssm.state_size",
           fmt::format("{} groups of {} values are over the limit of {}", n.groups, n.state, kWidthMax));
  return n;
}

Mamba2 read_mamba2_mixer(Header& header, const SsmNumbers& n, const NormRule& norm, uint32_t layer,
                         uint32_t width) {
  const auto name = [&](std::string_view suffix) { return layer_tensor(layer, suffix); };
  const uint32_t channels = n.inner + 2 * n.groups * n.state;
  Mamba2 mixer;
  mixer.heads = n.heads;
  mixer.head_dim = n.inner / n.heads;
  mixer.groups = n.groups;
  mixer.state_dim = n.state;
  mixer.taps = n.taps;
  mixer.in = header.need_linear(name("ssm_in"), n.inner + channels + n.heads, width);
  mixer.conv = header.need_table(name("ssm_conv1d.weight"), channels, n.taps);
  mixer.conv_bias = header.find_vector(name("ssm_conv1d.bias"), channels);
  mixer.dt_bias = header.need_vector(name("ssm_dt.bias"), n.heads);
  mixer.a = header.need_table(name("ssm_a"), n.heads, 1);
  mixer.d = header.need_table(name("ssm_d"), n.heads, 1);
  mixer.norm = header.need_norm(norm, name("ssm_norm"), n.inner / n.groups, n.groups);
  mixer.out = header.need_linear(name("ssm_out"), width, n.inner);
  return mixer;
}

GatedDelta read_gated_delta(Header& header, const SsmNumbers& n, const NormRule& norm, uint32_t layer,
                            uint32_t width) {
  const auto name = [&](std::string_view suffix) { return layer_tensor(layer, suffix); };
  if (n.state > device::kDeltaKeyDimMax)
    header.refuse("ssm.state_size", fmt::format("heads of {} values, at most {} are supported", n.state,
                                                device::kDeltaKeyDimMax));
  if (n.inner != n.heads * n.state)
    refuse(header, "ssm.inner_size",
           fmt::format("the value is {}, {} heads of {} make {}", n.inner, n.heads, n.state,
                       uint64_t{n.heads} * n.state));
  const uint32_t channels = 2 * n.groups * n.state + n.inner;
  GatedDelta mixer;
  mixer.key_heads = n.groups;
  mixer.value_heads = n.heads;
  mixer.key_dim = mixer.value_dim = n.state;
  mixer.taps = n.taps;
  mixer.qkv = header.need_linear(name("attn_qkv"), channels, width);
  mixer.gate = header.need_linear(name("attn_gate"), n.inner, width);
  mixer.alpha = header.need_linear(name("ssm_alpha"), n.heads, width);
  mixer.beta = header.need_linear(name("ssm_beta"), n.heads, width);
  mixer.conv = header.need_table(name("ssm_conv1d.weight"), channels, n.taps);
  mixer.conv_bias = header.find_vector(name("ssm_conv1d.bias"), channels);
  mixer.dt_bias = header.need_vector(name("ssm_dt.bias"), n.heads);
  mixer.a = header.need_vector(name("ssm_a"), n.heads);
  mixer.length_eps = norm.eps;
  mixer.norm = header.need_norm(norm, name("ssm_norm"), n.state);
  mixer.out = header.need_linear(name("ssm_out"), width, n.inner);
  return mixer;
}

ShortConv read_short_conv(Header& header, uint32_t taps, uint32_t layer, uint32_t width) {
  const auto name = [&](std::string_view suffix) { return layer_tensor(layer, suffix); };
  ShortConv mixer;
  mixer.channels = width;
  mixer.taps = taps;
  mixer.in = header.need_linear(name("shortconv.in_proj"), 3 * width, width);
  mixer.conv = header.need_table(name("shortconv.conv.weight"), width, taps);
  mixer.conv_bias = header.find_vector(name("shortconv.conv.bias"), width);
  mixer.out = header.need_linear(name("shortconv.out_proj"), width, width);
  return mixer;
}

}  // namespace gantry::arch
