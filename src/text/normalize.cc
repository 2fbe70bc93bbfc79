// Normalization with utf8proc's data. The decomposition is put in canonical order here, because the library
// orders by exchanging neighbours, which is quadratic in the length of a run of combining marks.
#include <algorithm>
#include <vector>

#include <utf8proc.h>

#include "base/check.h"
#include "text/unicode.h"
#include "text/utf8.h"

namespace gantry::text {
namespace {

bool is_ascii(std::string_view s) {
  return std::all_of(s.begin(), s.end(), [](char c) { return static_cast<uint8_t>(c) < 0x80; });
}

int combining_class(int32_t code) { return utf8proc_get_property(code)->combining_class; }

void append_decomposed(std::vector<int32_t>& out, char32_t code, utf8proc_option_t options) {
  // 18 is the longest decomposition in Unicode (U+FDFA, compatibility).
  int32_t parts[18];
  int boundary = 0;
  const auto n = utf8proc_decompose_char(static_cast<int32_t>(code), parts, 18, options, &boundary);
  if (n < 1 || n > 18) {
    out.push_back(static_cast<int32_t>(code));
  } else {
    out.insert(out.end(), parts, parts + n);
  }
}

void order_canonically(std::vector<int32_t>& codes) {
  for (size_t start = 0; start < codes.size();) {
    if (combining_class(codes[start]) == 0) {
      ++start;
      continue;
    }
    size_t end = start + 1;
    while (end < codes.size() && combining_class(codes[end]) != 0) ++end;
    std::stable_sort(codes.begin() + static_cast<ptrdiff_t>(start),
                     codes.begin() + static_cast<ptrdiff_t>(end),
                     [](int32_t a, int32_t b) { return combining_class(a) < combining_class(b); });
    start = end;
  }
}

std::string normalize(std::string_view s, bool compatibility, bool compose) {
  if (is_ascii(s)) return std::string(s);
  int options = UTF8PROC_STABLE | (compose ? UTF8PROC_COMPOSE : UTF8PROC_DECOMPOSE);
  if (compatibility) options |= UTF8PROC_COMPAT;
  // Decomposing a character wants one of the two flags set, whichever form comes out in the end.
  const auto flags = static_cast<utf8proc_option_t>(options);
  std::vector<int32_t> codes;
  codes.reserve(s.size());
  for (size_t at = 0; at < s.size();) {
    const DecodedChar c = decode_utf8(s, at);
    append_decomposed(codes, c.code, flags);
    at += c.bytes;
  }
  order_canonically(codes);
  if (compose) {
    const auto n = utf8proc_normalize_utf32(codes.data(), static_cast<utf8proc_ssize_t>(codes.size()), flags);
    GANTRY_CHECK(n >= 0);
    codes.resize(static_cast<size_t>(n));
  }
  std::string out;
  out.reserve(s.size() * 2);
  for (const int32_t code : codes) append_utf8(out, static_cast<char32_t>(code));
  return out;
}

}  // namespace

std::string nfc(std::string_view s) { return normalize(s, false, true); }
std::string nfd(std::string_view s) { return normalize(s, false, false); }
std::string nfkc(std::string_view s) { return normalize(s, true, true); }

}  // namespace gantry::text
