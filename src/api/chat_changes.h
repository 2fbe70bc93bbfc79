// How a client hears what of its conversation had to be said otherwise (chat/changes.h). Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "completion/completion.h"
#include "http/http.h"

namespace gantry::api {

inline constexpr std::string_view kChatChangesHeader = "x-gantry-chat-changes";
inline constexpr size_t kChatChangesBytesMax = 1024;  // of the header's value; what is more is cut

// `x-gantry-chat-changes: systems-joined, calls-in-notation`; no header where there were none. Names may
// contain a client's words: what a header cannot carry becomes '?'.
std::vector<http::Header> change_headers(const std::vector<std::string>& changes);

// Of all prompts, each change once.
std::vector<std::string> changes_of(const std::vector<completion::PreparedPtr>& prompts);

}  // namespace gantry::api
