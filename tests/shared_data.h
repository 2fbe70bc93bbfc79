// Where the shared conformance data lies. Tests that need it skip aloud where it is absent, and fail where
// $GANTRY_SHARED_REQUIRED is 1 (as it is in continuous integration).
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

inline bool shared_required() {
  const char* required = std::getenv("GANTRY_SHARED_REQUIRED");
  return required != nullptr && std::string(required) == "1";
}

inline std::string read_bytes(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

}  // namespace gantry::testing

#define GANTRY_NEED_SHARED(relative)                                                  \
  if (!::gantry::testing::shared_has(relative)) {                                     \
    if (::gantry::testing::shared_required())                                         \
      FAIL() << "absent, and required: " << ::gantry::testing::shared_path(relative); \
    GTEST_SKIP() << "absent: " << ::gantry::testing::shared_path(relative);           \
  }                                                                                   \
  static_assert(true)
