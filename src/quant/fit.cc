#include "quant/fit.h"

#include <limits>

#include <fmt/format.h>

#include "base/error.h"
#include "quant/blocks.h"
#include "quant/rows.h"

namespace gantry::quant {

float largest_in_block(Dtype dtype) {
  if (facts(dtype).block_values == 1) return std::numeric_limits<float>::infinity();
  constexpr float kHalfMax = 65504, kFp4Max = 12;
  if (dtype == Dtype::kNVFP4) return kFp4Max * nvfp4_scale(0x7e);
  if (dtype == Dtype::kMXFP4) return kFp4Max * mxfp4_scale(kMxfp4MaxExponent);
  return kHalfMax;
}

void refuse_what_no_block_can_hold(Dtype dtype, std::span<const float> src) {
  const float largest = largest_in_block(dtype);
  for (size_t i = 0; i < src.size(); ++i)
    if (!(std::abs(src[i]) <= largest))
      throw Error(ErrorCode::kBadFile,
                  fmt::format("value {} of the row is {}, which a block of {} cannot hold", i, src[i],
                              facts(dtype).name),
                  {}, "keep this tensor in F32, or repair the model it comes from");
}

}  // namespace gantry::quant
