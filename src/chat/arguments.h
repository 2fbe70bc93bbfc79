// Arguments of a call that are no JSON object. Pure.
#pragma once

#include "text/json.h"

namespace gantry::chat {

// The object that a text which was cut off began, with what was open closed; of any other text or value an
// object whose member `input` it is.
Json mended_arguments(const Json& arguments);

}  // namespace gantry::chat
