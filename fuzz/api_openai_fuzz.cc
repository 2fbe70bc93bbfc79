// A JSON body as /v1/chat/completions and /v1/completions read it.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "api/openai/error.h"
#include "api/openai/request.h"
#include "http/http.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using gantry::api::Api;
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  for (const Api api : {Api::kChat, Api::kCompletions}) {
    try {
      const auto request = gantry::api::read_generate_request(api, body);
      if (request.choices() == 0) __builtin_trap();
      for (uint32_t i = 0; i < request.choices(); ++i) (void)request.choice(i);
    } catch (const gantry::http::Refusal& error) {
      if (error.status() < 400 || error.status() > 499) __builtin_trap();
      (void)gantry::api::error_body(error);
    }
  }
  return 0;
}
