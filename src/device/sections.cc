#include "device/sections.h"

#include <algorithm>
#include <bit>
#include <numeric>

#include "base/check.h"
#include "quant/dtype.h"

namespace gantry::device {
namespace {

constexpr uint64_t kActivationBlock = 32;  // values that linear layers quantize together

// The ranges are the two halves of a node.
bool are_halves(uint32_t sections, const SectionRange& left, const SectionRange& right) {
  SectionRange node{0, sections};
  while (node.end - node.first > 1) {
    const uint32_t middle = node.first + (node.end - node.first + 1) / 2;
    if (node.first == left.first && node.end == right.end) return left.end == middle && right.first == middle;
    (right.end <= middle ? node.end : node.first) = middle;
  }
  return false;
}

}  // namespace

Sections sections_of(const WeightShape& shape) {
  GANTRY_CHECK_NE(shape.unit, 0u);
  const uint64_t step = std::lcm(std::lcm(uint64_t{shape.unit}, kActivationBlock),
                                 uint64_t{quant::facts(shape.dtype).block_values});
  const uint64_t steps = shape.layer_cols() / step, least = (kSectionMin + step - 1) / step;
  const auto most = static_cast<uint32_t>(std::clamp<uint64_t>(steps / least, 1, kSectionsMax));
  Sections out;
  out.count = most < steps ? std::bit_floor(most) : most;
  for (uint64_t i = 1; i < out.count; ++i)
    out.borders[i] = static_cast<uint32_t>((2 * i * steps + out.count) / (2 * out.count) * step);
  out.borders[out.count] = shape.layer_cols();
  return out;
}

SectionRanges single_sections(const SectionRange& range) {
  SectionRanges out;
  for (uint32_t i = range.first; i < range.end; ++i) out.range[out.count++] = {i, i + 1};
  return out;
}

SectionTree add_sections(uint32_t sections, const SectionRanges& parts) {
  GANTRY_CHECK_LE(sections, kSectionsMax);
  SectionTree out;
  auto& [count, stack] = out.nodes;
  for (uint32_t i = 0; i < parts.count; ++i) {
    stack[count++] = parts.range[i];
    for (; count >= 2 && are_halves(sections, stack[count - 2], stack[count - 1]); --count) {
      stack[count - 2].end = stack[count - 1].end;
      ++out.joins[i];
    }
  }
  return out;
}

SectionSum section_sum(const WeightShape& shape) {
  const Sections sections = sections_of(shape);
  const auto index_of = [&](uint32_t col) {
    const auto* end = sections.borders.data() + sections.count + 1;
    const auto* found = std::find(sections.borders.data(), end, col);
    GANTRY_CHECK(found != end);
    return static_cast<uint32_t>(found - sections.borders.data());
  };
  SectionSum out;
  out.sections = sections.count;
  out.own = {index_of(shape.first_col), index_of(shape.first_col + shape.cols)};
  for (uint32_t i = 0; i <= out.count(); ++i)
    out.borders[i] = sections.borders[out.own.first + i] - shape.first_col;
  out.tree = add_sections(out.sections, single_sections(out.own));
  return out;
}

WeightShape part_of(const WeightShape& whole, const SectionRange& range) {
  const Sections sections = sections_of(whole);
  GANTRY_CHECK_LE(range.end, sections.count);
  WeightShape out = whole;
  out.first_col = sections.borders[range.first];
  out.cols = sections.borders[range.end] - out.first_col;
  out.whole_cols = whole.layer_cols();
  return out;
}

}  // namespace gantry::device
