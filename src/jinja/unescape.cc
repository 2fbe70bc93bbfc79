// HTML entities back to characters.
#include <algorithm>
#include <span>

#include "jinja/format.h"
#include "jinja/utf8.h"

namespace gantry::jinja {
namespace {

struct Entity {
  std::string_view name, text;
};
#include "jinja/entity_tables.inc"

const Entity* find_entity(std::string_view name) {
  std::span<const Entity> entities(kEntities);
  auto it = std::lower_bound(entities.begin(), entities.end(), name,
                             [](const Entity& row, std::string_view key) { return row.name < key; });
  return it == entities.end() || it->name != name ? nullptr : &*it;
}

// What browsers take the C1 codes for: Windows-1252.
constexpr uint32_t kWindows[32] = {0x20ac, 0x81,   0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021,
                                   0x02c6, 0x2030, 0x0160, 0x2039, 0x0152, 0x8d,   0x017d, 0x8f,
                                   0x90,   0x2018, 0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014,
                                   0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0x9d,   0x017e, 0x0178};

void append_code(std::string& out, uint32_t code) {
  if (code == 0 || (code >= 0xd800 && code <= 0xdfff) || code > 0x10ffff) {
    utf8_append(out, 0xfffd);
  } else if (code >= 0x80 && code < 0xa0) {
    utf8_append(out, kWindows[code - 0x80]);
  } else if (bool odd = (code >= 1 && code <= 8) || code == 0xb || (code >= 0xe && code <= 0x1f) ||
                        (code >= 0x7f && code < 0xa0) || (code >= 0xfdd0 && code <= 0xfdef) ||
                        (code & 0xfffeu) == 0xfffeu;
             !odd) {
    utf8_append(out, code == 0xd ? '\r' : code);
  }
}

// "&#..." at `at`; false when no number follows.
bool numeric(std::string_view text, size_t& at, std::string& out) {
  size_t end = at + 2;
  bool hex = end < text.size() && (text[end] == 'x' || text[end] == 'X');
  if (hex) ++end;
  uint64_t code = 0;
  size_t digits = 0;
  for (; end < text.size(); ++end, ++digits) {
    char c = text[end], low = static_cast<char>(c | 0x20);
    int digit = c >= '0' && c <= '9' ? c - '0' : hex && low >= 'a' && low <= 'f' ? low - 'a' + 10 : -1;
    if (digit < 0) break;
    code = std::min<uint64_t>(code * (hex ? 16 : 10) + static_cast<uint64_t>(digit), 0x110000);
  }
  if (digits == 0) return false;
  append_code(out, static_cast<uint32_t>(code));
  at = end < text.size() && text[end] == ';' ? end + 1 : end;
  return true;
}

// The longest entity that the text at `at` starts with; some do without their semicolon.
bool named(std::string_view text, size_t& at, std::string& out) {
  constexpr size_t kNameMax = 32;
  size_t end = at + 1;
  while (end < text.size() && end - at - 1 < kNameMax &&
         std::string_view("\t\n\f <&#;").find(text[end]) == std::string_view::npos) {
    ++end;
  }
  if (end < text.size() && text[end] == ';') ++end;
  for (size_t stop = end; stop > at + 2; --stop) {
    if (const Entity* entity = find_entity(text.substr(at + 1, stop - at - 1))) {
      out += entity->text;
      at = stop;
      return true;
    }
  }
  return false;
}

}  // namespace

std::string unescape_html(std::string_view text) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    if (text[at] == '&') {
      bool number = at + 1 < text.size() && text[at + 1] == '#';
      if (number ? numeric(text, at, out) : named(text, at, out)) continue;
    }
    out += text[at++];
  }
  return out;
}

}  // namespace gantry::jinja
