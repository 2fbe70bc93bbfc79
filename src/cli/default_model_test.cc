#include "cli/default_model.h"

#include <gtest/gtest.h>

#include "cli/box_model.h"
#include "gguf/gguf.h"

namespace gantry::cli {
namespace {

TEST(DefaultModel, WhatWasGivenIsTakenWithoutAWord) {
  fleet::LoadSettings settings;
  settings.model_path = "x.gguf";
  EXPECT_EQ(choose_model(settings, ""), "");
  EXPECT_EQ(settings.model_path, "x.gguf");
  EXPECT_TRUE(settings.model_bytes.empty());
}

TEST(DefaultModel, APathFromElsewhereIsToldWithItsPlace) {
  fleet::LoadSettings settings;
  settings.model_path = "y.gguf";
  EXPECT_EQ(choose_model(settings, "$GANTRY_MODEL"), "model: y.gguf (from $GANTRY_MODEL)");
  EXPECT_TRUE(settings.model_bytes.empty());
}

TEST(DefaultModel, OtherwiseTheBoxAndTheNoteTellsHowToGetARealOne) {
  fleet::LoadSettings settings;
  const std::string note = choose_model(settings, "");
  EXPECT_TRUE(note.starts_with("model: gantry-box, ")) << note;
  EXPECT_NE(note.find("toy"), std::string::npos);
  EXPECT_NE(note.find(".gguf"), std::string::npos);
  EXPECT_EQ(note.find('\n'), std::string::npos);
  EXPECT_EQ(settings.model_path, kBoxName);
  EXPECT_EQ(settings.model_bytes.data(), box_model().data());
}

TEST(BoxModel, IsAWholeGgufFile) {
  const auto file = gguf::GgufFile::parse(box_model(), kBoxName);
  EXPECT_EQ(file->metadata().need_string("general.architecture"), "llama");
}

}  // namespace
}  // namespace gantry::cli
