#include "arch/rope.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <string>
#include <string_view>

#include <fmt/format.h>

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

// Frequency factors (Llama 3.1, LongRoPE): each pair's frequency is divided by its own number. False: the
// file has no such tensor.
bool apply_factors(Header& header, const std::string& name, std::vector<double>& frequencies) {
  const auto factors = header.find_vector(name, static_cast<uint32_t>(frequencies.size()));
  if (!factors) return false;
  std::vector<float> values(frequencies.size());
  quant::decode_row(*factors->tensor->dtype, header.file().data(*factors->tensor), values);
  for (size_t i = 0; i < values.size(); ++i) {
    if (!std::isfinite(values[i]) || values[i] == 0) {
      throw Error(ErrorCode::kBadFile, "a frequency factor is zero or not finite",
                  header.file().path() + ": tensor " + name);
    }
    frequencies[i] /= static_cast<double>(values[i]);
  }
  return true;
}

// Pairs of the last of four sections turn with a position of their own, which is zero in text (Wang et al.,
// "Qwen2-VL", 2024: sections for time, height and width, the fourth to spare).
void apply_sections(const Header& header, std::vector<double>& frequencies) {
  const auto sections = read_rope_sections(header);
  if (!sections) return;
  const uint32_t of_text = (*sections)[0] + (*sections)[1] + (*sections)[2], all = of_text + (*sections)[3];
  for (size_t pair = 0; pair < frequencies.size(); ++pair) {
    if (pair % all >= of_text) frequencies[pair] = 0;
  }
}

// rope.scaling.factor, or the older name of a linear one; 1: none.
double scaling_factor(const Header& header) {
  const double factor =
      header.get_float("rope.scaling.factor").value_or(header.get_float("rope.scale_linear").value_or(0));
  return factor > 0 ? factor : 1;
}

// Peng et al.'s temperature of attention; a model may bring a multiplier of its own for part of it.
double yarn_scale(const Header& header, double factor, double ext) {
  const double own = header.get_float("rope.scaling.yarn_attn_factor").value_or(1.0);
  if (factor <= 1 || ext == 0) return own;
  const double log = 0.1 * log_f64(factor);
  const double multiplier = header.get_float("rope.scaling.yarn_log_multiplier").value_or(0.0);
  return own * (1 + log) / (1 + multiplier * log);
}

void scale_yarn(const Header& header, uint32_t context_train, double base, double factor, Rope& rope,
                double& scale) {
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
  scale *= yarn_scale(header, factor, yarn.ext);
}

// The scaling that the file names.
void scale_rope(const Header& header, const RopeRule& rule, double base, std::string_view type, Rope& rope) {
  const double factor = scaling_factor(header);
  double scale = header.get_float("rope.scaling.attn_factor").value_or(1.0);
  if (type == "linear" || type == "longrope") {
    for (double& frequency : rope.frequencies) frequency /= factor;
    for (double& frequency : rope.long_frequencies) frequency /= factor;
  } else if (type == "yarn") {
    scale_yarn(header, rule.context_train, base, factor, rope, scale);
  } else if (type != "none") {
    header.refuse("rope.scaling.type",
                  "the scaling '" + std::string(type) + "' is not one that this family has",
                  "known: none, linear, yarn, longrope");
  }
  rope.scale = static_cast<float>(scale);
}

// Beyond it a turn has no digits left (base/fmath.h), and no model means it.
void check_turns(const Header& header, const RopeRule& rule, const Rope& rope) {
  constexpr double kRadiansMax = 1e9;
  const char* const key = header.get_float("rope.scaling.factor") ? "rope.scaling.factor" : "rope.freq_base";
  for (const auto* frequencies : {&rope.frequencies, &rope.long_frequencies}) {
    for (const double frequency : *frequencies) {
      if (std::abs(frequency) * rule.context_train <= kRadiansMax) continue;
      throw Error(
          ErrorCode::kBadFile,
          fmt::format("a rotation by {:g} radians for each of {} tokens of context is beyond any model",
                      frequency, rule.context_train),
          header.file().path() + ": " + header.key(key));
    }
  }
}

}  // namespace

std::optional<std::array<uint32_t, 4>> read_rope_sections(const Header& header) {
  constexpr const char* kKey = "rope.dimension_sections";
  if (!header.is_array(kKey)) return std::nullopt;
  std::array<uint32_t, 4> sections{};
  const auto values = header.need_array(kKey, 3, 4, kWidthMax);
  std::copy(values.begin(), values.end(), sections.begin());
  if (sections[0] == 0 || sections[1] == 0) return std::nullopt;
  return sections;
}

Rope read_rope(Header& header, const RopeRule& rule) {
  const uint32_t dims = header.get_uint("rope.dimension_count", 0, rule.head_dim).value_or(rule.head_dim);
  if (dims % 2 != 0) header.refuse("rope.dimension_count", "an odd number of turning values");
  const double base = header.get_float(rule.base_key).value_or(rule.base_default);
  if (!(base > 1)) header.refuse(rule.base_key, "the base must be above one");

  Rope rope;
  rope.order = rule.order;
  for (uint32_t pair = 0; pair < dims / 2; ++pair)
    rope.frequencies.push_back(pow_f64(base, -2.0 * pair / dims));
  const std::vector<double> plain = rope.frequencies;
  const std::string_view type = header.get_string("rope.scaling.type").value_or("linear");
  const bool long_rope = rule.long_factors || type == "longrope";
  apply_factors(header, long_rope ? "rope_factors_short.weight" : "rope_freqs.weight", rope.frequencies);
  if (std::vector<double> factored = plain;
      long_rope && apply_factors(header, "rope_factors_long.weight", factored)) {
    const uint32_t original =
        header.get_uint("rope.scaling.original_context_length", 1, kContextMax).value_or(rule.context_train);
    rope.long_frequencies = factored;
    // A file that tells of no shorter context before the long one was made for the long factors.
    rope.short_context_max = original == rule.context_train ? 0 : original;
  }
  if (rule.scaled) scale_rope(header, rule, base, type, rope);
  if (rule.scaled && rule.sections) apply_sections(header, rope.frequencies);
  check_turns(header, rule, rope);
  return rope;
}

}  // namespace gantry::arch
