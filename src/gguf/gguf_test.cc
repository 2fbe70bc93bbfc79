// Reading what was written, the getters, the shared files, and refusals by name.
#include "gguf/gguf.h"

#include <cstring>
#include <filesystem>
#include <limits>

#include <gtest/gtest.h>

#include "base/error.h"
#include "gguf/testing.h"
#include "gguf/writer.h"
#include "tests/shared_data.h"

namespace gantry::gguf {
namespace {

namespace fs = std::filesystem;

template <typename Call>
Error error_of(Call call) {
  try {
    call();
  } catch (const Error& error) {
    return error;
  }
  ADD_FAILURE() << "no Error was thrown";
  return Error(ErrorCode::kInternal, "none");
}

#define EXPECT_SAYS(text, part) \
  EXPECT_NE(std::string(text).find(part), std::string::npos) << "in: " << (text) << "\nwanted: " << (part)

std::vector<std::byte> as_bytes(std::string_view text) {
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

TEST(Gguf, EveryKindOfValueComesBack) {
  const std::vector<std::byte> bytes = make_sample_file();
  const auto file = GgufFile::parse(bytes, "sample");
  EXPECT_EQ(file->version(), 3u);
  EXPECT_EQ(file->file_bytes(), bytes.size());
  const Metadata& m = file->metadata();
  EXPECT_EQ(m.entries()[0].key, "general.architecture");
  EXPECT_EQ(m.get_uint("t.u8"), 200u);
  EXPECT_EQ(m.get_int("t.i8"), -7);
  EXPECT_EQ(m.get_uint("t.u16"), 60000u);
  EXPECT_EQ(m.get_int("t.i16"), -30000);
  EXPECT_EQ(m.get_uint("t.u32"), 4000000000u);
  EXPECT_EQ(m.get_int("t.i32"), -5);
  EXPECT_EQ(m.get_uint("t.u64"), ~uint64_t{0});
  EXPECT_EQ(m.get_int("t.i64"), std::numeric_limits<int64_t>::min());
  EXPECT_EQ(m.get_float("t.f32"), static_cast<double>(1e-5f));
  EXPECT_EQ(m.get_float("t.f64"), 0.1);
  EXPECT_EQ(m.get_float("t.i32"), -5.0);
  EXPECT_EQ(m.get_bool("t.bool"), true);
  EXPECT_EQ(m.get_string("t.string"), "Gr\xc3\xbc\xc3\x9f\x65");
  EXPECT_EQ(m.get_string("t.empty"), "");
  EXPECT_EQ(m.get_array("a.u8")->as_int(2), 255);
  EXPECT_EQ(m.get_array("a.i16")->as_int(0), -1);
  EXPECT_EQ(m.need_array("a.i32", ValueType::kI32).as_int(0), -1);
  EXPECT_EQ(m.get_array("a.i64")->as_double(0), -1.0);
  EXPECT_EQ(m.get_array("a.u64")->as_double(0), 18446744073709551615.0);
  EXPECT_EQ(m.get_array("a.f32")->as_double(1), -2.0);
  EXPECT_EQ(m.get_array("a.f64")->as_double(0), 0.25);
  EXPECT_EQ(m.get_array("a.bool")->as_int(1), 1);
  EXPECT_EQ(m.get_array("a.string")->strings, (std::vector<std::string_view>{"a", "", "\xe2\x96\x81the"}));
  EXPECT_EQ(m.get_array("a.none")->count, 0u);
  EXPECT_EQ(m.get_array("a.nested")->count, 2u);
  EXPECT_EQ(m.get_array("a.nested")->bytes.size(), 41u);
}

TEST(Gguf, TensorsComeBack) {
  const std::vector<std::byte> bytes = make_sample_file();
  const auto file = GgufFile::parse(bytes, "sample");
  ASSERT_EQ(file->tensors().size(), 4u);
  const TensorInfo* two = file->find_tensor("two");
  ASSERT_NE(two, nullptr);
  EXPECT_EQ(two->dtype, quant::Dtype::kQ8_0);
  EXPECT_EQ(two->shape, (std::vector<uint64_t>{32, 3}));
  EXPECT_EQ(two->bytes, 3u * 34);
  EXPECT_EQ(two->values(), 96u);
  EXPECT_EQ(two->offset % 32, 0u);
  EXPECT_EQ(file->data(*two)[5], std::byte{35});
  EXPECT_EQ(file->find_tensor("four")->bytes, 128u);
  EXPECT_EQ(file->find_tensor("five"), nullptr);
  EXPECT_EQ(file->find_tensor(""), nullptr);
}

TEST(Gguf, CopyingEveryEntryGivesTheSameFile) {
  const std::vector<std::byte> bytes = make_sample_file();
  const auto file = GgufFile::parse(bytes, "sample");
  Writer writer;
  for (const KeyValue& entry : file->metadata().entries()) writer.add_value(entry.key, entry.value);
  for (const TensorInfo& tensor : file->tensors())
    writer.add_tensor(tensor.name, tensor.shape, *tensor.dtype, file->data(tensor));
  EXPECT_TRUE(writer.to_bytes() == bytes);
}

TEST(Gguf, AlignmentIsKept) {
  for (const uint32_t alignment : {8u, 32u, 64u, 4096u}) {
    Writer writer;
    writer.set_alignment(alignment);
    writer.add_tensor("a", {1}, quant::Dtype::kF32, std::vector<std::byte>(4, std::byte{1}));
    writer.add_tensor("b", {1}, quant::Dtype::kF32, std::vector<std::byte>(4, std::byte{2}));
    const std::vector<std::byte> bytes = writer.to_bytes();
    const auto file = GgufFile::parse(bytes, "aligned");
    EXPECT_EQ(file->find_tensor("b")->offset % alignment, 0u);
    EXPECT_EQ(file->data(*file->find_tensor("b"))[0], std::byte{2});
    Writer again;
    for (const KeyValue& entry : file->metadata().entries()) again.add_value(entry.key, entry.value);
    for (const TensorInfo& tensor : file->tensors())
      again.add_tensor(tensor.name, tensor.shape, *tensor.dtype, file->data(tensor));
    EXPECT_TRUE(again.to_bytes() == bytes);
  }
}

TEST(Metadata, GettersRefuseAnotherKind) {
  const std::vector<std::byte> bytes = make_sample_file();
  const auto file = GgufFile::parse(bytes, "sample");
  const Metadata& m = file->metadata();
  EXPECT_EQ(m.get_uint("none"), std::nullopt);
  EXPECT_EQ(m.get_array("none"), nullptr);
  EXPECT_SAYS(error_of([&] { m.need_uint("none"); }).what(), "sample: metadata 'none' is missing");
  EXPECT_SAYS(error_of([&] { m.need_array("none", ValueType::kString); }).what(), "'none' is missing");
  EXPECT_SAYS(error_of([&] { m.get_uint("t.string"); }).what(),
              "'t.string' is of type string where an unsigned integer is wanted");
  EXPECT_SAYS(error_of([&] { m.get_uint("t.i32"); }).what(), "is -5, which may not be negative");
  EXPECT_SAYS(error_of([&] { m.get_int("t.u64"); }).what(), "is 18446744073709551615, which is too large");
  EXPECT_SAYS(error_of([&] { m.get_float("t.bool"); }).what(), "of type bool where a number is wanted");
  EXPECT_SAYS(error_of([&] { m.get_bool("t.u8"); }).what(), "of type uint8 where a bool is wanted");
  EXPECT_SAYS(error_of([&] { m.get_string("a.u8"); }).what(), "of type array of uint8 where a string");
  EXPECT_SAYS(error_of([&] { m.get_array("a.u8", ValueType::kString); }).what(),
              "of type array of uint8 where an array of string is wanted");
  EXPECT_EQ(error_of([&] { m.get_uint("t.f32"); }).code(), ErrorCode::kBadFile);
  EXPECT_THROW(m.get_array("a.string")->as_int(0), Error);
  EXPECT_THROW(m.get_array("a.f32")->as_int(0), Error);
}

TEST(Metadata, ReadsWellForPeople) {
  const std::vector<std::byte> bytes = make_sample_file();
  const auto file = GgufFile::parse(bytes, "sample");
  const auto shown = [&](std::string_view key) { return file->metadata().find(key)->to_string(2); };
  EXPECT_EQ(shown("t.f32"), "1e-05");
  EXPECT_EQ(shown("t.i64"), "-9223372036854775808");
  EXPECT_EQ(shown("t.u64"), "18446744073709551615");
  EXPECT_EQ(shown("t.bool"), "true");
  EXPECT_EQ(shown("a.i32"), "[-1, 0, ... 3 of int32]");
  EXPECT_EQ(shown("a.string"), "[\"a\", \"\", ... 3 of string]");
  EXPECT_EQ(shown("a.none"), "[]");
  EXPECT_EQ(shown("a.nested"), "[[...], [...]]");
}

TEST(Refuse, FilesThatAreNotGguf) {
  struct Case {
    std::string_view bytes;
    const char* says;
  };
  using namespace std::string_view_literals;
  for (const Case& c : {Case{"lmgg\1\0\0\0"sv, "'ggml'"},
                        {"tjgg\1\0\0\0"sv, "'ggjt'"},
                        {"algg\1\0\0\0"sv, "'ggla'"},
                        {"PK\3\4aaaa"sv, "zip"},
                        {"\x10\0\0\0\0\0\0\0{\"a\":{}}        "sv, "safetensors"},
                        {"\x80\2}q\0"sv, "pickle"},
                        {"<!doctype html>\n<p>"sv, "a web page that begins '<!doctype html>'"},
                        {"{\"error\":\"gated\"}"sv, "JSON text that begins '{\"error\":\"gated\"}'"},
                        {"FUGG\3\0\0\0"sv, "order"},
                        {"version https://git-lfs.github.com/spec/v1"sv, "Git LFS"},
                        {"GGUF\0\0\0\3\0\0\0\0"sv, "big-endian GGUF file (version 3)"},
                        {"GGUF\1\0\0\0\0\0\0\0"sv, "GGUF version 1"},
                        {"GGUF\4\0\0\0\0\0\0\0"sv, "GGUF version 4"}}) {
    const std::vector<std::byte> bytes = as_bytes(c.bytes);
    const Error error = error_of([&] { GgufFile::parse(bytes, "some.file"); });
    EXPECT_EQ(error.code(), ErrorCode::kUnsupported) << error.what();
    EXPECT_SAYS(error.message(), c.says);
    EXPECT_SAYS(error.where(), "some.file");
    EXPECT_FALSE(error.mend().empty());
  }
  EXPECT_SAYS(error_of([] { GgufFile::parse({}, "some.file"); }).what(), "empty");
  EXPECT_SAYS(error_of([] { GgufFile::parse(as_bytes("abcdefgh"), "x"); }).what(), "bytes 61 62 63 64");
  EXPECT_SAYS(error_of([] { GgufFile::parse(as_bytes("Entry not found"), "x"); }).what(),
              "a text that begins 'Entry not found'");
  EXPECT_SAYS(error_of([] { GgufFile::parse(as_bytes("GG"), "x"); }).what(), "bytes 47 47");
  EXPECT_SAYS(error_of([] { GgufFile::parse(as_bytes("GGUF\3"), "x"); }).what(), "ends inside its header");
  EXPECT_EQ(error_of([] { GgufFile::open("/nowhere/x.gguf"); }).code(), ErrorCode::kNotFound);
}

TEST(Shared, EveryModelOpensAndIsCopiedByteForByte) {
  GANTRY_NEED_SHARED("conformance/logits");
  size_t files = 0;
  for (const char* folder : {"conformance/logits", "conformance/logits/quantized",
                             "conformance/tokenizers/vocab", "conformance/weights/llama2-tiny-random"}) {
    for (const auto& entry : fs::directory_iterator(testing::shared_path(folder))) {
      if (entry.path().extension() != ".gguf") continue;
      const auto file = GgufFile::open(entry.path().string());
      EXPECT_GT(touch_everything(*file), 0u);
      EXPECT_TRUE(file->metadata().get_string("general.architecture").has_value()) << entry.path();
      ++files;
      for (const TensorInfo& tensor : file->tensors()) EXPECT_EQ(tensor.part, 0u);
    }
  }
  EXPECT_GT(files, 40u);
}

TEST(Shared, LegacyFiles) {
  GANTRY_NEED_SHARED("conformance/tokenizers/legacy");
  const auto at = [](const char* name) {
    return testing::shared_path(std::string("conformance/tokenizers/legacy/") + name);
  };
  const auto falcon = GgufFile::open(at("falcon-2023-10-03.gguf"));
  EXPECT_EQ(falcon->version(), 2u);
  EXPECT_EQ(falcon->metadata().get_string("general.architecture"), "falcon");
  EXPECT_GT(falcon->metadata().need_array("tokenizer.ggml.tokens", ValueType::kString).strings.size(),
            60000u);
  for (const char* name : {"llama-gguf-2023-11-02.gguf", "stablelm-3b-4e1t-2023-11-14.gguf"}) {
    const auto file = GgufFile::open(at(name));
    EXPECT_EQ(file->version(), 3u);
    EXPECT_EQ(file->metadata().find("tokenizer.ggml.pre"), nullptr);
  }
  const Error old = error_of([&] { GgufFile::open(at("llama-gguf-2023-08-21.gguf")); });
  EXPECT_EQ(old.code(), ErrorCode::kUnsupported);
  EXPECT_SAYS(old.message(), "GGUF version 1");
  EXPECT_SAYS(old.mend(), "convert the model again");
  const Error older = error_of([&] { GgufFile::open(at("ggml-vocab-2023-03-30.bin")); });
  EXPECT_EQ(older.code(), ErrorCode::kUnsupported);
  EXPECT_SAYS(older.message(), "'ggjt'");
}

}  // namespace
}  // namespace gantry::gguf
