// Paths of other servers that clients ask for, and what Gantry has instead. Immutable: any thread.
#pragma once

#include <string>
#include <string_view>

namespace gantry::api {

// "it is Ollama's; here it is /v1/chat/completions"; empty: nobody's that is known.
std::string words_on_foreign_path(std::string_view path);

}  // namespace gantry::api
