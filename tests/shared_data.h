// Where the shared conformance data lies. Tests that need it skip aloud where it is absent.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include <gtest/gtest.h>

namespace gantry::testing {

// $GANTRY_SHARED, or the folder `shared` beside the source tree.
inline std::string shared_path(const std::string& relative) {
  const char* root = std::getenv("GANTRY_SHARED");
  return (root != nullptr ? std::string(root) : std::string(GANTRY_SOURCE_DIR) + "/../shared") + "/" +
         relative;
}

inline bool shared_has(const std::string& relative) { return std::filesystem::exists(shared_path(relative)); }

inline std::string read_bytes(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

}  // namespace gantry::testing

#define GANTRY_NEED_SHARED(relative)            \
  if (!::gantry::testing::shared_has(relative)) \
  GTEST_SKIP() << "absent: " << ::gantry::testing::shared_path(relative)
