// Any bytes through the UTF-8 functions: what they say must agree with one another.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "text/base64.h"
#include "text/unicode.h"
#include "text/utf8.h"

namespace {

using gantry::text::Base64Alphabet;

void check_utf8(std::string_view input, size_t step) {
  const bool valid = gantry::text::is_valid_utf8(input);
  const std::string repaired = gantry::text::repair_utf8(input);
  GANTRY_CHECK(gantry::text::is_valid_utf8(repaired));
  GANTRY_CHECK_EQ(valid, repaired == input);
  GANTRY_CHECK(gantry::text::to_utf8(gantry::text::to_utf32(input)) == repaired);

  gantry::text::Utf8Validator validator;
  std::string in_parts;
  std::string pending;
  for (size_t at = 0; at < input.size(); at += step) {
    const std::string_view part = input.substr(at, step);
    validator.push(part);
    pending += part;
    const size_t whole = gantry::text::whole_utf8_prefix(pending);
    GANTRY_CHECK_LE(pending.size() - whole, size_t{3});
    gantry::text::append_repaired_utf8(in_parts, std::string_view(pending).substr(0, whole));
    pending.erase(0, whole);
  }
  GANTRY_CHECK_EQ(validator.finish(), valid);
  gantry::text::append_repaired_utf8(in_parts, pending);
  GANTRY_CHECK(in_parts == repaired);
}

void check_normalization(std::string_view input) {
  const std::string nfc = gantry::text::nfc(input);
  const std::string nfd = gantry::text::nfd(input);
  const std::string nfkc = gantry::text::nfkc(input);
  GANTRY_CHECK(gantry::text::nfc(nfc) == nfc);
  GANTRY_CHECK(gantry::text::nfc(nfd) == nfc);
  GANTRY_CHECK(gantry::text::nfd(nfc) == nfd);
  GANTRY_CHECK(gantry::text::nfkc(nfkc) == nfkc);
}

void check_base64(std::string_view input) {
  for (const auto alphabet : {Base64Alphabet::kStandard, Base64Alphabet::kUrl}) {
    GANTRY_CHECK(gantry::text::base64_decode(gantry::text::base64_encode(input, alphabet), alphabet) ==
                 input);
    const auto bytes = gantry::text::base64_decode(input, alphabet);
    if (bytes && alphabet == Base64Alphabet::kStandard) {
      GANTRY_CHECK(gantry::text::base64_encode(*bytes, alphabet) == input);
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const size_t step = 1 + data[0] % 5;
  const std::string bytes(data + 1, data + size);
  check_utf8(bytes, step);
  check_normalization(bytes);
  check_base64(bytes);
  return 0;
}
