// "1,8,32": several numbers in one value.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace gantry::cli {

inline constexpr size_t kListedMax = 64;

// Error kUsage where `setting` (the value's) is no list of at least one number within the limits.
std::vector<uint32_t> parse_counts(std::string_view setting, std::string_view text, uint32_t least,
                                   uint32_t most);
// Above 0.
std::vector<double> parse_rates(std::string_view setting, std::string_view text, double most);

}  // namespace gantry::cli
