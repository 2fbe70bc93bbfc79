// strftime, as Python's datetime asks glibc for it: of the machine's local time, which datetime.now() is, and
// in the C locale, whatever the process has set.
#include <clocale>
#include <ctime>

#include "jinja/format.h"

namespace gantry::jinja {
namespace {

// A result longer than this is no date.
constexpr size_t kTimeTextMax = size_t{1} << 16;

locale_t c_locale() {
  static const locale_t locale = newlocale(LC_ALL_MASK, "C", nullptr);
  return locale;
}

// What Python fills in by itself: a time without a zone has empty %z and %Z, and %f are microseconds.
std::string expand_own(const std::string& format) {
  std::string out;
  for (size_t i = 0; i < format.size(); ++i) {
    if (format[i] != '%' || i + 1 >= format.size()) {
      out += format[i];
      continue;
    }
    char c = format[++i];
    if (c == 'f') {
      out += "000000";
    } else if (c != 'z' && c != 'Z') {
      out += '%';
      out += c;
    }
  }
  return out;
}

}  // namespace

int64_t local_now() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  return localtime_r(&now, &parts) == nullptr ? now : now + parts.tm_gmtoff;
}

std::string format_time(Env& env, int64_t seconds, const std::string& format) {
  env.charge_text(format.size());
  if (format.find('\0') != std::string::npos) fail_type("embedded null character");
  std::tm parts{};
  auto when = static_cast<std::time_t>(seconds);
  constexpr int kFirstYear = 1 - 1900, kLastYear = 9999 - 1900;
  if (gmtime_r(&when, &parts) == nullptr || parts.tm_year < kFirstYear || parts.tm_year > kLastYear) {
    fail_type("year is out of range");
  }
  parts.tm_isdst = -1;
  // A sign at the end tells an empty result from a buffer that is too small.
  std::string pattern = expand_own(format) + "|";
  for (size_t size = 256 + pattern.size(); size <= kTimeTextMax; size *= 2) {
    std::string out(size, '\0');
    size_t written = strftime_l(out.data(), out.size(), pattern.c_str(), &parts, c_locale());
    if (written > 0) {
      out.resize(written - 1);
      return out;
    }
  }
  fail_limit("a date of the template is longer than " + std::to_string(kTimeTextMax) + " bytes");
}

}  // namespace gantry::jinja
