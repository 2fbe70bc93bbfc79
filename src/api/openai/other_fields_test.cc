#include "api/openai/other_fields.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <set>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "http/http.h"

namespace gantry::api::openai {
namespace {

// A body with that field, or without one.
std::string body_of(Api api, std::string_view name, std::string_view value) {
  std::string out = api == Api::kChat ? R"({"messages":[{"role":"user","content":"x"}])" : R"({"prompt":"x")";
  if (!name.empty()) out += ",\"" + std::string(name) + "\":" + std::string(value);
  return out + "}";
}

// "taken", or the field and the words of the refusal.
std::string outcome(Api api, std::string_view name, std::string_view value) {
  try {
    parse(api, body_of(api, name, value));
    return "taken";
  } catch (const http::Refusal& refusal) {
    EXPECT_EQ(refusal.status(), 400);
    return refusal.field() + ": " + refusal.message();
  }
}

constexpr Api kApis[] = {Api::kChat, Api::kCompletions};

TEST(OtherFields, EachHasOneRow) {
  std::set<std::pair<std::string_view, bool>> seen;
  for (const OtherField& field : other_fields()) {
    EXPECT_FALSE(field.servers.empty()) << field.name;
    for (const Api api : kApis)
      if (field.is_of(api)) {
        EXPECT_TRUE(seen.emplace(field.name, api == Api::kChat).second) << field.name;
      }
  }
}

TEST(OtherFields, WhatCannotBeDoneIsRefusedByItsName) {
  for (const OtherField& field : other_fields()) {
    if (field.treatment != Treatment::kRefused) continue;
    for (const Api api : kApis) {
      if (!field.is_of(api)) continue;
      for (const char* value : {"7", "\"seven\"", "[7]", R"({"seven":7})"}) {
        const std::string said = outcome(api, field.name, value);
        EXPECT_TRUE(said.starts_with(std::string(field.name) + ": '")) << field.name << " " << said;
      }
    }
  }
}

TEST(OtherFields, WhatAsksForNothingIsTaken) {
  for (const OtherField& field : other_fields())
    for (const Api api : kApis) {
      if (!field.is_of(api)) continue;
      EXPECT_EQ(outcome(api, field.name, "null"), "taken") << field.name;
      std::string_view left = field.harmless;
      while (!left.empty()) {
        const std::string_view value = left.substr(0, left.find(' '));
        EXPECT_EQ(outcome(api, field.name, value), "taken") << field.name << " " << value;
        left.remove_prefix(std::min(value.size() + 1, left.size()));
      }
      if (field.treatment == Treatment::kNoEffect) {
        EXPECT_EQ(outcome(api, field.name, R"([{"any":7}])"), "taken") << field.name;
      }
    }
  EXPECT_EQ(outcome(Api::kChat, "mirostat", "0.0"), "taken");
  EXPECT_NE(outcome(Api::kChat, "mirostat", "false"), "taken") << "not what it means there";
}

// With a type that none of ours has the refusal shows whose row was read.
TEST(OtherFields, AnAliasIsReadAsOurs) {
  for (const OtherField& field : other_fields()) {
    if (field.treatment != Treatment::kAlias) continue;
    for (const Api api : kApis) {
      if (!field.is_of(api)) continue;
      const std::string words(field.words), name(field.name);
      std::string ours = outcome(api, words, R"({"no":7})");
      ASSERT_TRUE(ours.starts_with(words + ": '" + words + "'")) << ours;
      ours.replace(0, 2 * words.size() + 4, name + ": '" + name + "'");
      EXPECT_EQ(outcome(api, name, R"({"no":7})"), ours);
    }
  }
}

// Whether some row knows it: ours refuse a value that nobody means.
bool is_known(Api api, const std::string& name) {
  const bool other = std::ranges::any_of(
      other_fields(), [&](const OtherField& field) { return field.name == name && field.is_of(api); });
  return other ||
         std::ranges::any_of(std::array{"7", "\"seven\"", "[7]", R"({"seven":7})"},
                             [&](const char* value) { return outcome(api, name, value) != "taken"; });
}

// Where one is not, somebody has to say what becomes of it.
TEST(OtherFields, EachThatARealClientSendsIsKnown) {
  EXPECT_FALSE(is_known(Api::kChat, "no_such_field"));
  std::ifstream in(std::string(GANTRY_SOURCE_DIR) + "/tests/conversations/clients.jsonl");
  size_t fields = 0;
  for (std::string line; std::getline(in, line);) {
    const Json one = Json::parse(line);
    const Api api = one.contains("path") ? Api::kCompletions : Api::kChat;
    for (const auto& [name, value] : one["body"].items()) {
      EXPECT_TRUE(is_known(api, std::string(name))) << name << " of " << one["client"];
      ++fields;
    }
  }
  EXPECT_GE(fields, 200U);
}

TEST(OtherFields, OneOfTwoApis) {
  EXPECT_EQ(outcome(Api::kCompletions, "echo", "true"), "taken");
  EXPECT_NE(outcome(Api::kChat, "echo", "true"), "taken");
  EXPECT_EQ(outcome(Api::kChat, "continue_final_message", "true"), "taken");
  EXPECT_NE(outcome(Api::kCompletions, "continue_final_message", "true"), "taken");
}

TEST(OtherFields, TheTableOfTheDocumentation) {
  const std::string table = other_fields_markdown();
  EXPECT_NE(table.find("| `n_predict` | llama.cpp | is `max_tokens` |\n"), std::string::npos) << table;
  EXPECT_NE(table.find("| `mirostat` | llama.cpp, Ollama | refused (taken: `0`) |\n"), std::string::npos);
}

}  // namespace
}  // namespace gantry::api::openai
