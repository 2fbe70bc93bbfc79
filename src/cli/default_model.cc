#include "cli/default_model.h"

#include <algorithm>
#include <filesystem>
#include <vector>

#include <fmt/format.h>

#include "base/error.h"

namespace gantry::cli {

namespace fs = std::filesystem;

namespace {

std::string first_gguf(const fs::path& folder) {
  std::vector<std::string> found;
  std::error_code error;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    if (at->path().extension() == ".gguf" && at->is_regular_file(error)) found.push_back(at->path().string());
  }
  return found.empty() ? std::string() : *std::min_element(found.begin(), found.end());
}

}  // namespace

std::string program_folder() {
  std::error_code error;
  return fs::read_symlink("/proc/self/exe", error).parent_path().string();
}

ChosenModel choose_model(const std::string& given, const char* environment,
                         const std::string& program_folder) {
  if (!given.empty()) return {given, {}};
  if (environment != nullptr && environment[0] != '\0')
    return {environment, fmt::format("model: {} (from $GANTRY_MODEL)", environment)};
  for (const char* relative : {"../models", "../share/gantry/models"}) {
    const fs::path folder = (fs::path(program_folder) / relative).lexically_normal();
    const std::string path = first_gguf(folder);
    if (path.empty()) continue;
    std::error_code error;
    const bool toy = fs::file_size(path, error) <= kToyBytesMax && !error;
    return {path,
            fmt::format("model: {}{}", path,
                        toy ? " (a toy that writes little stories; give your own GGUF file as MODEL)" : "")};
  }
  throw Error(ErrorCode::kUsage, "no model was given, and there is no default one",
              fmt::format("MODEL, $GANTRY_MODEL, {}",
                          (fs::path(program_folder) / "../models").lexically_normal().string()),
              "give the path of a GGUF file: gantry serve path/to/model.gguf");
}

}  // namespace gantry::cli
