// A long text is encoded in the memory of a few copies of it, whatever it is made of, and comes out as short
// ones do.
#include <algorithm>
#include <filesystem>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "os/memory_account.h"
#include "tests/shared_data.h"
#include "tokenizer/tokenizer.h"

namespace gantry::tokenizer {
namespace {

// Each is one stretch without an end for some vocabulary, or nothing but short pieces.
std::vector<std::string> long_texts(size_t bytes) {
  std::mt19937 chance(3);
  const auto fill = [&](const std::function<std::string()>& next) {
    std::string text;
    while (text.size() < bytes) text += next();
    return text;
  };
  return {
      fill([] { return "a"; }),
      fill([] { return " "; }),
      fill([] { return "\n"; }),
      fill([] { return "abc"; }),
      fill([] { return "7"; }),
      fill([] { return "\u00e9\u4e2d\u6587\u0301"; }),
      fill([] { return "it's a text of 12,345 words. "; }),
      fill([&] { return std::string(1, static_cast<char>('a' + chance() % 26)); }),
      fill([&] { return std::string(1, static_cast<char>(chance() % 256)); }),
      fill([&] { return std::string(1 + chance() % 9, static_cast<char>('a' + chance() % 3)) + " "; }),
  };
}

void for_each_vocabulary(const std::function<void(const Tokenizer&)>& check) {
  int tried = 0;
  for (const auto& entry :
       std::filesystem::directory_iterator(testing::shared_path("conformance/tokenizers/vocab"))) {
    if (entry.path().extension() != ".gguf") continue;
    SCOPED_TRACE(entry.path());
    const auto file = gguf::GgufFile::open(entry.path(), {.check_tensor_data = false});
    check(*Tokenizer::from_gguf(file->metadata()));
    ++tried;
  }
  EXPECT_GT(tried, 5);
}

TEST(LongText, TakesTheMemoryOfAFewCopies) {
  GANTRY_NEED_SHARED("conformance/tokenizers/vocab");
  if (!os::counts_allocations()) GTEST_SKIP() << "a sanitizer's own operator new is at work";
  constexpr uint64_t kText = uint64_t{1} << 18, kMost = 4 * kText + (uint64_t{5} << 19);
  const auto texts = long_texts(kText);
  const auto pool = std::make_shared<os::MemoryPool>(uint64_t{1} << 30);
  for_each_vocabulary([&](const Tokenizer& tokenizer) {
    for (const std::string& text : texts) {
      SCOPED_TRACE(::testing::PrintToString(text.substr(0, 20)));
      // Ways to cut a word of one letter, or few, meet nowhere: all of them are kept.
      if (tokenizer.model() == "t5" && text.find(' ') == text.npos) continue;
      const auto account = os::MemoryAccount::create(pool, pool->limit());
      const os::AccountScope scope(account);
      tokenizer.encode_to(text, {}, [](std::span<const TokenId>) { return true; });
      EXPECT_LE(account->peak(), kMost);
    }
  });
}

TEST(LongText, ComesOutAsItsBeginningAlone) {
  GANTRY_NEED_SHARED("conformance/tokenizers/vocab");
  constexpr size_t kLong = 60'000, kShort = 15'000, kEnd = 100;
  const auto texts = long_texts(kLong);
  for_each_vocabulary([&](const Tokenizer& tokenizer) {
    if (tokenizer.model() == "t5") return;  // of equal cuts of a whole one is taken: see unigram_test
    for (const std::string& text : texts) {
      SCOPED_TRACE(::testing::PrintToString(text.substr(0, 20)));
      const auto all = tokenizer.encode(text, {});
      const auto first = tokenizer.encode(std::string_view(text).substr(0, kShort), {});
      const size_t same = first.size() - std::min(first.size(), kEnd);
      ASSERT_LE(same, all.size());
      EXPECT_TRUE(std::equal(first.begin(), first.begin() + static_cast<ptrdiff_t>(same), all.begin()));
    }
  });
}

TEST(LongText, EndsWhereNoMoreIsWanted) {
  GANTRY_NEED_SHARED("conformance/tokenizers/vocab");
  const auto texts = long_texts(300'000);
  for_each_vocabulary([&](const Tokenizer& tokenizer) {
    for (const std::string& text : texts) {
      SCOPED_TRACE(::testing::PrintToString(text.substr(0, 20)));
      uint32_t times = 0;
      tokenizer.encode_to(text, {}, [&](std::span<const TokenId>) {
        ++times;
        return false;
      });
      EXPECT_LE(times, 1u);
    }
  });
}

}  // namespace
}  // namespace gantry::tokenizer
