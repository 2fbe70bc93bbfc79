#include "jinja/cases.h"

#include <charconv>

#include "base/error.h"

namespace gantry::jinja {
namespace {

const char* kind_name(TemplateErrorKind kind) {
  switch (kind) {
    case TemplateErrorKind::kRaise:
      return "raise";
    case TemplateErrorKind::kLimit:
      return "limit";
    case TemplateErrorKind::kType:
      break;
  }
  return "type";
}

void add_members(Json& context, const Json& test_case, const char* name) {
  auto it = test_case.find(name);
  if (it == test_case.end() || it->is_null()) return;
  if (!it->is_object()) {
    throw Error(ErrorCode::kInvalidRequest, "the variables have to be an object", name,
                "give each by its name");
  }
  for (const auto& [key, value] : it->items()) context[key] = value;
}

// Reads digits[at, at + count) as a number and moves past them.
bool read_digits(std::string_view text, size_t& at, size_t count, int& out) {
  if (text.size() < at + count) return false;
  auto [end, error] = std::from_chars(text.data() + at, text.data() + at + count, out);
  if (error != std::errc() || end != text.data() + at + count || text[at] == '-') return false;
  at += count;
  return true;
}

bool read_char(std::string_view text, size_t& at, std::string_view any) {
  if (at >= text.size() || any.find(text[at]) == std::string_view::npos) return false;
  ++at;
  return true;
}

// Days from 1970-01-01 to a date of the Gregorian calendar.
int64_t days_from_date(int year, int month, int day) {
  int64_t y = month <= 2 ? year - 1 : year;
  int64_t era = (y >= 0 ? y : y - 399) / 400;
  int64_t year_of_era = y - era * 400;
  int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  constexpr int64_t kDaysPerEra = 146097, kEpochDay = 719468;
  return era * kDaysPerEra + day_of_era - kEpochDay;
}

bool valid_date(int year, int month, int day) {
  if (month < 1 || month > 12 || day < 1) return false;
  bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  constexpr int kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  return day <= kDays[month - 1] + (month == 2 && leap ? 1 : 0);
}

}  // namespace

Json case_context(const Json& test_case) {
  if (!test_case.is_object())
    throw Error(ErrorCode::kInvalidRequest, "a case has to be an object", "",
                "write one JSON object on each line, with messages or context");
  Json context = Json::object();
  if (test_case.contains("context") || !test_case.contains("messages")) {
    add_members(context, test_case, "context");
    add_members(context, test_case, "extra");
    return context;
  }
  for (const char* name : {"messages", "tools", "documents", "add_generation_prompt"}) {
    context[name] = test_case.contains(name) ? test_case[name] : Json(nullptr);
  }
  if (context["add_generation_prompt"].is_null()) context["add_generation_prompt"] = false;
  for (const char* name : {"bos_token", "eos_token"}) {
    if (test_case.contains(name)) context[name] = test_case[name];
  }
  add_members(context, test_case, "extra");
  return context;
}

std::optional<int64_t> parse_case_time(std::string_view text) {
  int64_t seconds = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (!text.empty() && error == std::errc() && end == text.data() + text.size()) return seconds;
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
  size_t at = 0;
  bool date = read_digits(text, at, 4, year) && read_char(text, at, "-") && read_digits(text, at, 2, month) &&
              read_char(text, at, "-") && read_digits(text, at, 2, day) && valid_date(year, month, day);
  if (!date) return std::nullopt;
  if (at < text.size()) {
    bool time = read_char(text, at, "T ") && read_digits(text, at, 2, hour) && read_char(text, at, ":") &&
                read_digits(text, at, 2, minute);
    if (time && read_char(text, at, ":")) time = read_digits(text, at, 2, second);
    read_char(text, at, "Z");
    if (!time || at != text.size() || hour > 23 || minute > 59 || second > 59) return std::nullopt;
  }
  constexpr int64_t kDay = 86400, kHour = 3600, kMinute = 60;
  return days_from_date(year, month, day) * kDay + hour * kHour + minute * kMinute + second;
}

Json error_answer(const TemplateError& error) {
  Json answer = {{"error", error.message()}, {"kind", kind_name(error.kind())}};
  if (error.line() != 0) answer["line"] = error.line();
  return answer;
}

Json run_case(const ChatTemplate& chat_template, const Json& test_case, std::optional<int64_t> now,
              const RenderLimits& limits) {
  try {
    Json context = case_context(test_case);
    auto own = test_case.find("now");
    if (own != test_case.end() && own->is_string()) {
      auto time = parse_case_time(own->get<std::string>());
      if (!time)
        throw Error(ErrorCode::kInvalidRequest, "the value is no time", "now",
                    "write it as 2025-03-09T13:05:07");
      now = time;
    }
    return {{"text", chat_template.render(context, limits, now)}};
  } catch (const TemplateError& error) {
    return error_answer(error);
  } catch (const Error& error) {
    return {{"error", error.what()}, {"kind", "type"}};
  }
}

std::string run_case_line(const ChatTemplate& chat_template, std::string_view line,
                          std::optional<int64_t> now, const RenderLimits& limits) {
  const std::optional<Json> test_case = Json::try_parse(line);
  const Json answer = test_case ? run_case(chat_template, *test_case, now, limits)
                                : Json{{"error", "the line is not JSON"}, {"kind", "type"}};
  return answer.dump();
}

}  // namespace gantry::jinja
