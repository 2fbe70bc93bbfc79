// An answer that goes on with the last message: with every template the prompt ends with that message, or the
// field is refused.
#include <filesystem>
#include <iostream>
#include <set>
#include <string>

#include <gtest/gtest.h>

#include "completion/prompt.h"
#include "tests/scenario/fakes.h"
#include "tests/shared_data.h"

namespace gantry::completion {
namespace {

using gantry::testing::read_bytes;
using gantry::testing::shared_path;

ChatInput unfinished(const std::string& beginning) {
  ChatInput input;
  input.messages = Json::array();
  input.messages.push_back({{"role", "user"}, {"content", "What is a gantry?"}});
  input.messages.push_back({{"role", "assistant"}, {"content", beginning}});
  input.add_generation_prompt = false;
  input.continue_final = true;
  return input;
}

std::string rendered(const std::string& source, const ChatInput& input) {
  const testing::ByteTokenizer tokenizer;
  const auto parsed = jinja::ChatTemplate::parse(source, {.mutable_containers = true});
  return PromptMaker({&tokenizer, parsed.get(), nullptr}).render(input).text;
}

// "": taken; else the place and the words.
std::string refusal(const std::string& source, const ChatInput& input) {
  try {
    rendered(source, input);
    return {};
  } catch (const Error& error) {
    return error.where() + ": " + error.message();
  }
}

constexpr const char* kTurns =
    "{% for m in messages %}<|{{ m.role }}|>{{ m.content | trim }}<|end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}";

TEST(Continue, ThePromptEndsWithinTheLastMessage) {
  EXPECT_EQ(rendered(kTurns, unfinished("A frame")),
            "<|user|>What is a gantry?<|end|>\n<|assistant|>A frame");
  EXPECT_EQ(rendered(kTurns, unfinished("A frame ")),
            "<|user|>What is a gantry?<|end|>\n<|assistant|>A frame ")
      << "a template that trims leaves the space to go on behind";
  EXPECT_EQ(rendered(kTurns, unfinished("")), "<|user|>What is a gantry?<|end|>\n<|assistant|>");
}

TEST(Continue, WhatCannotBeGoneOnWithIsRefusedByName) {
  ChatInput input = unfinished("x");
  input.messages.erase(1);
  EXPECT_TRUE(refusal(kTurns, input).starts_with("continue_final_message: the last message"));
  input = unfinished("x");
  input.messages[1]["tool_calls"] =
      Json::parse(R"([{"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}])");
  EXPECT_TRUE(refusal(kTurns, input).starts_with("continue_final_message: the last message"));
  input = unfinished("x");  // the API's older words for the same
  input.messages[1]["function_call"] = Json::parse(R"({"name": "f", "arguments": "{}"})");
  EXPECT_TRUE(refusal(kTurns, input).starts_with("continue_final_message: the last message"));
  input.messages[1]["function_call"] = nullptr;
  input.messages[1]["tool_calls"] = Json::array();
  EXPECT_EQ(refusal(kTurns, input), "");
  // Without the message, twice with it, without its end.
  for (const char* source : {"{% for m in messages %}{{ m.role }}{% endfor %}",
                             "{% for m in messages %}{{ m.content }}{{ m.content }}{% endfor %}",
                             "{% for m in messages %}{{ (m.content | string)[:3] }}{% endfor %}"})
    EXPECT_NE(refusal(source, unfinished("A frame")), "") << source;
}

TEST(Continue, WithEveryTemplate) {
  GANTRY_NEED_SHARED("conformance/chat-templates/templates");
  size_t taken = 0;
  std::set<std::string> refused;
  const std::filesystem::path folder = shared_path("conformance/chat-templates/templates");
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (!entry.is_regular_file()) continue;
    const std::string name = entry.path().lexically_relative(folder).string();
    const std::string beginning = "A gantry is a frame ";
    try {
      const std::string text = rendered(read_bytes(entry.path().string()), unfinished(beginning));
      EXPECT_TRUE(text.ends_with(beginning)) << name << ": " << text;
      ++taken;
    } catch (const Error& error) {
      refused.insert(name + ": " + error.where() + ": " + error.message());
    }
  }
  for (const std::string& one : refused) std::cout << one << '\n';
  std::cout << taken << " taken, " << refused.size() << " refused\n";
  // The others want tools, documents or a system message, with or without an answer to go on with.
  EXPECT_GE(taken, 115U);
}

}  // namespace
}  // namespace gantry::completion
