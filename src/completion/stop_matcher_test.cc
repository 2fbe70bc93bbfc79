#include "completion/stop_matcher.h"

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace gantry::completion {
namespace {

struct Outcome {
  std::string text;
  bool found = false;
  bool operator==(const Outcome&) const = default;
};

StopMatcher matcher_of(const std::vector<std::string>& stops) {
  return StopMatcher(std::make_shared<const StopStrings>(stops));
}

Outcome run(const std::vector<std::string>& stops, const std::vector<std::string>& pieces) {
  StopMatcher matcher = matcher_of(stops);
  Outcome out;
  for (const std::string& piece : pieces) out.text += matcher.push(piece);
  out.text += matcher.finish();
  out.found = matcher.found();
  EXPECT_EQ(matcher.shown_bytes(), out.text.size());
  return out;
}

// The definition, by trying every end in order.
Outcome slow(const std::vector<std::string>& stops, const std::string& text) {
  for (size_t end = 1; end <= text.size(); ++end) {
    size_t longest = 0;
    for (const std::string& stop : stops)
      if (end >= stop.size() && text.compare(end - stop.size(), stop.size(), stop) == 0)
        longest = std::max(longest, stop.size());
    if (longest > 0) return {text.substr(0, end - longest), true};
  }
  return {text, false};
}

TEST(StopMatcher, PassesEverythingWithoutStops) {
  for (StopMatcher matcher : {StopMatcher(nullptr), matcher_of({}), matcher_of({"", ""})}) {
    EXPECT_EQ(matcher.push("abc"), "abc");
    EXPECT_EQ(matcher.finish(), "");
    EXPECT_FALSE(matcher.found());
  }
}

TEST(StopMatcher, FindsAcrossPieces) {
  EXPECT_EQ(run({"END"}, {"one E", "N", "D two"}), (Outcome{"one ", true}));
  EXPECT_EQ(run({"END"}, {"EEN", "END"}), (Outcome{"EEN", true}));
  EXPECT_EQ(run({"aab"}, {"a", "a", "a", "a", "b"}), (Outcome{"aa", true}));
}

TEST(StopMatcher, HoldsBackOnlyWhatMayComplete) {
  StopMatcher matcher = matcher_of({"\n\nUser:"});
  EXPECT_EQ(matcher.push("hello\n"), "hello");
  EXPECT_EQ(matcher.push("world"), "\nworld");
  EXPECT_EQ(matcher.push("\n\n\nUse"), "\n");
  EXPECT_EQ(matcher.push("d"), "\n\nUsed");
  EXPECT_EQ(matcher.push("\n\nUser"), "");
  EXPECT_EQ(matcher.finish(), "\n\nUser");
}

TEST(StopMatcher, GivesNothingAfterTheStop) {
  StopMatcher matcher = matcher_of({"x"});
  EXPECT_EQ(matcher.push("axb"), "a");
  EXPECT_TRUE(matcher.found());
  EXPECT_EQ(matcher.push("c"), "");
  EXPECT_EQ(matcher.finish(), "");
}

TEST(StopMatcher, TheFirstToBeCompleteWins) {
  EXPECT_EQ(run({"abcd", "bc"}, {"abcd"}), (Outcome{"a", true}));
  EXPECT_EQ(run({"bc", "abc"}, {"abc"}), (Outcome{"", true}));
}

TEST(StopMatcher, NoStopStringReachesFromOneStretchToTheNext) {
  StopMatcher matcher = matcher_of({"END"});
  EXPECT_EQ(matcher.push("one EN"), "one ");
  EXPECT_EQ(matcher.finish(), "EN");
  EXPECT_EQ(matcher.push("D"), "D");
  EXPECT_FALSE(matcher.found());
  EXPECT_EQ(matcher.push("END"), "");
  EXPECT_TRUE(matcher.found());
}

TEST(StopMatcher, BytesAreWithoutSign) {
  EXPECT_EQ(run({"\xff\xfe", "a", "\x7f"}, {"b\xff", "\xfe"}), (Outcome{"b", true}));
  EXPECT_EQ(run({"\xff\x01", "\x01\xff"}, {"\xff\xff\x01"}), (Outcome{"\xff", true}));
}

// Strings of one letter and a last one that never comes: what the worst text costs is counted in states that
// are left, not in strings.
TEST(StopMatcher, ManyStopStringsOfOneLetter) {
  std::vector<std::string> stops;
  for (size_t i = 1; i <= 256; ++i) stops.push_back(std::string(4 * i, 'a') + "b");
  StopMatcher matcher = matcher_of(stops);
  std::string text;
  for (int i = 0; i < 4000; ++i) text += matcher.push("a");
  EXPECT_EQ(text.size(), 4000U - 1024U);
  text += matcher.push("b");
  EXPECT_TRUE(matcher.found());
  EXPECT_EQ(matcher.found_text(), stops.back());
  EXPECT_EQ(text, std::string(4000 - 1024, 'a'));
}

TEST(StopMatcher, EqualsTheDefinitionHoweverTheTextIsCut) {
  std::mt19937 random(7);
  for (int round = 0; round < 3000; ++round) {
    const auto word = [&](size_t longest) {
      std::string out;
      for (size_t i = 0, n = 1 + random() % longest; i < n; ++i) out += static_cast<char>('a' + random() % 2);
      return out;
    };
    std::vector<std::string> stops;
    for (size_t i = 0, n = 1 + random() % 9; i < n; ++i) stops.push_back(word(8));
    const std::string text = word(40);
    std::vector<std::string> pieces;
    for (size_t at = 0; at < text.size();) {
      const size_t n = std::min<size_t>(1 + random() % 5, text.size() - at);
      pieces.push_back(text.substr(at, n));
      at += n;
    }
    ASSERT_EQ(run(stops, pieces), slow(stops, text)) << text << " round " << round;
  }
}

}  // namespace
}  // namespace gantry::completion
