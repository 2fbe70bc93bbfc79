// One event of a streamed answer, in the dialect of OpenAI's API as its many servers speak it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace gantry::bench {

struct Usage {
  uint64_t prompt = 0, fresh = 0;  // tokens read and written
  std::optional<uint64_t> cached;  // of the prompt
};

struct Piece {
  bool is_end = false;    // [DONE]
  std::string text;       // of an answer, its reasoning or its calls; empty: none came
  bool finished = false;  // the answer gave the reason of its end
  std::optional<Usage> usage;
  std::optional<std::string> error;  // the server's words
};

// ReplyFault for what is no JSON object.
Piece read_piece(std::string_view data);

// The words of an error in a body, whatever its shape; the beginning of the body where it has none. Harmless
// on a terminal, and short.
std::string error_words(std::string_view body);

}  // namespace gantry::bench
