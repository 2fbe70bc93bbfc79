// A JSON body as /v1/chat/completions and /v1/completions read it.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "server/http.h"
#include "server/openai_error.h"
#include "server/openai_request.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using gantry::server::Api;
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  for (const Api api : {Api::kChat, Api::kCompletions}) {
    try {
      const auto request = gantry::server::read_generate_request(api, body);
      if (request.choices() == 0) __builtin_trap();
      for (uint32_t i = 0; i < request.choices(); ++i) (void)request.choice(i);
    } catch (const gantry::server::HttpError& error) {
      if (error.status() < 400 || error.status() > 499) __builtin_trap();
      (void)gantry::server::error_body(error);
    }
  }
  return 0;
}
