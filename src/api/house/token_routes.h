// The routes that show what a prompt becomes, without generating: POST /tokenize, /detokenize and
// /apply-template, with the fields of llama.cpp's server. Request workers.
#pragma once

#include "api/call.h"

namespace gantry::api::house {

void tokenize(Call& call);
void detokenize(Call& call);
void apply_template(Call& call);

}  // namespace gantry::api::house
