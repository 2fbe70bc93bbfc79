#include "gguf/cursor.h"

#include <utility>

#include <fmt/format.h>

namespace gantry::gguf {

std::string quoted(std::string_view name) {
  constexpr size_t kShown = 96;
  std::string out = "'";
  for (const char c : name.substr(0, kShown)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f)
      out += fmt::format("\\x{:02x}", byte);
    else
      out += c;
  }
  return out + (name.size() > kShown ? "...'" : "'");
}

std::string_view Cursor::string(uint64_t limit, const Field& field) {
  const uint64_t at = offset_;
  const auto length = read<uint64_t>(field);
  if (length > limit)
    fail(field, at, fmt::format("the string has {} bytes, more than the limit of {}", length, limit));
  const auto bytes = take(length, field);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

void Cursor::fail(const Field& field, uint64_t at, std::string what, ErrorCode code, std::string mend) const {
  std::string name = field.what;
  if (!field.of.empty()) name += " of " + quoted(field.of);
  throw Error(code, std::move(what), fmt::format("{}, byte {}, {}", file_, at, name), std::move(mend));
}

void Cursor::too_short(uint64_t count, const Field& field) const {
  fail(field, offset_, fmt::format("{} bytes are wanted, {} are left in the file", count, remaining()));
}

}  // namespace gantry::gguf
