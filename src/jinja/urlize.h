// Addresses in text made into links.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gantry::jinja {

struct UrlStyle {
  std::optional<int64_t> shown_max;  // code points of an address that are shown
  std::string rel, target;
  std::vector<std::string> schemes;  // further prefixes that make an address
};

bool is_url_scheme(std::string_view text);
// `text` has its HTML escaped already.
std::string urlize(std::string_view text, const UrlStyle& style);

}  // namespace gantry::jinja
