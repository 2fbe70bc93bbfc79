// Gives every name of a parsed template its place: Jinja decides at compile time which frame a variable
// belongs to and what the frame starts with, and templates can tell. Also checks filters and tests by name.
#pragma once

#include "jinja/ast.h"

namespace gantry::jinja {

// Throws TemplateError (kType, with the line).
void resolve_names(Template& tree);

}  // namespace gantry::jinja
