// gantry_stories IN_DIR OUT.gguf [--type f32|f16|q8_0]
#include <cstdio>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "base/error.h"
#include "os/file.h"
#include "tools/stories/stories.h"

namespace {

int run(const std::vector<std::string>& arguments) {
  using gantry::Error;
  using gantry::quant::Dtype;
  std::vector<std::string> paths;
  Dtype dtype = Dtype::kF32;
  for (size_t i = 0; i < arguments.size(); ++i) {
    if (arguments[i] != "--type") {
      paths.push_back(arguments[i]);
      continue;
    }
    const auto* facts = i + 1 < arguments.size() ? gantry::quant::find_dtype(arguments[++i]) : nullptr;
    if (facts == nullptr ||
        (facts->dtype != Dtype::kF32 && facts->dtype != Dtype::kF16 && facts->dtype != Dtype::kQ8_0))
      throw Error(gantry::ErrorCode::kUsage, "--type wants f32, f16 or q8_0");
    dtype = facts->dtype;
  }
  if (paths.size() != 2)
    throw Error(gantry::ErrorCode::kUsage, "usage: gantry_stories IN_DIR OUT.gguf [--type f32|f16|q8_0]");
  const std::vector<std::byte> bytes = gantry::tools::make_stories_gguf(paths[0], dtype);
  gantry::os::write_file_atomically(paths[1], [&](gantry::os::FileSink& sink) { sink.write(bytes); });
  fmt::print("{}: {} bytes\n", paths[1], bytes.size());
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run({argv + 1, argv + argc});
  } catch (const gantry::Error& error) {
    fmt::print(stderr, "gantry_stories: {}\n", error.what());
    return gantry::error_facts(error.code()).exit_status;
  }
}
