#include "api/chat_changes.h"

#include <algorithm>
#include <string_view>

namespace gantry::api {
namespace {

bool is_plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("-_.:").find(c) != std::string_view::npos;
}

}  // namespace

std::vector<http::Header> change_headers(const std::vector<std::string>& changes) {
  if (changes.empty()) return {};
  std::string value;
  for (const std::string& change : changes) {
    if (!value.empty()) value += ", ";
    for (const char c : change) value += is_plain(c) ? c : '?';
    if (value.size() > kChatChangesBytesMax) break;
  }
  value.resize(std::min(value.size(), kChatChangesBytesMax));
  return {{std::string(kChatChangesHeader), std::move(value)}};
}

std::vector<std::string> changes_of(const std::vector<completion::PreparedPtr>& prompts) {
  std::vector<std::string> all;
  for (const completion::PreparedPtr& prompt : prompts)
    for (const std::string& change : prompt->chat.changes)
      if (std::ranges::find(all, change) == all.end()) all.push_back(change);
  return all;
}

}  // namespace gantry::api
