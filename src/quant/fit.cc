#include "quant/fit.h"

#include <fmt/format.h>

#include "base/error.h"
#include "quant/rows.h"

namespace gantry::quant {

void refuse_what_no_block_can_hold(Dtype dtype, std::span<const float> src) {
  constexpr float kHalfMax = 65504;
  for (size_t i = 0; i < src.size(); ++i)
    if (!(std::abs(src[i]) <= kHalfMax))
      throw Error(ErrorCode::kBadFile,
                  fmt::format("value {} of the row is {}, which a block of {} cannot hold", i, src[i],
                              facts(dtype).name),
                  {}, "keep this tensor in F32, or mend the model it comes from");
}

}  // namespace gantry::quant
