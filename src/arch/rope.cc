#include "arch/rope.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <string>

#include "base/error.h"
#include "base/fmath.h"
#include "quant/dtype.h"

namespace gantry::arch {
namespace {

// Peng et al., "YaRN: efficient context window extension of large language models", 2023: pairs that turn
// often keep their speed, pairs that never finish a turn within the original context are slowed by the
// factor, with a ramp between.
struct Yarn {
  double ext = 1;  // 1: the ramp as published; 0: plain interpolation
  double beta_fast = 32, beta_slow = 1;
  double context = 0;  // the original one
};

double correction_pair(const Yarn& yarn, double turns, uint32_t dims, double base) {
  return dims * log_f64(yarn.context / (turns * 2 * std::numbers::pi)) / (2 * log_f64(base));
}

void apply_yarn(const Yarn& yarn, double factor, double base, std::vector<double>& frequencies) {
  const auto dims = static_cast<uint32_t>(frequencies.size() * 2);
  const double low = std::max(0.0, std::floor(correction_pair(yarn, yarn.beta_fast, dims, base)));
  const double high = std::min(dims - 1.0, std::ceil(correction_pair(yarn, yarn.beta_slow, dims, base)));
  for (size_t pair = 0; pair < frequencies.size(); ++pair) {
    const double y = (static_cast<double>(pair) - low) / std::max(0.001, high - low);
    const double keep = (1 - std::clamp(y, 0.0, 1.0)) * yarn.ext;
    frequencies[pair] = frequencies[pair] / factor * (1 - keep) + frequencies[pair] * keep;
  }
}

// Frequency factors as Llama 3.1 has them: each pair's frequency is divided by its own number.
void apply_factors(Header& header, std::vector<double>& frequencies) {
  const auto factors = header.find_vector("rope_freqs.weight", static_cast<uint32_t>(frequencies.size()));
  if (!factors) return;
  std::vector<float> values(frequencies.size());
  quant::decode_row(*factors->tensor->dtype, header.file().data(*factors->tensor), values);
  for (size_t i = 0; i < values.size(); ++i) {
    if (!std::isfinite(values[i]) || values[i] == 0) {
      throw Error(ErrorCode::kBadFile, "a frequency factor is zero or not finite",
                  header.file().path() + ": tensor rope_freqs.weight");
    }
    frequencies[i] /= static_cast<double>(values[i]);
  }
}

}  // namespace

Rope read_rope(Header& header, device::RopeOrder order, uint32_t head_dim, uint32_t context_train) {
  const uint32_t dims = header.get_uint("rope.dimension_count", 0, head_dim).value_or(head_dim);
  if (dims % 2 != 0) header.refuse("rope.dimension_count", "an odd number of turning values");
  const double base = header.get_float("rope.freq_base").value_or(10000.0);
  if (!(base > 1)) header.refuse("rope.freq_base", "the base must be above one");

  Rope rope{order, {}, 1};
  for (uint32_t pair = 0; pair < dims / 2; ++pair)
    rope.frequencies.push_back(pow_f64(base, -2.0 * pair / dims));
  apply_factors(header, rope.frequencies);

  // rope.scale_linear is the older name of a linear factor.
  const double factor_key =
      header.get_float("rope.scaling.factor").value_or(header.get_float("rope.scale_linear").value_or(0));
  const double factor = factor_key > 0 ? factor_key : 1;
  const std::string_view type = header.get_string("rope.scaling.type").value_or("linear");
  double scale = header.get_float("rope.scaling.attn_factor").value_or(1.0);
  if (type == "linear") {
    for (double& frequency : rope.frequencies) frequency /= factor;
  } else if (type == "yarn") {
    Yarn yarn;
    const double ext = header.get_float("rope.scaling.yarn_ext_factor").value_or(-1.0);
    yarn.ext = ext < 0 ? 1 : ext;  // files say -1 for "as published"
    yarn.beta_fast = header.get_float("rope.scaling.yarn_beta_fast").value_or(32.0);
    yarn.beta_slow = header.get_float("rope.scaling.yarn_beta_slow").value_or(1.0);
    yarn.context =
        header.get_uint("rope.scaling.original_context_length", 1, kContextMax).value_or(context_train);
    if (!(yarn.beta_fast > 0) || !(yarn.beta_slow > 0))
      header.refuse("rope.scaling.yarn_beta_fast", "must be above zero");
    apply_yarn(yarn, factor, base, rope.frequencies);
    scale *= header.get_float("rope.scaling.yarn_attn_factor").value_or(1.0);
    if (factor > 1 && yarn.ext != 0) scale *= 1 + 0.1 * log_f64(factor);
  } else if (type != "none") {
    header.refuse("rope.scaling.type",
                  "the scaling '" + std::string(type) + "' is not one that this family has",
                  "known: none, linear, yarn");
  }
  rope.scale = static_cast<float>(scale);
  return rope;
}

}  // namespace gantry::arch
