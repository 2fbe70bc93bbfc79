// What is planned for a tokenizer against what it takes.
#include "tokenizer/memory.h"

#include <filesystem>

#include <gtest/gtest.h>
#include <malloc.h>

#include "tests/shared_data.h"
#include "tokenizer/tokenizer.h"

namespace gantry::tokenizer {
namespace {

uint64_t heap_bytes() {
  const auto info = mallinfo2();
  return info.uordblks + info.hblkhd;
}

// Enough, and not much more. Where malloc is a sanitizer's it counts nothing.
void expect_planned(const std::string& path) {
  SCOPED_TRACE(path);
  const auto file = gguf::GgufFile::open(path, {.check_tensor_data = false});
  const uint64_t planned = memory_bytes(file->metadata());
  const uint64_t before = heap_bytes();
  const auto tokenizer =
      Tokenizer::from_gguf(file->metadata());  // there is none that this build does not have
  const uint64_t taken = heap_bytes() - before;
  EXPECT_LE(taken, planned);
  if (taken != 0) {
    EXPECT_LE(planned, 3 * taken);
  }
}

TEST(TokenizerMemory, IsPlannedForEveryVocabulary) {
  GANTRY_NEED_SHARED("conformance/tokenizers/vocab");
  int tried = 0;
  for (const auto& entry :
       std::filesystem::directory_iterator(testing::shared_path("conformance/tokenizers/vocab"))) {
    if (entry.path().extension() != ".gguf") continue;
    expect_planned(entry.path().string());
    ++tried;
  }
  EXPECT_GT(tried, 10);
}

TEST(TokenizerMemory, AFileWithoutAVocabularyNeedsNone) { EXPECT_EQ(memory_bytes(gguf::Metadata()), 0u); }

}  // namespace
}  // namespace gantry::tokenizer
