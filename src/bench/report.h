// The figures of a server as a table for people and as JSON for programs.
#pragma once

#include <string>
#include <vector>

#include "bench/figures.h"
#include "bench/level.h"
#include "text/json.h"

namespace gantry::bench {

struct LevelReport {
  Load load;
  Figures figures;
};

struct ServeReport {
  std::string url = {}, api = {}, model = {}, mix = {};
  uint64_t seed = 0;
  double words_per_token = 1;
  std::vector<std::string> notes = {};
  std::vector<LevelReport> levels = {};
  bool interrupted = false;
};

// "8 clients", "2.5 conversations a second".
std::string load_name(const Load& load);

// What was measured on what: a line and the notes.
std::string head_text(const ServeReport& report);
std::string level_text(const LevelReport& level);
// One line for each level; of fewer than two levels empty.
std::string levels_text(const ServeReport& report);
Json report_json(const ServeReport& report);

}  // namespace gantry::bench
