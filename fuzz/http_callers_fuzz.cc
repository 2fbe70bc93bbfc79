// A pattern of settings up to the first line end, then a Host or an Origin: what is a pattern matches only
// what is a name or an origin, and a name or an origin matches itself.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/error.h"
#include "http/callers.h"

namespace {

using namespace gantry;

template <typename Pattern>
bool matches(const std::string& pattern, std::string_view text) {
  try {
    return Pattern(pattern).matches(text);
  } catch (const Error& error) {
    if (error.where().empty() || error.mend().empty()) std::abort();
    return false;
  }
}

// A name that is written as it is matched.
bool is_plain(const std::string& host) {
  return !host.empty() && host.find('*') == std::string::npos && !host.starts_with('.') &&
         !host.ends_with('.');
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view all(reinterpret_cast<const char*>(data), size);
  const std::string_view text = all.substr(std::min(all.find('\n'), all.size()));
  const std::string pattern(all.substr(0, all.size() - text.size()));
  const std::string given(text.substr(text.empty() ? 0 : 1));
  if (matches<http::OriginPattern>(pattern, given) && pattern != "*" && pattern != "null" &&
      !http::read_origin(given))
    std::abort();
  if (const auto host = http::host_name_of(given)) {
    matches<http::HostPattern>(pattern, *host);
    if (is_plain(*host) && !matches<http::HostPattern>(*host, *host)) std::abort();
  }
  if (const auto origin = http::read_origin(given)) {
    if (origin->scheme.empty() || origin->host.empty()) std::abort();
    const bool port = !given.ends_with(':') && given.find(":0") == std::string::npos;
    if (is_plain(origin->host) && port && !matches<http::OriginPattern>(given, given)) std::abort();
  }
  return 0;
}
