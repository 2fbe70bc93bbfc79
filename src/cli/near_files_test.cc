#include "cli/near_files.h"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

namespace gantry::cli {
namespace {

class NearFiles : public testing::Test {
 protected:
  void SetUp() override {
    std::filesystem::create_directories(folder_);
    for (const char* name : {"Llama-3-8B-Q4_K_M.gguf", "phi.GGUF", "large-00001-of-00003.gguf",
                             "large-00002-of-00003.gguf", "phi.txt"})
      std::ofstream(folder_ + name) << "x";
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  const std::string folder_ = testing::TempDir() + "/gantry_near_files/";
};

TEST_F(NearFiles, WhatWasLikelyMeant) {
  EXPECT_EQ(near_file(folder_ + "llama-3-8b-q4_k_m.gguf"), folder_ + "Llama-3-8B-Q4_K_M.gguf");
  EXPECT_EQ(near_file(folder_ + "Llama-3-8B-Q4_K_M"), folder_ + "Llama-3-8B-Q4_K_M.gguf");
  EXPECT_EQ(near_file(folder_ + "Llama-3-8B-Q4_KM.gguf"), folder_ + "Llama-3-8B-Q4_K_M.gguf");
  EXPECT_EQ(near_file(folder_ + "phi.gguf"), folder_ + "phi.GGUF");
  EXPECT_EQ(near_file(folder_ + "large.gguf"), folder_ + "large-00001-of-00003.gguf");
  EXPECT_EQ(near_file(folder_ + "something-else.gguf"), "");
  EXPECT_EQ(near_file("/no/such/folder/phi.gguf"), "");
}

TEST_F(NearFiles, OnlyWhereTheFileIsNotThere) {
  const Error absent(ErrorCode::kNotFound, "cannot open it: No such file or directory", folder_ + "phi",
                     "look");
  EXPECT_EQ(with_near_file(absent).mend(), "did you mean " + folder_ + "phi.GGUF?");
  const Error other(ErrorCode::kNotFound, "part 2 of 3 of this model is missing", folder_ + "phi", "look");
  EXPECT_EQ(with_near_file(other).mend(), "look");
}

}  // namespace
}  // namespace gantry::cli
