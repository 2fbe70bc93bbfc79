#include "jinja/urlize.h"

#include <algorithm>

#include "jinja/format.h"
#include "jinja/unicode.h"
#include "jinja/utf8.h"

namespace gantry::jinja {
namespace {

bool word_code(uint32_t code) { return code == '_' || is_alnum(code); }

template <class Good>
bool all_codes(std::string_view text, Good good) {
  for (size_t at = 0; at < text.size();) {
    if (!good(utf8_next(text, at))) return false;
  }
  return true;
}

bool ascii_digits(std::string_view text, size_t least, size_t most) {
  return text.size() >= least && text.size() <= most && text.find_first_not_of("0123456789") == kNone;
}

std::vector<std::string_view> split_dots(std::string_view text) {
  std::vector<std::string_view> parts;
  for (size_t begin = 0; begin <= text.size();) {
    size_t end = std::min(text.find('.', begin), text.size());
    parts.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

bool is_label(std::string_view text) {
  return all_codes(text, [](uint32_t c) { return word_code(c) || c == '%' || c == '-'; });
}

// Behind a scheme or "www.": labels and a top-level domain.
bool is_domain(std::string_view host) {
  std::vector<std::string_view> labels = split_dots(host);
  std::string last = to_lower(labels.back());
  labels.pop_back();
  for (std::string_view label : labels) {
    if (label.empty() || !is_label(label)) return false;
  }
  if (last.starts_with("xn--")) {
    std::string_view rest = std::string_view(last).substr(4);
    size_t size = utf8_length(rest);
    return size >= 2 && size <= 59 && all_codes(rest, [](uint32_t c) { return word_code(c) || c == '%'; });
  }
  return last.size() >= 2 && last.size() <= 63 &&
         std::all_of(last.begin(), last.end(), [](char c) { return c >= 'a' && c <= 'z'; });
}

bool is_bare_domain(std::string_view host) {
  std::vector<std::string_view> labels = split_dots(host);
  static constexpr std::string_view kTop[] = {"com", "net", "int", "edu", "gov", "org", "info", "mil"};
  std::string last = to_lower(labels.back());
  if (labels.size() < 2 || std::find(std::begin(kTop), std::end(kTop), last) == std::end(kTop)) return false;
  labels.pop_back();
  return std::all_of(labels.begin(), labels.end(), [](std::string_view label) {
    size_t size = utf8_length(label);
    return size >= 2 && size <= 63 && is_label(label);
  });
}

bool is_ipv4(std::string_view host) {
  std::vector<std::string_view> parts = split_dots(host);
  return parts.size() == 4 && std::all_of(parts.begin(), parts.end(),
                                          [](std::string_view part) { return ascii_digits(part, 1, 3); });
}

// [h:h:...]: two to eight groups of up to four digits, colons between.
bool is_ipv6(std::string_view host) {
  if (host.size() < 4 || host.front() != '[' || host.back() != ']') return false;
  std::string_view body = host.substr(1, host.size() - 2);
  if (body.find_first_not_of("0123456789abcdefABCDEF:") != kNone) return false;
  auto colons = std::count(body.begin(), body.end(), ':');
  size_t run = 0;
  for (char c : body) {
    run = c == ':' ? 0 : run + 1;
    if (run > 4) return false;
  }
  return colons >= 2 && colons <= 8;
}

bool is_address(std::string_view text) {
  std::string lower = to_lower(text.substr(0, 8));
  size_t scheme = lower.starts_with("https://") ? 8 : lower.starts_with("http://") ? 7 : 0;
  std::string_view rest = text.substr(scheme);
  std::string_view host = rest.substr(0, rest.find_first_of("/?#"));
  if (scheme != 0 && host.starts_with('[')) {
    size_t close = host.find(']');
    if (close == kNone) return false;
    std::string_view port = host.substr(close + 1);
    return is_ipv6(host.substr(0, close + 1)) &&
           (port.empty() || (port[0] == ':' && ascii_digits(port.substr(1), 1, 5)));
  }
  if (size_t colon = host.rfind(':'); colon != kNone) {
    if (!ascii_digits(host.substr(colon + 1), 1, 5)) return false;
    host = host.substr(0, colon);
  }
  if (scheme != 0) return is_domain(host) || is_ipv4(host);
  if (lower.starts_with("www.") && is_domain(host.substr(std::min<size_t>(4, host.size())))) return true;
  return is_bare_domain(host);
}

bool is_email(std::string_view text) {
  size_t at = text.rfind('@');
  if (at == kNone || at == 0) return false;
  std::string_view domain = text.substr(at + 1);
  size_t dot = domain.rfind('.');
  if (dot == kNone || dot == 0 || dot + 1 == domain.size()) return false;
  size_t first = 0;
  return word_code(utf8_next(domain, first)) &&
         all_codes(domain.substr(0, dot), [](uint32_t c) { return word_code(c) || c == '.' || c == '-'; }) &&
         all_codes(domain.substr(dot + 1), word_code);
}

size_t count_of(std::string_view text, std::string_view part) {
  size_t count = 0;
  for (size_t at = text.find(part); at != kNone; at = text.find(part, at + part.size())) ++count;
  return count;
}

// Cuts opening brackets off the front and punctuation off the end, keeping brackets balanced.
void peel(std::string& head, std::string& middle, std::string& tail) {
  size_t begin = 0;
  while (begin < middle.size()) {
    std::string_view rest = std::string_view(middle).substr(begin);
    bool entity = rest.starts_with("&lt;");
    if (!entity && rest[0] != '(' && rest[0] != '<') break;
    begin += entity ? 4 : 1;
  }
  head = middle.substr(0, begin);
  middle.erase(0, begin);
  size_t end = middle.size();
  while (end > 0) {
    std::string_view text = std::string_view(middle).substr(0, end);
    if (text.ends_with("&gt;")) {
      end -= 4;
    } else if (std::string_view(")>.,\n").find(text.back()) != kNone) {
      end -= 1;
    } else {
      break;
    }
  }
  tail = middle.substr(end);
  middle.resize(end);
  static constexpr std::pair<std::string_view, std::string_view> kPairs[] = {
      {"(", ")"}, {"<", ">"}, {"&lt;", "&gt;"}};
  for (const auto& [open, close] : kPairs) {
    size_t opened = count_of(middle, open);
    if (opened <= count_of(middle, close)) continue;
    size_t moves = std::min(opened, count_of(tail, close));
    size_t cut = 0;
    for (size_t i = 0; i < moves; ++i) cut = tail.find(close, cut) + close.size();
    middle += tail.substr(0, cut);
    tail.erase(0, cut);
  }
}

std::string link(const std::string& text, const UrlStyle& style) {
  std::string attributes = style.rel.empty() ? "" : " rel=\"" + escape_html(style.rel) + "\"";
  if (!style.target.empty()) attributes += " target=\"" + escape_html(style.target) + "\"";
  if (is_address(text)) {
    std::string shown = text;
    if (style.shown_max && static_cast<int64_t>(utf8_length(text)) > *style.shown_max) {
      shown = text.substr(0, utf8_offset(text, static_cast<size_t>(std::max<int64_t>(0, *style.shown_max)))) +
              "...";
    }
    bool scheme = text.starts_with("https://") || text.starts_with("http://");
    return "<a href=\"" + (scheme ? text : "https://" + text) + "\"" + attributes + ">" + shown + "</a>";
  }
  if (text.starts_with("mailto:") && is_email(std::string_view(text).substr(7))) {
    return "<a href=\"" + text + "\">" + text.substr(7) + "</a>";
  }
  bool mail = text.find('@') != kNone && !text.starts_with("www.") && !text.starts_with("@") &&
              text.find(':') == kNone && is_email(text);
  if (mail) return "<a href=\"mailto:" + text + "\">" + text + "</a>";
  for (const std::string& scheme : style.schemes) {
    if (text != scheme && text.starts_with(scheme))
      return "<a href=\"" + text + "\"" + attributes + ">" + text + "</a>";
  }
  return text;
}

}  // namespace

bool is_url_scheme(std::string_view text) {
  size_t colon = text.find(':');
  if (colon == kNone || utf8_length(text.substr(0, colon)) < 2) return false;
  std::string_view rest = text.substr(colon + 1);
  return (rest.empty() || rest == "/" || rest == "//") && all_codes(text.substr(0, colon), [](uint32_t c) {
           return word_code(c) || c == '.' || c == '+' || c == '-';
         });
}

std::string urlize(std::string_view text, const UrlStyle& style) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    size_t begin = at, next = at;
    bool spaces = is_space(utf8_next(text, next));
    for (at = next; at < text.size(); at = next) {
      next = at;
      if (is_space(utf8_next(text, next)) != spaces) break;
    }
    if (spaces) {
      out += text.substr(begin, at - begin);
      continue;
    }
    std::string head, middle(text.substr(begin, at - begin)), tail;
    peel(head, middle, tail);
    out += head + link(middle, style) + tail;
  }
  return out;
}

}  // namespace gantry::jinja
