// A file of keys is read, or refused with its name and a line of it; what was read is what a header carries,
// and is read again as the same.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "cli/api_keys.h"

namespace {

constexpr std::string_view kName = "keys.txt";

bool is_key(std::string_view key) {
  return !key.empty() && key[0] != '#' &&
         std::ranges::all_of(key, [](char c) { return c > ' ' && c < 0x7f; });
}

// "keys.txt:12" of a text that has so many lines.
bool is_place(std::string_view where, std::string_view text) {
  if (where == kName) return true;
  if (!where.starts_with(std::string(kName) + ":")) return false;
  const long line = std::strtol(std::string(where.substr(kName.size() + 1)).c_str(), nullptr, 10);
  return line >= 1 && line <= 1 + std::ranges::count(text, '\n');
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace gantry;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  try {
    const std::vector<std::string> keys = cli::keys_in(text, std::string(kName));
    if (keys.empty() || !std::ranges::all_of(keys, is_key)) std::abort();
    std::string again;
    for (const std::string& key : keys) again += " " + key + "\r\n";
    if (cli::keys_in(again, "again") != keys) std::abort();
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kUsage || error.mend().empty() || !is_place(error.where(), text))
      std::abort();
  }
  return 0;
}
