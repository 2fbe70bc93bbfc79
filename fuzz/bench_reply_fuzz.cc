// What a server answers, as `gantry bench serve` reads it: bytes of one answer, in pieces whose size the
// first byte says, then every event of it. Whole and in pieces, the same must be found.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "bench/piece.h"
#include "bench/reply_reader.h"

namespace {

using namespace gantry::bench;

std::string found_in(std::string_view input, size_t piece) {
  ReplyReader reader;
  std::vector<std::string> events;
  std::string found;
  try {
    while (!input.empty() && !reader.done()) {
      const std::string_view some = input.substr(0, piece);
      const size_t taken = reader.feed(some, events);
      if (taken > some.size() || (taken < some.size() && !reader.done())) __builtin_trap();
      input.remove_prefix(taken);
    }
    reader.end(events);
    if (!reader.done()) __builtin_trap();
    found = std::to_string(reader.status()) + reader.body() + (reader.keeps_alive() ? "+" : "-");
  } catch (const ReplyFault&) {
    found = "fault";
  }
  if (reader.body().size() > kReplyBodyBytesKept) __builtin_trap();
  for (const std::string& event : events) found += "\n" + event;
  return found;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view input(reinterpret_cast<const char*>(data + 1), size - 1);
  const std::string whole = found_in(input, input.size());
  if (found_in(input, size_t{data[0]} + 1) != whole) __builtin_trap();
  for (const char c : error_words(input))
    if (c < 0x20 || c > 0x7e) __builtin_trap();
  try {
    read_piece(input);
  } catch (const ReplyFault&) {
  }
  return 0;
}
