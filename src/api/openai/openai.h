// OpenAI's dialect: /v1/chat/completions, /v1/completions, /v1/models.
#pragma once

#include "api/dialect.h"

namespace gantry::api::openai {

const Dialect& dialect();

}  // namespace gantry::api::openai
