// Checks for our own bugs: always on, in every build. A failed check prints the expression, both sides and
// the place, then aborts. Nothing that comes from outside (file, request, peer) may reach one: that is
// gantry::Error. (Contract F2, F3.)
#pragma once

#include <string>

#include <fmt/format.h>

namespace gantry::detail {

[[noreturn]] void check_failed(const char* expression, const char* file, int line, const std::string& sides);

}  // namespace gantry::detail

#define GANTRY_CHECK(condition)                                                      \
  do {                                                                               \
    if (!(condition)) [[unlikely]]                                                   \
      ::gantry::detail::check_failed(#condition, __FILE__, __LINE__, std::string()); \
  } while (false)

#define GANTRY_CHECK_OP_(a, b, op)                                                             \
  do {                                                                                         \
    const auto& gantry_check_a = (a);                                                          \
    const auto& gantry_check_b = (b);                                                          \
    if (!(gantry_check_a op gantry_check_b)) [[unlikely]]                                      \
      ::gantry::detail::check_failed(#a " " #op " " #b, __FILE__, __LINE__,                    \
                                     fmt::format("{} vs {}", gantry_check_a, gantry_check_b)); \
  } while (false)

#define GANTRY_CHECK_EQ(a, b) GANTRY_CHECK_OP_(a, b, ==)
#define GANTRY_CHECK_NE(a, b) GANTRY_CHECK_OP_(a, b, !=)
#define GANTRY_CHECK_LE(a, b) GANTRY_CHECK_OP_(a, b, <=)
#define GANTRY_CHECK_LT(a, b) GANTRY_CHECK_OP_(a, b, <)
