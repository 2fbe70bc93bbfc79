#include "jinja/utf8.h"

#include <algorithm>
#include <cstring>

namespace gantry::jinja {

bool is_utf8(std::string_view text) {
  size_t at = 0;
  while (at < text.size()) {
    auto lead = static_cast<unsigned char>(text[at]);
    if (lead < 0x80) {
      ++at;
      continue;
    }
    if (lead < 0xc2 || lead > 0xf4) return false;
    size_t width = utf8_width(text[at]);
    if (text.size() - at < width) return false;
    for (size_t i = 1; i < width; ++i) {
      if (!utf8_continues(text[at + i])) return false;
    }
    size_t next = at;
    uint32_t code = utf8_next(text, next);
    if ((width == 3 && code < 0x800) || (width == 4 && (code < 0x10000 || code > 0x10ffff))) return false;
    if (code >= 0xd800 && code <= 0xdfff) return false;
    at = next;
  }
  return true;
}

uint32_t utf8_next(std::string_view text, size_t& at) {
  auto lead = static_cast<unsigned char>(text[at]);
  size_t width = std::min(utf8_width(text[at]), text.size() - at);
  uint32_t code = width == 1 ? lead : width == 2 ? lead & 0x1fu : width == 3 ? lead & 0x0fu : lead & 0x07u;
  for (size_t i = 1; i < width; ++i) code = (code << 6) | (static_cast<unsigned char>(text[at + i]) & 0x3fu);
  at += width;
  return code;
}

void utf8_append(std::string& out, uint32_t code) {
  auto put = [&out](uint32_t byte) { out.push_back(static_cast<char>(byte)); };
  if (code < 0x80) {
    put(code);
  } else if (code < 0x800) {
    put(0xc0u | (code >> 6));
    put(0x80u | (code & 0x3fu));
  } else if (code < 0x10000) {
    put(0xe0u | (code >> 12));
    put(0x80u | ((code >> 6) & 0x3fu));
    put(0x80u | (code & 0x3fu));
  } else {
    put(0xf0u | (code >> 18));
    put(0x80u | ((code >> 12) & 0x3fu));
    put(0x80u | ((code >> 6) & 0x3fu));
    put(0x80u | (code & 0x3fu));
  }
}

size_t utf8_length(std::string_view text) {
  return static_cast<size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return !utf8_continues(c); }));
}

size_t utf8_offset(std::string_view text, size_t index) {
  size_t at = 0;
  while (index > 0 && at < text.size()) {
    at += utf8_width(text[at]);
    --index;
  }
  return std::min(at, text.size());
}

size_t find_text(std::string_view text, std::string_view part, size_t from) {
  if (from > text.size()) return std::string_view::npos;
  if (part.empty()) return from;
  const void* found = memmem(text.data() + from, text.size() - from, part.data(), part.size());
  if (found == nullptr) return std::string_view::npos;
  return static_cast<size_t>(static_cast<const char*>(found) - text.data());
}

std::vector<uint32_t> utf8_decode(std::string_view text) {
  std::vector<uint32_t> codes;
  codes.reserve(text.size());
  for (size_t at = 0; at < text.size();) codes.push_back(utf8_next(text, at));
  return codes;
}

std::string utf8_encode(const std::vector<uint32_t>& codes) {
  std::string out;
  out.reserve(codes.size());
  for (uint32_t code : codes) utf8_append(out, code);
  return out;
}

}  // namespace gantry::jinja
