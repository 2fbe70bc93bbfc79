// A conversation as a file: the body of a request to /v1/chat/completions, so that what was saved can be sent
// as it stands. `/save` and `/load` of `gantry run`. Pure functions; any thread.
//
//   {"model": "NAME", "messages": [{"role": "system" | "user" | "assistant", "content": "TEXT",
//    "reasoning_content": "TEXT" (of an assistant, where there is any)}, ...], "temperature": 0.8, ...}
//
// Only the first message may be the system's. The settings are those of requests (settings/table.h), by their
// names; what is not there is left as it is.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "settings/values.h"
#include "text/json.h"

namespace gantry::cli {

inline constexpr size_t kTalkBytesMax = size_t{64} << 20;

struct SavedTalk {
  std::string model;   // that answered; may be empty
  std::string system;  // empty: none
  Json messages = Json::array();
  settings::Values values;  // settings of requests that the file names
};

// The rows of `values` that are settings of requests.
std::string talk_text(const SavedTalk& talk);

// Error kBadFile that names the field of `path`, and what belongs there: text that is no JSON, fields that
// nobody knows, values of another kind or out of range.
SavedTalk parse_talk(std::string_view text, const std::string& path);

}  // namespace gantry::cli
