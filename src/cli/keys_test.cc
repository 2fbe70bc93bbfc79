#include "cli/keys.h"

#include <random>

#include <gtest/gtest.h>

namespace gantry::cli {
namespace {

// What the editor gets of bytes behind an ESC, and how many of them were taken.
std::pair<std::string, size_t> read(const std::string& bytes) {
  size_t at = 0;
  std::string keys;
  read_key_after_escape(
      [&](char& byte) {
        if (at == bytes.size()) return 0;
        byte = bytes[at++];
        return 1;
      },
      keys);
  return {keys, at};
}

TEST(Keys, DoWhatTheyDoInAShell) {
  EXPECT_EQ(read("[H").first, "\x01");
  EXPECT_EQ(read("OF").first, "\x05");
  EXPECT_EQ(read("[1;5D").first,
            "\x1b"
            "b");
  EXPECT_EQ(read("b").first,
            "\x1b"
            "b");
  EXPECT_EQ(read("\x1b[D").first, "\x02");
  EXPECT_EQ(read("[200~").first, "\x1b[200~");
}

TEST(Keys, OthersAreTakenAsAWholeAndDoNothing) {
  for (const char* key :
       {"[5~", "[6~", "[2~", "[15~", "[1;2P", "OP", "[Z", "[I", "[O", "[<0;10;20M", "[24;1R"}) {
    const auto [keys, taken] = read(std::string(key) + "rest");
    EXPECT_EQ(keys, "") << key;
    EXPECT_EQ(taken, std::string_view(key).size()) << key;
  }
  EXPECT_EQ(read("[").first, "");
  EXPECT_LE(read("[" + std::string(1000, '0')).second, kKeyBytesMax);
}

TEST(Keys, NothingSteersTheEditorThatIsNoKeyOfIts) {
  std::mt19937_64 rng(1);
  for (int i = 0; i < 10'000; ++i) {
    std::string bytes = "[";
    for (uint64_t n = rng() % 12; n > 0; --n) bytes += static_cast<char>(rng());
    const std::string keys = read(bytes).first;
    EXPECT_LE(keys.size(), 6u);
  }
}

}  // namespace
}  // namespace gantry::cli
