#include "settings/table.h"

#include <set>

#include <gtest/gtest.h>

#include "settings/spelling.h"
#include "settings/values.h"

namespace gantry::settings {
namespace {

TEST(Table, EveryRowIsWhole) {
  for (const Setting& row : kTable) {
    EXPECT_FALSE(row.name.empty());
    EXPECT_EQ(row.name.find_first_not_of("abcdefghijklmnopqrstuvwxyz_0123456789"), std::string_view::npos)
        << row.name;
    EXPECT_FALSE(row.words.empty()) << row.name;
    EXPECT_FALSE(row.words.ends_with('.')) << row.name;
    EXPECT_LE(row.least, row.most) << row.name;
    EXPECT_EQ(row.kind == Kind::kNumber, row.low < row.high) << row.name;
    EXPECT_EQ(row.kind == Kind::kChoice, !row.choices.empty()) << row.name;
    // Help shows what a value is, unless it stands alone.
    EXPECT_EQ(row.value.empty(), row.kind == Kind::kBool || row.only_positional) << row.name;
    if (row.kind == Kind::kBool) {
      EXPECT_FALSE(row.fallback.empty()) << row.name;
    }
    // A setting that a server keeps has a default, or words for what happens without a value.
    if (row.scope != Scope::kCommand) {
      EXPECT_FALSE(row.fallback.empty() && row.left_out.empty()) << row.name;
    }
    EXPECT_EQ(row.scope == Scope::kCommand && !row.is_variable, environment(row).empty()) << row.name;
  }
}

TEST(Table, DefaultsAreValues) {
  for (const Setting& row : kTable) {
    for (const std::string_view text : {row.fallback, row.fallback_of_run, row.fallback_of_serve}) {
      if (text.empty()) continue;
      const Value value = read_text(row, text);
      EXPECT_EQ(value, read_text(row, row.secret ? text : std::string_view(to_text(row, value)))) << row.name;
    }
  }
}

TEST(Table, NoCommandHasANameOrASpellingTwice) {
  for (uint8_t i = 0; i < kCommandCount; ++i) {
    std::set<std::string> names, spellings;
    for (const Setting& row : kTable) {
      if (!row.commands.has(static_cast<Command>(i))) continue;
      EXPECT_TRUE(names.emplace(row.name).second) << row.name;
      EXPECT_EQ(find_setting(static_cast<Command>(i), row.name), &row);
      for (const std::string& spelling : flags(row))
        EXPECT_TRUE(spellings.insert(spelling).second) << spelling;
    }
  }
}

TEST(Table, NoFileHasAKeyTwiceAndNoVariableTwoMeanings) {
  std::set<std::string> variables;
  for (const Scope scope : {Scope::kServer, Scope::kModel, Scope::kRequest}) {
    std::set<std::string_view> keys;
    for (const Setting& row : kTable) {
      if (row.scope != scope) continue;
      EXPECT_TRUE(keys.insert(file_key(row)).second) << row.name;
      EXPECT_TRUE(variables.insert(environment(row)).second) << row.name;
    }
  }
  // Variables that the tree's own scripts and tests read.
  for (const char* taken : {"GANTRY_SHARED", "GANTRY_JOBS", "GANTRY_TIDY_STRICT"})
    EXPECT_FALSE(variables.contains(taken));
}

TEST(Spelling, FollowsTheName) {
  EXPECT_EQ(flag(setting(Id::kKvType)), "--kv-type");
  EXPECT_EQ(environment(setting(Id::kKvType)), "GANTRY_KV_TYPE");
  EXPECT_EQ(flag(setting(Id::kPrefixCache)), "--no-prefix-cache");
  EXPECT_EQ(environment(setting(Id::kPrefixCache)), "GANTRY_PREFIX_CACHE");
  EXPECT_EQ(flag(setting(Id::kModel)), "MODEL");
  EXPECT_EQ(environment(setting(Id::kModel)), "GANTRY_MODEL");
  EXPECT_EQ(file_key(setting(Id::kModel)), "path");
  EXPECT_EQ(flags(setting(Id::kTemperature)), (std::vector<std::string>{"--temperature", "--temp"}));
  EXPECT_EQ(environment(setting(Id::kJson)), "");
}

TEST(Spelling, WordsOfARoomBecomeFlags) {
  const auto served = [](const char* text) { return as_flags(text, Command::kServe); };
  EXPECT_EQ(served("at most context=4096"), "at most --context 4096");
  EXPECT_EQ(served("sequences=1 context=96 kv_type=f16"), "--sequences 1 --context 96 --kv-type f16");
  EXPECT_EQ(served("see `cors_origin`"), "see --cors-origin");
  EXPECT_EQ(served("`step_rows`"), "--step-rows");
  // No setting of this command, or no setting at all.
  for (const char* text : {"", "`", "``", "`x`", "a=1", "=", "my_context=1", "--context=1", "context",
                           "`context", "temperature=1", "xcontext=1", "C:context =1"})
    EXPECT_EQ(served(text), text);
}

TEST(Spelling, NearestWord) {
  const std::vector<std::string> known = {"context", "sequences", "kv_type", "step_rows"};
  EXPECT_EQ(nearest_word("contxt", known), "context");
  EXPECT_EQ(nearest_word("seq", known), "sequences");
  EXPECT_EQ(nearest_word("kvtype", known), "kv_type");
  EXPECT_EQ(nearest_word("banana", known), "");
  EXPECT_EQ(nearest_word("", known), "");
  EXPECT_EQ(nearest_word(std::string(65, 'c'), known), "");
}

}  // namespace
}  // namespace gantry::settings
