// Parts that both ways of formatting share.
#pragma once

#include <cstdint>
#include <string>

#include "jinja/value.h"

namespace gantry::jinja {

// int(value) of a float; refuses inf, nan, and what 128 bits cannot hold.
Int real_to_int(double value);
// A number that is not negative, as C's printf prints it with %e %E %f %F %g %G.
std::string float_text(double magnitude, char type, int64_t precision, bool alternate);

}  // namespace gantry::jinja
