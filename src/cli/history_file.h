// What was typed at earlier prompts, in a file that is only the user's (0600, in a folder 0700): a JSON text
// on each line, the newest last. Several programs may append to it at once. One thread for each object.
//
// Nothing here throws: who cannot keep a history still can talk. `trouble()` says what was wrong, once.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "settings/values.h"

namespace gantry::cli {

inline constexpr size_t kHistoryEntriesMax = 500;
inline constexpr size_t kHistoryEntryBytesMax = size_t{16} << 10;  // longer ones are not kept
inline constexpr size_t kHistoryFileBytesMax = size_t{1} << 20;    // past it the oldest half goes

// $XDG_STATE_HOME/gantry/history, or ~/.local/state/gantry/history; empty where neither is known.
std::string history_path(const settings::Lookup& variable);

class HistoryFile {
 public:
  // An empty path: nothing is read or kept. A file of something else stays as it is.
  explicit HistoryFile(std::string path) : path_(std::move(path)) {}

  // The last kHistoryEntriesMax, the newest last. Lines that nobody of ours wrote are passed over.
  std::vector<std::string> read();
  void append(const std::string& entry);
  // Words for a person, the first time that something was wrong; empty otherwise.
  std::string trouble();

 private:
  void shorten();
  void fail(const std::string& words);

  std::string path_;
  std::string trouble_;
  bool told_ = false;
};

}  // namespace gantry::cli
