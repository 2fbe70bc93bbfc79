// Bytes of a connection as the request parser reads them. The first byte says how large the pieces are that
// the rest comes in; whole and in pieces, the same must be found.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "http/http.h"
#include "http/request_parser.h"

namespace {

using gantry::http::Refusal;
using gantry::http::RequestParser;

constexpr gantry::http::ParserLimits kLimits{.header_bytes = 2048, .header_count = 20, .body_bytes = 4096};

// What was found, written down.
std::string found_in(std::string_view input, size_t piece) {
  std::string found, inbox;
  try {
    RequestParser parser(kLimits);
    while (!input.empty() && parser.state() != RequestParser::State::kDone) {
      const size_t n = std::min(piece, input.size());
      inbox += input.substr(0, n);
      input.remove_prefix(n);
      for (size_t taken = 1; !inbox.empty() && taken > 0 && parser.state() != RequestParser::State::kDone;) {
        taken = parser.feed(inbox);
        if (taken > inbox.size()) __builtin_trap();
        inbox.erase(0, taken);
      }
    }
    if (parser.state() == RequestParser::State::kDone) {
      const auto request = parser.take();
      found = request.method + " " + request.target + "\n" + request.body;
      for (const auto& header : request.headers) found += header.name + ":" + header.value + "\n";
      (void)request.path();
    }
  } catch (const Refusal& error) {
    if (error.status() < 400 || error.status() > 505) __builtin_trap();
    found = "refused";
  }
  return found;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const std::string_view input(reinterpret_cast<const char*>(data + 1), size - 1);
  if (found_in(input, SIZE_MAX) != found_in(input, size_t{1} + data[0])) __builtin_trap();
  return 0;
}
