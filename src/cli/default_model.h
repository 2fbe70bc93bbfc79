// Which model a command takes when it was given none.
#pragma once

#include <string>

namespace gantry::cli {

// A file of at most so many bytes can only be a toy: it is said when it was not asked for by name.
inline constexpr uint64_t kToyBytesMax = uint64_t{16} << 20;

struct ChosenModel {
  std::string path;
  std::string note;  // one line for the reader; empty when the path was given
};

// `given`, else `environment` ($GANTRY_MODEL; may be null), else the first *.gguf by name in ../models or
// ../share/gantry/models as seen from `program_folder`. Error kUsage says how to give one.
ChosenModel choose_model(const std::string& given, const char* environment,
                         const std::string& program_folder);

// The folder of this process's executable.
std::string program_folder();

}  // namespace gantry::cli
