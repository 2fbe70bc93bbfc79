// Passed cases of conformance tests, for the tables that `./dev test` prints at its end: one file for each
// table in $GANTRY_REPORTS, one line for each subject. Without that variable nothing is written.
#pragma once

#include <cstdlib>
#include <fstream>
#include <string>

namespace gantry::testing {

// Each test program runs alone or beside others, none writes another's table.
inline void report_cases(const std::string& table, const std::string& subject, size_t passed, size_t cases) {
  const char* folder = std::getenv("GANTRY_REPORTS");
  if (folder == nullptr) return;
  std::ofstream out(std::string(folder) + "/" + table + ".txt", std::ios::app);
  out << subject << '\t' << passed << '\t' << cases << '\n';
}

}  // namespace gantry::testing
