// Numbers with what they count: "1 token", "2 tokens".
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace gantry {

// `several`: where more than one have a word of their own ("entries"); empty: an s behind that of one.
inline std::string counted(uint64_t count, std::string_view one, std::string_view several = {}) {
  std::string text = std::to_string(count) + " ";
  if (count == 1) return text.append(one);
  return several.empty() ? text.append(one).append("s") : text.append(several);
}

}  // namespace gantry
