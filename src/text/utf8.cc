#include "text/utf8.h"

#include <algorithm>
#include <cstring>

namespace gantry::text {
namespace {

uint8_t byte_at(std::string_view s, size_t at) { return static_cast<uint8_t>(s[at]); }

// What a lead byte promises: the length of the sequence (0: no lead byte) and the range of its second byte.
struct Lead {
  uint8_t length;
  uint8_t second_min;
  uint8_t second_max;
};

Lead lead_of(uint8_t byte) {
  if (byte >= 0xC2 && byte <= 0xDF) return {2, 0x80, 0xBF};
  if (byte >= 0xE0 && byte <= 0xEF) {
    return {3, static_cast<uint8_t>(byte == 0xE0 ? 0xA0 : 0x80),
            static_cast<uint8_t>(byte == 0xED ? 0x9F : 0xBF)};
  }
  if (byte >= 0xF0 && byte <= 0xF4) {
    return {4, static_cast<uint8_t>(byte == 0xF0 ? 0x90 : 0x80),
            static_cast<uint8_t>(byte == 0xF4 ? 0x8F : 0xBF)};
  }
  return {0, 0, 0};
}

// How many bytes from `at` agree with the promise of the lead byte there.
uint8_t agreeing(std::string_view s, size_t at, const Lead& lead) {
  uint8_t n = 1;
  while (n < lead.length && at + n < s.size()) {
    const uint8_t byte = byte_at(s, at + n);
    const bool fits = n == 1 ? byte >= lead.second_min && byte <= lead.second_max : (byte & 0xC0) == 0x80;
    if (!fits) break;
    ++n;
  }
  return n;
}

size_t ascii_run(std::string_view s, size_t at) {
  const size_t start = at;
  while (s.size() - at >= 8) {
    uint64_t eight = 0;
    std::memcpy(&eight, s.data() + at, 8);
    if ((eight & 0x8080808080808080u) != 0) break;
    at += 8;
  }
  while (at < s.size() && byte_at(s, at) < 0x80) ++at;
  return at - start;
}

}  // namespace

DecodedChar decode_utf8_by_rule(std::string_view s, size_t at) {
  const uint8_t first = byte_at(s, at);
  if (first < 0x80) return {first, 1, true};
  const Lead lead = lead_of(first);
  if (lead.length == 0) return {kReplacement, 1, false};
  const uint8_t n = agreeing(s, at, lead);
  if (n < lead.length) return {kReplacement, n, false};
  char32_t code = first & (0xFFu >> (lead.length + 1));
  for (uint8_t i = 1; i < n; ++i) code = (code << 6) | (byte_at(s, at + i) & 0x3Fu);
  return {code, n, true};
}

void append_utf8(std::string& out, char32_t code) {
  if (code > kLastCodePoint || (code >= 0xD800 && code <= 0xDFFF)) code = kReplacement;
  const auto tail = [&](int shift) { out.push_back(static_cast<char>(0x80 | ((code >> shift) & 0x3F))); };
  if (code < 0x80) {
    out.push_back(static_cast<char>(code));
  } else if (code < 0x800) {
    out.push_back(static_cast<char>(0xC0 | (code >> 6)));
    tail(0);
  } else if (code < 0x10000) {
    out.push_back(static_cast<char>(0xE0 | (code >> 12)));
    tail(6);
    tail(0);
  } else {
    out.push_back(static_cast<char>(0xF0 | (code >> 18)));
    tail(12);
    tail(6);
    tail(0);
  }
}

bool is_valid_utf8(std::string_view s) {
  size_t at = 0;
  while ((at += ascii_run(s, at)) < s.size()) {
    const DecodedChar c = decode_utf8(s, at);
    if (!c.valid) return false;
    at += c.bytes;
  }
  return true;
}

void append_repaired_utf8(std::string& out, std::string_view s) {
  size_t at = 0;
  while (at < s.size()) {
    if (const size_t run = ascii_run(s, at); run > 0) {
      out.append(s, at, run);
      at += run;
      continue;
    }
    const DecodedChar c = decode_utf8(s, at);
    if (c.valid) {
      out.append(s, at, c.bytes);
    } else {
      append_utf8(out, kReplacement);
    }
    at += c.bytes;
  }
}

std::string repair_utf8(std::string_view s) {
  std::string out;
  out.reserve(s.size());
  append_repaired_utf8(out, s);
  return out;
}

size_t whole_utf8_prefix(std::string_view s) {
  const size_t reach = std::min<size_t>(s.size(), 3);
  for (size_t back = 1; back <= reach; ++back) {
    const size_t at = s.size() - back;
    const Lead lead = lead_of(byte_at(s, at));
    if (lead.length == 0) {
      if ((byte_at(s, at) & 0xC0) != 0x80) return s.size();  // ASCII or a byte that starts nothing
      continue;
    }
    const bool unfinished = back < lead.length && agreeing(s, at, lead) == back;
    return unfinished ? at : s.size();
  }
  return s.size();
}

// What is no continuation byte.
uint64_t characters(std::string_view utf8) {
  return static_cast<uint64_t>(
      std::ranges::count_if(utf8, [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

std::u32string to_utf32(std::string_view s) {
  std::u32string out;
  out.reserve(s.size());
  for (size_t at = 0; at < s.size();) {
    const DecodedChar c = decode_utf8(s, at);
    out.push_back(c.code);
    at += c.bytes;
  }
  return out;
}

std::string to_utf8(std::u32string_view s) {
  std::string out;
  out.reserve(s.size());
  for (const char32_t code : s) append_utf8(out, code);
  return out;
}

bool Utf8Validator::push(std::string_view bytes) {
  // Finish what an earlier part began, a byte at a time, then take the rest in one go.
  while (ok_ && pending_bytes_ > 0 && !bytes.empty()) {
    pending_[pending_bytes_++] = bytes.front();
    bytes.remove_prefix(1);
    const std::string_view held(pending_, pending_bytes_);
    if (whole_utf8_prefix(held) == 0) continue;
    ok_ = is_valid_utf8(held);
    pending_bytes_ = 0;
  }
  if (!ok_ || bytes.empty()) return ok_;
  const size_t whole = whole_utf8_prefix(bytes);
  ok_ = is_valid_utf8(bytes.substr(0, whole));
  pending_bytes_ = static_cast<uint8_t>(bytes.size() - whole);
  std::memcpy(pending_, bytes.data() + whole, pending_bytes_);
  return ok_;
}

bool Utf8Validator::finish() const { return ok_ && pending_bytes_ == 0; }

}  // namespace gantry::text
