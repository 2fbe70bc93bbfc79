#include "cli/near_files.h"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <vector>

#include <fmt/format.h>

#include "cli/terminal.h"
#include "settings/spelling.h"

namespace gantry::cli {
namespace {

constexpr size_t kFilesMax = 10'000;  // of a folder that are looked at
constexpr std::string_view kEnd = ".gguf", kFirstPart = "-00001-of-";

std::string lower(std::string text) {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return text;
}

bool is_model(const std::string& name) { return lower(name).ends_with(kEnd); }

std::string without_end(const std::string& name) {
  return is_model(name) ? name.substr(0, name.size() - kEnd.size()) : name;
}

std::vector<std::string> models_in(const std::filesystem::path& folder) {
  std::vector<std::string> names;
  std::error_code error;
  size_t seen = 0;
  for (std::filesystem::directory_iterator at(folder, error), end; !error && at != end && seen < kFilesMax;
       at.increment(error), ++seen)
    if (std::string name = at->path().filename().string(); is_model(name)) names.push_back(std::move(name));
  std::ranges::sort(names);
  return names;
}

// Of `names`, in lower case: what `word` is but for its end or its parts.
std::string meant(const std::string& word, const std::vector<std::string>& names) {
  const std::string stem = without_end(word);
  for (const std::string& name : names)
    if (without_end(name) == stem || name.starts_with(stem + std::string(kFirstPart))) return name;
  return settings::nearest_word(word, names);
}

}  // namespace

std::string near_file(const std::string& path) {
  const std::filesystem::path given(path);
  const std::filesystem::path folder = given.has_parent_path() ? given.parent_path() : ".";
  const std::vector<std::string> names = models_in(folder);
  std::vector<std::string> small;
  for (const std::string& name : names) small.push_back(lower(name));
  const std::string found = meant(lower(given.filename().string()), small);
  if (found.empty()) return {};
  const std::string& name = names[static_cast<size_t>(std::ranges::find(small, found) - small.begin())];
  return (given.has_parent_path() ? given.parent_path() / name : std::filesystem::path(name)).string();
}

Error with_near_file(const Error& error) {
  std::error_code ignored;
  const std::string& path = error.where();
  const bool is_absent = error.code() == ErrorCode::kNotFound &&
                         error.message().starts_with("cannot open it") &&
                         !std::filesystem::exists(path, ignored);
  const std::string near = is_absent ? near_file(path) : "";
  if (near.empty()) return error;
  return Error(error.code(), error.message(), path, fmt::format("did you mean {}?", harmless(near)));
}

}  // namespace gantry::cli
