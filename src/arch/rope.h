// Reads rotary embedding and its scalings from a header: base, linear scaling, YaRN, per-pair frequency
// factors.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "arch/header.h"

namespace gantry::arch {

// What a family knows beside the header.
struct RopeRule {
  device::RopeOrder order = device::RopeOrder::kAdjacent;
  uint32_t head_dim = 0;       // of which rope.dimension_count (default: all) turn
  uint32_t context_train = 0;  // what YaRN takes for the original context where the file does not say
  std::string_view base_key = "rope.freq_base";
  double base_default = 10000;
  bool scaled = true;         // false: layers with a window that turn as before any scaling
  bool sections = false;      // rope.dimension_sections divide the pairs
  bool long_factors = false;  // rope_factors_{long,short}.weight whatever the scaling's type
};
Rope read_rope(Header& header, const RopeRule& rule);

// rope.dimension_sections, where the file has it and more than one section is used.
std::optional<std::array<uint32_t, 4>> read_rope_sections(const Header& header);

}  // namespace gantry::arch
