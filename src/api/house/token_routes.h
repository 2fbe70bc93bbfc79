// The routes that show what a prompt becomes, without generating: POST /tokenize, /detokenize and
// /apply-template, with the fields of llama.cpp's server. Request workers.
#pragma once

#include <string>
#include <string_view>

#include "fleet/fleet.h"

namespace gantry::api {

// The body of the answer. Refusal 400 naming the field; Error kNotFound for an unknown model, kTemplate
// where the model's template refuses the conversation.
std::string tokenize_body(fleet::Fleet& fleet, std::string_view request);
std::string detokenize_body(fleet::Fleet& fleet, std::string_view request);
std::string apply_template_body(fleet::Fleet& fleet, std::string_view request);

}  // namespace gantry::api
