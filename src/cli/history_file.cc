#include "cli/history_file.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "os/file.h"
#include "text/json.h"

namespace gantry::cli {
namespace {

constexpr mode_t kOwnFile = 0600, kOwnFolder = 0700;

// Folders that are missing on the way to the file.
void make_folders(const std::filesystem::path& folder) {
  if (folder.empty() || ::access(folder.c_str(), F_OK) == 0) return;
  make_folders(folder.parent_path());
  ::mkdir(folder.c_str(), kOwnFolder);
}

// Each line of one begins with a quotation mark.
bool may_be_history(int file) {
  struct stat facts {};
  char first = '\0';
  return ::fstat(file, &facts) == 0 && S_ISREG(facts.st_mode) &&
         (facts.st_size == 0 || (::pread(file, &first, 1, 0) == 1 && first == '"'));
}

std::string line_of(const std::string& entry) { return Json(entry).dump() + "\n"; }

}  // namespace

std::string history_path(const settings::Lookup& variable) {
  const auto absolute = [&](const char* name) {
    const char* value = variable(name);
    return value != nullptr && value[0] == '/' ? std::string(value) : std::string();
  };
  if (const std::string state = absolute("XDG_STATE_HOME"); !state.empty()) return state + "/gantry/history";
  if (const std::string home = absolute("HOME"); !home.empty()) return home + "/.local/state/gantry/history";
  return {};
}

std::vector<std::string> HistoryFile::read() {
  std::vector<std::string> entries;
  if (path_.empty()) return entries;
  std::string text;
  try {
    text = os::read_file(path_, 2 * kHistoryFileBytesMax);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kNotFound) fail(error.message());
    return entries;
  }
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    if (const auto entry = Json::try_parse(std::string_view(text).substr(at, end - at));
        entry && entry->is_string() && !entry->get<std::string_view>().empty())
      entries.push_back(entry->get<std::string>());
    at = end + 1;
  }
  if (entries.size() > kHistoryEntriesMax)
    entries.erase(entries.begin(), entries.end() - static_cast<ptrdiff_t>(kHistoryEntriesMax));
  return entries;
}

void HistoryFile::append(const std::string& entry) {
  if (path_.empty() || entry.size() > kHistoryEntryBytesMax) return;
  make_folders(std::filesystem::path(path_).parent_path());
  const os::Fd file(
      ::open(path_.c_str(), O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, kOwnFile));
  if (file.get() < 0) return fail(std::strerror(errno));
  // What is somebody else's keeps its permissions and its lines.
  if (!may_be_history(file.get())) return fail("it is a file of something else; name another");
  if (::fchmod(file.get(), kOwnFile) != 0) return fail(std::strerror(errno));
  const std::string line = line_of(entry);
  // In one piece, so that two programs' lines do not mix.
  if (::write(file.get(), line.data(), line.size()) != static_cast<ssize_t>(line.size()))
    return fail(std::strerror(errno));
  struct stat facts {};
  if (::fstat(file.get(), &facts) == 0 && static_cast<size_t>(facts.st_size) > kHistoryFileBytesMax)
    shorten();
}

void HistoryFile::shorten() {
  std::string kept;
  const std::vector<std::string> entries = read();
  for (size_t i = entries.size(); i-- > 0 && kept.size() < kHistoryFileBytesMax / 2;)
    kept.insert(0, line_of(entries[i]));
  try {
    os::write_file_atomically(path_, kept);
  } catch (const Error& error) {
    fail(error.message());
  }
}

void HistoryFile::fail(const std::string& words) {
  if (!told_) trouble_ = fmt::format("the history is not kept: {}: {}", path_, words);
  told_ = true;
}

std::string HistoryFile::trouble() { return std::exchange(trouble_, {}); }

}  // namespace gantry::cli
