// Inside gguf only: how the files of a split model are named: NAME-00001-of-0000N.gguf.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace gantry::gguf {

struct SplitName {
  std::string stem;  // with its folder: "/models/NAME"
  uint32_t number;   // from 1
  uint32_t count;
};

std::optional<SplitName> parse_split_name(std::string_view path);
std::string split_path(const SplitName& name, uint32_t number);

}  // namespace gantry::gguf
