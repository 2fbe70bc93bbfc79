#include "cli/api_keys.h"

#include <algorithm>

#include <fmt/format.h>
#include <sys/stat.h>

#include "base/error.h"
#include "cli/output.h"
#include "os/file.h"

namespace gantry::cli {
namespace {

constexpr uint64_t kKeyFileBytesMax = uint64_t{1} << 20;
constexpr std::string_view kSpaces = " \t\r";

std::string_view trimmed(std::string_view line) {
  const size_t first = line.find_first_not_of(kSpaces);
  if (first == std::string_view::npos) return {};
  return line.substr(first, line.find_last_not_of(kSpaces) - first + 1);
}

}  // namespace

std::vector<std::string> keys_in(std::string_view text, const std::string& name) {
  std::vector<std::string> keys;
  for (size_t number = 1; !text.empty(); ++number) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view key = trimmed(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (key.empty() || key.starts_with('#')) continue;
    if (!std::ranges::all_of(key, [](char c) { return c > ' ' && c < 0x7f; }))
      throw Error(ErrorCode::kUsage, "a key has spaces or letters that no header carries",
                  fmt::format("{}:{}", name, number), "one key a line, of printable ASCII");
    keys.emplace_back(key);
  }
  if (keys.empty())
    throw Error(ErrorCode::kUsage, "the file of keys holds none", name,
                "one key a line; leave `api_key_file` out to ask for no key");
  return keys;
}

std::vector<std::string> read_api_keys(const std::string& path) {
  std::vector<std::string> keys = keys_in(os::read_file(path, kKeyFileBytesMax), path);
  struct stat info {};
  if (::stat(path.c_str(), &info) == 0 && (info.st_mode & S_IROTH) != 0)
    note("{}: every user of this machine can read these keys; chmod 600 keeps them secret\n", path);
  return keys;
}

}  // namespace gantry::cli
