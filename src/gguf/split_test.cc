// Models split over several files.
#include "gguf/split.h"

#include <filesystem>

#include <gtest/gtest.h>
#include <stdlib.h>

#include "base/error.h"
#include "gguf/gguf.h"
#include "gguf/testing.h"
#include "gguf/writer.h"

namespace gantry::gguf {
namespace {

namespace fs = std::filesystem;

class Split : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "gantry-gguf-XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    dir_ = pattern;
    for (uint32_t i = 0; i < 3; ++i) write_part(i, 3, 6);
  }
  void TearDown() override { fs::remove_all(dir_); }

  std::string at(uint32_t number, uint32_t count = 3) const {
    return split_path({(dir_ / "model").string(), number, count}, number);
  }

  // Two tensors in each part: t0 and t1 in the first, and so on.
  void write_part(uint32_t no, uint32_t count, int32_t tensors, uint32_t first_tensor = 99) const {
    Writer writer;
    if (no == 0) writer.add_string("general.name", "whole");
    Value value;
    value.type = ValueType::kU16;
    value.bits = no;
    writer.add_value("split.no", value);
    value.bits = count;
    writer.add_value("split.count", value);
    writer.add_int("split.tensors.count", tensors);
    const uint32_t first = first_tensor == 99 ? 2 * no : first_tensor;
    for (uint32_t t = first; t < first + 2; ++t)
      writer.add_tensor("t" + std::to_string(t), {8}, quant::Dtype::kF32,
                        std::vector<std::byte>(32, static_cast<std::byte>(t)));
    writer.write(at(no + 1));
  }

  Error refusal(const std::string& path) const {
    try {
      GgufFile::open(path);
    } catch (const Error& error) {
      return error;
    }
    ADD_FAILURE() << path << " opened";
    return Error(ErrorCode::kInternal, "none");
  }

  fs::path dir_;
};

bool says(const Error& error, const std::string& part) {
  return std::string(error.what()).find(part) != std::string::npos;
}

TEST(SplitName, IsTakenApart) {
  const auto name = parse_split_name("/m/big-Q4-00002-of-00010.gguf");
  ASSERT_TRUE(name.has_value());
  EXPECT_EQ(name->stem, "/m/big-Q4");
  EXPECT_EQ(name->number, 2u);
  EXPECT_EQ(name->count, 10u);
  EXPECT_EQ(split_path(*name, 7), "/m/big-Q4-00007-of-00010.gguf");
  for (const char* bad : {"a.gguf", "a-00001-of-00002", "a-1-of-2.gguf", "a-00000-of-00002.gguf",
                          "a-00003-of-00002.gguf", "a-0000x-of-00002.gguf", "-00001-of-00002.gguf",
                          "a-00001_of-00002.gguf", "a+00001-of-00002.gguf", "a-+0001-of-00002.gguf"})
    EXPECT_FALSE(parse_split_name(bad).has_value()) << bad;
}

TEST_F(Split, OpensGivenAnyPart) {
  for (uint32_t number = 1; number <= 3; ++number) {
    const auto file = GgufFile::open(at(number));
    EXPECT_EQ(file->path(), at(1));
    EXPECT_EQ(file->parts(), 3u);
    EXPECT_EQ(file->part_path(1), at(2));
    EXPECT_EQ(file->metadata().get_string("general.name"), "whole");
    ASSERT_EQ(file->tensors().size(), 6u);
    for (uint32_t t = 0; t < 6; ++t) {
      const TensorInfo* tensor = file->find_tensor("t" + std::to_string(t));
      ASSERT_NE(tensor, nullptr);
      EXPECT_EQ(tensor->part, t / 2);
      EXPECT_EQ(file->data(*tensor)[31], static_cast<std::byte>(t));
    }
    EXPECT_EQ(file->file_bytes(), fs::file_size(at(1)) + fs::file_size(at(2)) + fs::file_size(at(3)));
    EXPECT_GT(touch_everything(*file), 0u);
  }
}

TEST_F(Split, AMissingPartIsNamed) {
  fs::remove(at(3));
  for (uint32_t number : {1u, 2u}) {
    const Error error = refusal(at(number));
    EXPECT_EQ(error.code(), ErrorCode::kNotFound);
    EXPECT_EQ(error.where(), at(3));
    EXPECT_TRUE(says(error, "part 3 of 3")) << error.what();
  }
  fs::remove(at(1));
  EXPECT_TRUE(says(refusal(at(2)), "part 1 of 3"));
}

TEST_F(Split, PartsMustAgree) {
  fs::rename(at(2), dir_ / "other.gguf");
  EXPECT_TRUE(says(refusal((dir_ / "other.gguf").string()), "its name does not say which"));
  fs::copy_file(at(3), at(2));
  EXPECT_TRUE(says(refusal(at(1)), "name says part 2 of 3"));
  EXPECT_TRUE(says(refusal(at(2)), "name says part 2 of 3"));
  write_part(1, 3, 6, 4);
  EXPECT_TRUE(says(refusal(at(1)), "tensor 't4' is in"));
  write_part(1, 3, 6);
  write_part(0, 3, 7);
  EXPECT_TRUE(says(refusal(at(1)), "split.tensors.count says 7"));
}

TEST_F(Split, OnePartMayStandForItself) {
  fs::remove(at(1));
  OpenOptions options;
  options.single_part = true;
  const auto file = GgufFile::open(at(2), options);
  EXPECT_EQ(file->parts(), 1u);
  EXPECT_EQ(file->tensors().size(), 2u);
}

TEST_F(Split, MemoryHoldsNoSplit) {
  OpenOptions options;
  options.single_part = true;
  const auto part = GgufFile::open(at(1), options);
  EXPECT_THROW(GgufFile::parse(part->part_bytes(0), "memory"), Error);
  EXPECT_EQ(GgufFile::parse(part->part_bytes(0), "memory", options)->tensors().size(), 2u);
}

TEST_F(Split, ACountOfOneContradictsAName) {
  for (const uint32_t count : {0u, 1u}) {
    write_part(0, count, 2);
    EXPECT_NE(refusal(at(1)).message().find("split.count " + std::to_string(count)), std::string::npos);
  }
}

TEST_F(Split, ALinkOfAnotherNameLeadsToTheParts) {
  const fs::path link = dir_ / "link.gguf";
  fs::create_symlink(at(2), link);
  EXPECT_EQ(GgufFile::open(link.string())->tensors().size(), 6u);
  // As caches lay files out: the names are links to blobs, and the link leads to a name.
  const fs::path blobs = dir_ / "blobs", names = dir_ / "names";
  fs::create_directory(blobs);
  fs::create_directory(names);
  for (uint32_t part = 1; part <= 3; ++part) {
    const fs::path whole = at(part);
    fs::rename(whole, blobs / std::to_string(part));
    fs::create_symlink(fs::path("..") / "blobs" / std::to_string(part), names / whole.filename());
  }
  fs::remove(link);
  fs::create_symlink(fs::path("names") / fs::path(at(2)).filename(), link);
  EXPECT_EQ(GgufFile::open(link.string())->tensors().size(), 6u);
}

}  // namespace
}  // namespace gantry::gguf
