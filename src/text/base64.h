// Base64 of RFC 4648. Decoding is strict: no white space, padding right or (where allowed) absent, unused
// bits zero. Pure; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace gantry::text {

enum class Base64Alphabet : unsigned char {
  kStandard,  // + and /, padding required
  kUrl,       // - and _, padding optional when decoding, none when encoding
};

std::string base64_encode(std::string_view bytes, Base64Alphabet alphabet = Base64Alphabet::kStandard);
std::optional<std::string> base64_decode(std::string_view text,
                                         Base64Alphabet alphabet = Base64Alphabet::kStandard);

}  // namespace gantry::text
