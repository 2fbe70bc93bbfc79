// Models that drive a loop of tools, one for each row of replies: asked with tools, such a model calls one,
// behind its result two others, behind theirs it answers; each time in its family's words, and only as long
// as the prompt says what was called and what came of it. So does one for each chat template that lies at
// hand, in the words of the template's family.
//
//   GET /loops   what there is: [{"model", "row", "template", "calls", "own_ids", "thinks", "speaks"}]
//
// A call's argument "thought" says whether the reply reasoned, "spoke" whether it had words beside the call.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "api/dialect.h"
#include "fleet/fleet.h"

namespace gantry::testing {

// Makes the list; once, before the others. `templates`: a folder, or empty.
void find_loops(const std::string& templates);

// The models, by name.
std::map<std::string, std::function<std::unique_ptr<fleet::LiveModel>()>> loop_models();

const api::Dialect& loops_dialect();

}  // namespace gantry::testing
