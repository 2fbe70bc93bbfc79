// A saved conversation is read, or refused with a place, whatever is in it; and what was read is written and
// read again as the same.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "base/error.h"
#include "cli/saved_talk.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace gantry;
  try {
    const cli::SavedTalk talk = cli::parse_talk({reinterpret_cast<const char*>(data), size}, "talk.json");
    const std::string text = cli::talk_text(talk);
    const cli::SavedTalk again = cli::parse_talk(text, "again.json");
    if (again.messages != talk.messages || again.system != talk.system || cli::talk_text(again) != text)
      std::abort();
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kBadFile || !error.where().starts_with("talk.json")) std::abort();
  }
  return 0;
}
