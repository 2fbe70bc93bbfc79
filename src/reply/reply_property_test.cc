// What holds of any text in any format: rows of the table are all that it knows of them.
#include <random>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/reply/reply_data.h"

namespace gantry::reply {
namespace {

using testing::Heard;
using testing::test_tools;

class AnyFormat : public ::testing::TestWithParam<size_t> {
 protected:
  const ReplyFormat& format() const { return reply_formats()[GetParam()]; }
};

std::string pick(const std::vector<std::string>& of, std::mt19937& random) {
  return of[random() % of.size()];
}

// A text of the family's markers and of what stands between them, in any order: mostly wrong, often nearly
// right.
std::string any_text(const ReplyFormat& format, std::mt19937& random, int& words) {
  const std::vector<std::string> markers = [&] {
    std::vector<std::string> out = reply_markers(format, true);
    out.insert(out.end(), format.silent.begin(), format.silent.end());
    out.insert(out.end(), {"<think>", "</think>", "<tool_call>", "```"});
    return out;
  }();
  static const std::vector<std::string> bits = {
      "get_time",
      "python",
      "{}",
      "{\"",
      "\"}",
      "{",
      "}",
      "[",
      "]",
      "(",
      ")",
      "=",
      ":",
      ",",
      "\"",
      "'",
      "\\",
      "\n",
      "\n\n",
      " ",
      " ",
      "<",
      ">",
      "</",
      "<|",
      "|>",
      "None",
      "7",
      "code",
      "\"name\": ",
      "\"code\": ",
      "python(code=",
      "functions.python",
      "é",
      "\xF0\x9F\x98",
      "\x01",
      "",
      "{\"name\": \"get_time\", \"arguments\": {}}",
      "{\"name\": \"python\", \"parameters\": {\"code\": \"1\"}}",
      "{\"tool_name\": \"python\", \"parameters\": {\"code\": \"{\\\"\"}}",
      "get_time()",
      "[python(code='a')]",
      "call:python{code:",
      " to=functions.python",
      "json"};
  std::string text;
  for (size_t left = 1 + random() % 24; left > 0; --left) {
    const auto kind = random() % 8;
    if (kind < 4)
      text += pick(markers, random);
    else if (kind < 7)
      text += pick(bits, random);
    else
      text += " word" + std::to_string(words++) + "x";
  }
  return text;
}

std::vector<std::string> cut(const std::string& text, size_t most, std::mt19937& random) {
  std::vector<std::string> pieces;
  for (size_t at = 0; at < text.size(); at += pieces.back().size())
    pieces.push_back(text.substr(at, 1 + random() % most));
  return pieces;
}

// A word of any_text() that nobody hears. Headers, attributes, ids and what JSON says beside a call are not
// told: texts with them are passed over.
std::string lost_word(const std::string& text, const Heard& heard) {
  for (const char* untold :
       {"<|message|>", "to=", "\"name\"", "\"tool_name\"", "invoke name=", "call tool=", "argument key=",
        "function name=", "parameter name=", "param name=", "tool\u2581call\u2581begin", "[TOOL_CALLS]",
        "<|tool_call:begin|>", "<\uff5ctool_call_begin\uff5c>"})
    if (text.find(untold) != std::string::npos) return "";
  const std::string all = heard.show();
  for (size_t at = text.find("word"); at != std::string::npos; at = text.find("word", at + 1)) {
    const std::string word = text.substr(at, text.find('x', at) + 1 - at);
    if (all.find(word) == std::string::npos) return word;
  }
  return "";
}

// However a text is cut, what is heard is the same.
TEST_P(AnyFormat, HearsTheSameInAnyPieces) {
  std::mt19937 random(static_cast<uint32_t>(11 + GetParam()));
  std::vector<std::string> prompts = {""};
  for (const Span& span : format().reasoning) prompts.push_back("..." + span.open);
  if (!format().channels.begins.empty()) prompts.push_back(format().channels.begins[0]);
  int words = 0;
  for (int round = 0; round < 600; ++round) {
    const std::string text = any_text(format(), random, words);
    const std::string prompt = pick(prompts, random);
    const bool tools = random() % 8 != 0;
    SCOPED_TRACE(format().name + " prompt '" + prompt + "': " + text);
    const Heard whole = testing::read_reply(format(), {text}, tools, prompt);
    ASSERT_EQ(testing::read_reply(format(), cut(text, 1, random), tools, prompt), whole);
    for (const size_t most : {2U, 5U, 17U})
      ASSERT_EQ(testing::read_reply(format(), cut(text, most, random), tools, prompt), whole);
    ASSERT_TRUE(tools || !format().channels.message.empty() || whole.calls.empty());
    EXPECT_EQ(lost_word(text, whole), "") << whole.show();
  }
}

// Bytes that are no UTF-8 may come; here they do not matter.
std::string valid_utf8(std::string text) {
  for (char& c : text)
    if (static_cast<unsigned char>(c) >= 0x80) c = '?';
  return text;
}

// Arguments that are not the model's own JSON are JSON when they are whole.
TEST_P(AnyFormat, MadeArgumentsAreJson) {
  if (format().pairs.key_open.empty() && format().literal.quotes.empty()) return;
  std::mt19937 random(static_cast<uint32_t>(5 + GetParam()));
  int words = 0;
  for (int round = 0; round < 600; ++round) {
    const std::string text = pick(format().call_open, random) + any_text(format(), random, words);
    const Heard heard = testing::read_reply(format(), {text}, true, "");
    for (const testing::HeardCall& call : heard.calls) {
      if (!call.whole || text.find("\"name\"") != std::string::npos) continue;
      EXPECT_FALSE(nlohmann::json::parse(valid_utf8(call.arguments), nullptr, false).is_discarded())
          << text << "\n"
          << call.arguments;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Rows, AnyFormat, ::testing::Range<size_t>(0, reply_formats().size()),
                         [](const ::testing::TestParamInfo<size_t>& param) {
                           std::string name = reply_formats()[param.param].name;
                           for (char& c : name)
                             if (std::isalnum(static_cast<unsigned char>(c)) == 0) c = '_';
                           return name;
                         });

}  // namespace
}  // namespace gantry::reply
