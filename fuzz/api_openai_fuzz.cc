// A JSON body as /v1/chat/completions and /v1/completions read it.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "api/openai/error.h"
#include "api/openai/request.h"
#include "http/http.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  namespace openai = gantry::api::openai;
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  for (const auto api : {openai::Api::kChat, openai::Api::kCompletions}) {
    try {
      const auto request = openai::parse(api, body).request;
      if (request.prompts.empty() || request.choices() < request.prompts.size()) __builtin_trap();
      (void)request.names.written(body);
    } catch (const gantry::http::Refusal& refusal) {
      if (refusal.status() < 400 || refusal.status() > 499) __builtin_trap();
      (void)openai::error_body(refusal);
    }
  }
  return 0;
}
