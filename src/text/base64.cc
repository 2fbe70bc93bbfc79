#include "text/base64.h"

#include <array>
#include <cstdint>

namespace gantry::text {
namespace {

constexpr std::string_view kStandardDigits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view kUrlDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr uint8_t kNoDigit = 64;

constexpr std::array<uint8_t, 256> values_of(std::string_view digits) {
  std::array<uint8_t, 256> values{};
  values.fill(kNoDigit);
  for (uint8_t i = 0; i < digits.size(); ++i) values[static_cast<uint8_t>(digits[i])] = i;
  return values;
}

constexpr auto kStandardValues = values_of(kStandardDigits);
constexpr auto kUrlValues = values_of(kUrlDigits);

}  // namespace

std::string base64_encode(std::string_view bytes, Base64Alphabet alphabet) {
  const std::string_view digits = alphabet == Base64Alphabet::kStandard ? kStandardDigits : kUrlDigits;
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (size_t at = 0; at < bytes.size(); at += 3) {
    const size_t n = bytes.size() - at < 3 ? bytes.size() - at : 3;
    uint32_t group = 0;
    for (size_t i = 0; i < 3; ++i) {
      group = (group << 8) | (i < n ? static_cast<uint8_t>(bytes[at + i]) : 0u);
    }
    for (size_t i = 0; i <= n; ++i) out.push_back(digits[(group >> (18 - 6 * i)) & 63]);
    if (alphabet == Base64Alphabet::kStandard) out.append(3 - n, '=');
  }
  return out;
}

std::optional<std::string> base64_decode(std::string_view text, Base64Alphabet alphabet) {
  const auto& values = alphabet == Base64Alphabet::kStandard ? kStandardValues : kUrlValues;
  const bool padded = text.ends_with('=');
  if ((alphabet == Base64Alphabet::kStandard || padded) && text.size() % 4 != 0) return std::nullopt;
  if (padded) text.remove_suffix(text.ends_with("==") ? 2 : 1);
  if (text.size() % 4 == 1) return std::nullopt;
  std::string out;
  out.reserve(text.size() / 4 * 3 + 2);
  uint32_t bits = 0;
  uint32_t held = 0;
  for (const char c : text) {
    const uint8_t value = values[static_cast<uint8_t>(c)];
    if (value == kNoDigit) return std::nullopt;
    bits = (bits << 6) | value;
    held += 6;
    if (held < 8) continue;
    held -= 8;
    out.push_back(static_cast<char>((bits >> held) & 0xFF));
  }
  if ((bits & ((1u << held) - 1)) != 0) return std::nullopt;
  return out;
}

}  // namespace gantry::text
