// The levels of a report as one SVG: tokens a second above, latencies below. Nothing outside it is referred
// to; it reads on light and on dark pages.
#pragma once

#include <string>

#include "bench/report.h"

namespace gantry::bench {

std::string draw_chart(const ServeReport& report);

// Text as it stands in an element: marks escaped, what XML has no characters for replaced.
std::string xml_text(std::string_view text);

// The smallest of 1, 2, 5, 10, 20, ... (times powers of ten) that is not below `value`; of 0 one.
double round_above(double value);

}  // namespace gantry::bench
