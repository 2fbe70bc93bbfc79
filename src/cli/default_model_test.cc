#include "cli/default_model.h"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "base/error.h"

namespace gantry::cli {
namespace {

namespace fs = std::filesystem;

class DefaultModel : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "gantry-cli-XXXXXX").string();
    root_ = ::mkdtemp(pattern.data());
    fs::create_directories(root_ / "release");
  }
  void TearDown() override { fs::remove_all(root_); }

  void put(const std::string& relative, uintmax_t bytes) {
    fs::create_directories((root_ / relative).parent_path());
    std::ofstream(root_ / relative).close();
    fs::resize_file(root_ / relative, bytes);
  }
  ChosenModel choose(const std::string& given, const char* environment) {
    return choose_model(given, environment, (root_ / "release").string());
  }

  fs::path root_;
};

TEST_F(DefaultModel, WhatWasGivenIsTakenWithoutAWord) {
  put("models/a.gguf", 1);
  EXPECT_EQ(choose("x.gguf", "y.gguf").path, "x.gguf");
  EXPECT_EQ(choose("x.gguf", "y.gguf").note, "");
}

TEST_F(DefaultModel, EnvironmentComesBeforeTheToy) {
  put("models/a.gguf", 1);
  EXPECT_EQ(choose("", "y.gguf").path, "y.gguf");
  EXPECT_NE(choose("", "y.gguf").note.find("GANTRY_MODEL"), std::string::npos);
  EXPECT_EQ(choose("", "").path, (root_ / "models/a.gguf").string());
}

TEST_F(DefaultModel, FirstByNameBesideTheProgramAndSaysThatItIsAToy) {
  put("share/gantry/models/0.gguf", 1);
  put("models/b.gguf", kToyBytesMax);
  put("models/a.txt", 1);
  EXPECT_EQ(choose("", nullptr).path, (root_ / "models/b.gguf").string());
  EXPECT_NE(choose("", nullptr).note.find("toy"), std::string::npos);
  put("models/a.gguf", kToyBytesMax + 1);
  EXPECT_EQ(choose("", nullptr).path, (root_ / "models/a.gguf").string());
  EXPECT_EQ(choose("", nullptr).note.find("toy"), std::string::npos);
  fs::remove_all(root_ / "models");
  EXPECT_EQ(choose("", nullptr).path, (root_ / "share/gantry/models/0.gguf").string());
}

TEST_F(DefaultModel, NoneIsAnErrorThatTellsHowToGiveOne) {
  try {
    choose("", nullptr);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kUsage);
    EXPECT_NE(error.mend().find("gantry serve"), std::string::npos);
  }
}

TEST(ProgramFolder, IsWhereThisTestLies) { EXPECT_TRUE(fs::exists(fs::path(program_folder()) / "cli_test")); }

}  // namespace
}  // namespace gantry::cli
