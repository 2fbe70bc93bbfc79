// Values of the table into the structs that the commands read. A field without a row, and a row that no field
// takes, do not pass: bindings.cc and its test.
#pragma once

#include <span>

#include "cli/options.h"
#include "settings/values.h"

namespace gantry::cli {

// Error kUsage where a text has a form that only a room knows: a list of tokens, a time.
// `models`: those that a configuration file names; without, there is one and `values` say which.
Action action_of(settings::Command command, const settings::Values& values,
                 std::span<const settings::Values> models = {});

fleet::LoadSettings bind_load(const settings::Values& values);
AnswerSettings bind_answers(const settings::Values& values);

log::Level bind_log_level(const settings::Values& values);
std::string bind_timezone(const settings::Values& values);  // empty: the machine's

}  // namespace gantry::cli
