// Readers of the recurrent layers (layer_spec.h) that families share: the numbers under the keys "ssm.*" and
// the tensors of one layer.
#pragma once

#include "arch/dense.h"
#include "arch/header.h"
#include "arch/layer_spec.h"

namespace gantry::arch {

// The trunk's numbers where nothing attends; and where only layers with KV heads do (others have none).
Trunk read_bare_trunk(const Header& header);
Trunk read_hybrid_trunk(const Header& header);
bool has_attention(const Trunk& trunk);

// ssm.conv_kernel, ssm.inner_size, ssm.state_size, ssm.time_step_rank (heads), ssm.group_count
struct SsmNumbers {
  uint32_t taps = 0, inner = 0, state = 0, heads = 0, groups = 0;
};
SsmNumbers read_ssm(const Header& header);

// blk.N.ssm_{in,conv1d,dt,a,d,norm,out}
Mamba2 read_mamba2_mixer(Header& header, const SsmNumbers& numbers, const NormRule& norm, uint32_t layer,
                         uint32_t width);
// blk.N.{attn_qkv,attn_gate,ssm_conv1d,ssm_alpha,ssm_beta,ssm_dt,ssm_a,ssm_norm,ssm_out}
GatedDelta read_gated_delta(Header& header, const SsmNumbers& numbers, const NormRule& norm, uint32_t layer,
                            uint32_t width);
// blk.N.shortconv.{in_proj,conv,out_proj}
ShortConv read_short_conv(Header& header, uint32_t taps, uint32_t layer, uint32_t width);

}  // namespace gantry::arch
