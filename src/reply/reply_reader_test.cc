#include "reply/reply_reader.h"

#include <algorithm>
#include <random>

#include <gtest/gtest.h>

#include "tests/reply/reply_data.h"

namespace gantry::reply {
namespace {

using testing::family_replies;
using testing::FamilyReply;
using testing::Heard;
using testing::test_tools;

Heard read(const FamilyReply& reply, const std::vector<std::string>& pieces) {
  return testing::read_reply(*find_reply_format(reply.format), pieces, reply.tools, reply.prompt);
}

class Family : public ::testing::TestWithParam<FamilyReply> {};

TEST_P(Family, TheWholeReply) {
  const Heard heard = read(GetParam(), {GetParam().text});
  EXPECT_EQ(heard, GetParam().heard) << heard.show();
}

TEST_P(Family, EveryPlaceToCutItInTwo) {
  const std::string& text = GetParam().text;
  for (size_t at = 0; at <= text.size(); ++at)
    EXPECT_EQ(read(GetParam(), {text.substr(0, at), text.substr(at)}), GetParam().heard) << at;
}

TEST_P(Family, ByteByByteAndAtRandomPlaces) {
  const std::string& text = GetParam().text;
  std::vector<std::string> bytes;
  for (const char c : text) bytes.emplace_back(1, c);
  EXPECT_EQ(read(GetParam(), bytes), GetParam().heard);
  std::mt19937 random(7);
  for (int i = 0; i < 200; ++i) {
    std::vector<std::string> pieces;
    for (size_t at = 0; at < text.size();) {
      const size_t size = 1 + random() % (1 + random() % 24);
      pieces.push_back(text.substr(at, size));
      at += size;
    }
    EXPECT_EQ(read(GetParam(), pieces), GetParam().heard);
  }
}

// Letters and digits alone, without JSON's escapes.
std::string letters(const std::string& text) {
  std::string out;
  for (size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '\\' && at + 1 < text.size() && text[at + 1] == 'n')
      ++at;
    else if (std::isalnum(static_cast<unsigned char>(text[at])) != 0)
      out += text[at];
  }
  return out;
}

// `text` is the beginning of `whole`, or one and then the end of the reply in the model's own words.
bool is_beginning(const std::string& text, const std::string& whole, const std::string& reply) {
  size_t same = 0;
  while (same < text.size() && same < whole.size() && text[same] == whole[same]) ++same;
  if (same > 0 && text[same - 1] == '\\') --same;
  return letters(reply).ends_with(letters(text.substr(same)));
}

// Cut after any byte: what came of each part is the beginning of what comes of the whole, or is given back
// as content in the model's own words.
TEST_P(Family, CutAnywhereNothingIsLost) {
  const std::string& text = GetParam().text;
  const Heard& whole = GetParam().heard;
  for (size_t at = 0; at <= text.size(); ++at) {
    const std::string cut = text.substr(0, at);
    const Heard heard = read(GetParam(), {cut});
    SCOPED_TRACE(cut);
    EXPECT_TRUE(whole.reasoning.starts_with(heard.reasoning) || heard.reasoning.starts_with(whole.reasoning));
    ASSERT_LE(heard.calls.size(), whole.calls.size());
    for (size_t i = 0; i < heard.calls.size(); ++i) {
      EXPECT_EQ(heard.calls[i].name, whole.calls[i].name);
      EXPECT_TRUE(is_beginning(heard.calls[i].arguments, whole.calls[i].arguments, cut))
          << heard.calls[i].arguments;
      EXPECT_TRUE(i + 1 == heard.calls.size() || heard.calls[i].whole);
    }
    EXPECT_TRUE(is_beginning(heard.content, whole.content, cut)) << heard.content;
    // Every name and word that was written is somewhere.
    EXPECT_EQ(testing::missing_word(cut, heard), "");
  }
}

INSTANTIATE_TEST_SUITE_P(Replies, Family, ::testing::ValuesIn(family_replies()),
                         [](const ::testing::TestParamInfo<FamilyReply>& param) {
                           std::string name;
                           for (const char c : param.param.name)
                             name += std::isalnum(static_cast<unsigned char>(c)) != 0 ? c : '_';
                           return name;
                         });

TEST(ReplyReader, EveryFormatWithCallsHasAReply) {
  for (const ReplyFormat& format : reply_formats()) {
    if (format.call.empty()) continue;
    EXPECT_TRUE(std::ranges::any_of(family_replies(), [&](const FamilyReply& reply) {
      return reply.format == format.name && !reply.heard.calls.empty();
    })) << format.name;
  }
}

TEST(ReplyReader, WithoutToolsCallsAreContent) {
  for (const FamilyReply& reply : family_replies()) {
    if (reply.format == "harmony") continue;  // its calls are messages of their own
    const Heard heard =
        testing::read_reply(*find_reply_format(reply.format), {reply.text}, false, reply.prompt);
    EXPECT_TRUE(heard.calls.empty()) << reply.name;
    for (const auto& call : reply.heard.calls)
      EXPECT_NE(heard.content.find(call.name), std::string::npos) << reply.name << ": " << heard.content;
  }
}

TEST(ReplyReader, TextIsLeftAloneByteForByte) {
  const std::string text = "  a <b> \n <thin line> {\"name\": 1} </think> [x] \n\n";
  for (const ReplyFormat& format : reply_formats()) {
    const Heard heard = testing::read_reply(format, {text}, true, "");
    EXPECT_EQ(heard.content, text) << format.name;
    EXPECT_EQ(heard.reasoning, "");
  }
}

TEST(ReplyReader, ThinkingIsOnlyAtTheBeginning) {
  const ReplyFormat& plain = *find_reply_format("plain");
  EXPECT_EQ(testing::read_reply(plain, {"The tag <think> opens it."}, false, "").content,
            "The tag <think> opens it.");
  EXPECT_EQ(testing::read_reply(*find_reply_format("none"), {"<think>a</think>b"}, false, "").content,
            "<think>a</think>b");
}

TEST(ReplyReader, ThePromptMayHaveOpenedTheThinking) {
  const ReplyFormat& plain = *find_reply_format("plain");
  Heard heard = testing::read_reply(plain, {"hm\n</think>\n\nyes"}, false, "...<think>\n");
  EXPECT_EQ(heard.reasoning, "hm");
  EXPECT_EQ(heard.content, "yes");
  heard = testing::read_reply(plain, {"<think>hm</think>yes"}, false, "...<think>\n");
  EXPECT_EQ(heard.reasoning, "hm");
  EXPECT_EQ(heard.content, "yes");
  heard = testing::read_reply(plain, {"yes"}, false, "<think>\n</think>\n");
  EXPECT_EQ(heard.content, "yes");
  heard = testing::read_reply(plain, {"still thinking"}, false, "<think>");
  EXPECT_EQ(heard.reasoning, "still thinking");
}

TEST(ReplyReader, WhatIsNoCallIsContent) {
  const auto content = [](const char* format, const std::string& text) {
    const Heard heard = testing::read_reply(*find_reply_format(format), {text}, true, "");
    EXPECT_TRUE(heard.calls.empty()) << text;
    return heard.content;
  };
  for (const std::string text :
       {"<tool_call>", "<tool_call>what</tool_call> is that?", "<tool_call>{\"name\": 5}</tool_call>",
        "<tool_call>{\"arguments\": {\"a\": 1}}</tool_call>", "<tool_call>{\"name\": \"two words\"}",
        "<tool_call>[]</tool_call>", "<tool_call>{]", "<tool_call><function=></function>", "</tool_call>",
        "<tool_call>{\"name\": \"f", "so <tool_call>{\"name\" \"f\"}", "<tool_call>{\"name\": \"f\" ..."})
    if (text.find("...") == std::string::npos) {
      EXPECT_EQ(content("hermes", text), text);
    }
  // Without a marker only a call of a tool of the request is one.
  EXPECT_EQ(content("llama", "{\"name\": \"unknown\", \"parameters\": {}}"),
            "{\"name\": \"unknown\", \"parameters\": {}}");
  EXPECT_EQ(content("llama", "{\"name\": \"get_time\"}"), "{\"name\": \"get_time\"}");
  EXPECT_EQ(content("llama", " {\"a\": 1}\n"), " {\"a\": 1}\n");
  EXPECT_EQ(content("kimi", "<|tool_calls_section_begin|>oh"), "<|tool_calls_section_begin|>oh");
  EXPECT_EQ(content("mistral", "[TOOL_CALLS] are markers"), "[TOOL_CALLS] are markers");
}

TEST(ReplyReader, TextAfterACallIsContent) {
  const Heard heard = testing::read_reply(*find_reply_format("hermes"),
                                          {"<tool_call>{\"name\": \"get_time\", \"arguments\": {}} x"
                                           "</tool_call>\nDone."},
                                          true, "");
  ASSERT_EQ(heard.calls.size(), 1U);
  EXPECT_EQ(heard.content, "x</tool_call>\nDone.");
}

TEST(ReplyReader, ArgumentsInUnusualPlaces) {
  const auto call = [](const std::string& text) {
    const Heard heard = testing::read_reply(*find_reply_format("hermes"), {text}, true, "");
    return heard.calls.size() == 1 ? heard.calls[0].name + heard.calls[0].arguments : heard.show();
  };
  EXPECT_EQ(call("<tool_call>{\"arguments\": {\"a\": \"}\"}, \"name\": \"f\"}</tool_call>"),
            "f{\"a\": \"}\"}");
  EXPECT_EQ(call("<tool_call>{\"name\": \"f\", \"arguments\": \"{\\\"a\\\": 1}\"}</tool_call>"),
            "f{\"a\": 1}");
  EXPECT_EQ(call("<tool_call>{\"name\": \"f\", \"x\": [1, {}], \"arguments\": null}</tool_call>"), "f{}");
  EXPECT_EQ(call("<tool_call>[{\"name\": \"f\", \"arguments\": {}}]</tool_call>"), "f{}");
}

TEST(ReplyReader, ValuesOfPairsHaveTheTypesOfTheirTool) {
  const auto arguments = [](const std::string& value) {
    const Heard heard = testing::read_reply(
        *find_reply_format("glm"), {"<tool_call>python\n<arg_key>" + value + "</arg_value>\n</tool_call>"},
        true, "");
    return heard.calls.size() == 1 ? heard.calls[0].arguments : heard.show();
  };
  EXPECT_EQ(arguments("code</arg_key><arg_value>5"), "{\"code\": \"5\"}");
  EXPECT_EQ(arguments("tries</arg_key><arg_value>5"), "{\"tries\": 5}");
  EXPECT_EQ(arguments("tries</arg_key><arg_value>five"), "{\"tries\": \"five\"}");
  EXPECT_EQ(arguments("else</arg_key><arg_value>[1, \"a\"]"), "{\"else\": [1, \"a\"]}");
  EXPECT_EQ(arguments("else</arg_key><arg_value>a \"b\"\n\\c"), "{\"else\": \"a \\\"b\\\"\\n\\\\c\"}");
}

TEST(ReplyReader, ACallThatTheEndCutsOffIsTold) {
  const auto last = [](const char* format, const std::string& text) {
    const Heard heard = testing::read_reply(*find_reply_format(format), {text}, true, "");
    if (heard.calls.empty()) return heard.show();
    EXPECT_FALSE(heard.calls.back().whole) << text;
    return heard.calls.back().name + heard.calls.back().arguments;
  };
  EXPECT_EQ(last("hermes", "<tool_call>{\"name\": \"f\", \"arguments\": {\"a\": \"x"), "f{\"a\": \"x");
  EXPECT_EQ(last("hermes", "<tool_call>{\"name\": \"f\", \"argu"), "f");
  EXPECT_EQ(last("hermes", "<tool_call><function=python><parameter=code>\nprint(\n"),
            "python{\"code\": \"print(\\n");
  EXPECT_EQ(last("glm", "<tool_call>f<arg_key>a</arg_key><arg_value>[1, 2"), "f{\"a\": \"[1, 2");
  EXPECT_EQ(last("glm", "<tool_call>f<arg_key>ab"), "f{\"ab");
  EXPECT_EQ(last("harmony", "<|channel|>commentary to=functions.f <|constrain|>json<|message|>{\"a\""),
            "f{\"a\"");
  EXPECT_EQ(last("kimi",
                 "<|tool_calls_section_begin|><|tool_call_begin|>functions.f:0"
                 "<|tool_call_argument_begin|>{\"a\": [1"),
            "f{\"a\": [1");
}

Heard heard_of(const char* format, const std::string& text, const char* prompt = "",
               const Json& tools = test_tools()) {
  return testing::read_reply(*find_reply_format(format), {text}, true, prompt, tools);
}

TEST(ReplyReader, ACallEndsTheReasoningThatWasNotClosed) {
  const std::string call = "<tool_call>\n{\"name\": \"get_time\", \"arguments\": {}}\n</tool_call>";
  const std::vector<testing::HeardCall> one = {{"get_time", "{}"}};
  EXPECT_EQ(heard_of("hermes", call, "<think>\n"), (Heard{"", "", one}));
  EXPECT_EQ(heard_of("hermes", "I need it.\n" + call + "\n", "<think>\n"), (Heard{"I need it.", "", one}));
  EXPECT_EQ(heard_of("hermes", "<think>I need it." + call + call),
            (Heard{"I need it.", "", {one[0], one[0]}}));
  // Closed after all, followed by words, or of no tool of the request: it was only thought of.
  EXPECT_EQ(heard_of("hermes", "So " + call + " it is\n</think>\n" + call, "<think>"),
            (Heard{"So " + call + " it is", "", one}));
  EXPECT_EQ(heard_of("hermes", "So " + call + " it is", "<think>"), (Heard{"So " + call + " it is", "", {}}));
  EXPECT_EQ(
      heard_of("hermes", "<tool_call> opens it. <tool_call>{\"name\": \"f\", \"arguments\": {}}", "<think>"),
      (Heard{"<tool_call> opens it. <tool_call>{\"name\": \"f\", \"arguments\": {}}", "", {}}));
  EXPECT_EQ(heard_of("hermes", "The <tool_call> tag.\n" + call, "<think>"),
            (Heard{"The <tool_call> tag.", "", one}));
  // Half of one, at the end of the budget.
  const Heard half =
      heard_of("hermes", "Now.<tool_call>{\"name\": \"get_time\", \"arguments\": {\"a", "<think>");
  EXPECT_EQ(half, (Heard{"Now.", "", {{"get_time", "{\"a", false}}}));
}

TEST(ReplyReader, ACallWithoutItsOpeningMarkerNamesATool) {
  const Heard known =
      heard_of("hermes", "So:\n<function=python>\n<parameter=code>\n1\n</parameter>\n</function>");
  EXPECT_EQ(known, (Heard{"", "So:", {{"python", "{\"code\": \"1\"}"}}}));
  for (const std::string text :
       {"The tag <function=python> opens it.", "<function=unknown>\n</function>", "<function="})
    EXPECT_EQ(heard_of("hermes", text), (Heard{"", text, {}}));
}

TEST(ReplyReader, ArgumentsThatAreNoObject) {
  const auto call = [](const std::string& arguments) {
    const Heard heard =
        heard_of("hermes", "<tool_call>{\"name\": \"f\", \"arguments\": " + arguments + "}</tool_call>");
    EXPECT_EQ(heard.content, "");
    return heard.calls.size() == 1 && heard.calls[0].whole ? heard.calls[0].arguments : heard.show();
  };
  EXPECT_EQ(call("\"words\""), "\"words\"");
  EXPECT_EQ(call("\"{\\\"a\\\": 1}\""), "{\"a\": 1}");
  EXPECT_EQ(call("\" \""), "{}");
  EXPECT_EQ(call("[1, 2]"), "[1, 2]");
  EXPECT_EQ(call("7"), "7");
  EXPECT_EQ(call("None"), "{}");
  // Without a marker that is no call.
  const std::string bare = "{\"name\": \"get_time\", \"parameters\": \"now\"}";
  EXPECT_EQ(heard_of("llama", bare), (Heard{"", bare, {}}));
  const std::string broken = "{\"name\": \"get_time\", \"parameters\": {now}}";
  EXPECT_EQ(heard_of("llama", broken), (Heard{"", broken, {}}));
}

TEST(ReplyReader, JsonThatIsNotQuiteWell) {
  const std::vector<testing::HeardCall> one = {{"f", "{\"a\": 1}"}};
  const std::string call = "<tool_call>{\"name\": \"f\", \"arguments\": {\"a\": 1}";
  EXPECT_EQ(heard_of("hermes", call + "}}\n</tool_call>"), (Heard{"", "", one}));
  EXPECT_EQ(heard_of("hermes", call + "\n</tool_call>"), (Heard{"", "", one}));
  EXPECT_EQ(heard_of("mistral", "[TOOL_CALLS][{\"name\": \"f\", \"arguments\": {\"a\": 1}]"),
            (Heard{"", "", one}));
  EXPECT_EQ(heard_of("hermes",
                     "<tool_call>{\"type\": \"function\", \"function\": {\"name\": \"f\", "
                     "\"arguments\": {\"a\": 1}}, \"id\": 1}</tool_call>"),
            (Heard{"", "", one}));
  // Arguments that do not end: the marker behind them ends them.
  const auto kimi = [](const std::string& arguments) {
    return "<|tool_call_begin|>functions.f:0<|tool_call_argument_begin|>" + arguments + "<|tool_call_end|>";
  };
  const Heard heard =
      heard_of("kimi", "<|tool_calls_section_begin|>" + kimi("{\"a\": [1") + kimi("{\"a\": \"<\"}"));
  ASSERT_EQ(heard.calls.size(), 2U);
  EXPECT_EQ(heard.calls[0], (testing::HeardCall{"f", "{\"a\": [1", false, "functions.f:0"}));
  EXPECT_EQ(heard.calls[1], (testing::HeardCall{"f", "{\"a\": \"<\"}", true, "functions.f:0"}));
}

TEST(ReplyReader, CodeIsAnArgumentOfTheToolThatRunsIt) {
  const auto python = [](const std::string& code) {
    return Heard{"", "", {{"python", "{\"code\": \"" + code + "\"}"}}};
  };
  const Json tools = Json::parse(R"([{"type": "function", "function": {"name": "python"}},
                                     {"type": "function", "function": {"name": "web"}}])");
  EXPECT_EQ(heard_of("llama", "<|python_tag|>print(\"a\")\nx = [1]", "", tools),
            python("print(\\\"a\\\")\\nx = [1]"));
  EXPECT_EQ(heard_of("llama", "<|python_tag|>import os", "", tools), python("import os"));
  EXPECT_EQ(heard_of("llama", "<|python_tag|>web.call(query=\"a\")", "", tools),
            (Heard{"", "", {{"web", "{\"query\": \"a\"}"}}}));
  const std::string code = "<|python_tag|>import os";
  const Json web = Json::parse(R"([{"type": "function", "function": {"name": "web"}}])");
  EXPECT_EQ(heard_of("llama", code, "", web), (Heard{"", code, {}}));
  EXPECT_EQ(heard_of("harmony", "<|channel|>commentary to=python code<|message|>print(1)", "", tools),
            python("print(1)"));
  EXPECT_EQ(heard_of("harmony", "<|channel|>commentary to=functions.f<|message|><|call|>"),
            (Heard{"", "", {{"f", "{}"}}}));
}

TEST(ReplyReader, HeadersThatWereBegunAgain) {
  EXPECT_EQ(heard_of("harmony",
                     "<|channel|>commentary to=assistant<|channel|>analysis<|message|>Hm.<|end|><|start|> "
                     "assistant<|channel|> final<|message|> Yes."),
            (Heard{"Hm.", "Yes.", {}}));
}

TEST(ReplyReader, CallsStandInMessagesToTools) {
  const std::string call = "<atem:invoke name=\"get_time\">\n</atem:invoke>";
  EXPECT_EQ(heard_of("glimmer", " to=user<|message|>Write " + call + "<|eot|>"),
            (Heard{"", "Write " + call, {}}));
}

TEST(ReplyReader, MarkersThatNobodySpeaksOf) {
  EXPECT_EQ(heard_of("gemma4", "<|channel><|channel>thought\n<channel|>Yes.<channel|>"),
            (Heard{"", "Yes.", {}}));
  EXPECT_EQ(heard_of("gemma4", "Yes.<|channel>thought\nHm.<channel|><channel|>"), (Heard{"Hm.", "Yes.", {}}));
}

TEST(ReplyReader, AnAttributeSaysThatAValueIsText) {
  for (const char* value : {"42", "true", "{\"x\": 1}"}) {
    const std::string text = value;
    const Heard heard =
        heard_of("kimi-k3",
                 "<|open|>tools<|sep|><|open|>call tool=\"f\" index=\"1\"<|sep|><|open|>argument key=\"a\" "
                 "type=\"string\"<|sep|>" +
                     text + "<|close|>argument<|sep|><|close|>call<|sep|><|close|>tools<|sep|>",
                 "", Json::parse(R"([{"type": "function", "function": {"name": "f"}}])"));
    ASSERT_EQ(heard.calls.size(), 1u) << heard.show();
    EXPECT_EQ(Json::parse(heard.calls[0].arguments)["a"], text);
  }
}

// Schemas that lead back to themselves a hundred times each: looked at a bounded number of times, then open.
TEST(ReplyReader, SchemasWithoutEndAreOpen) {
  Json again = Json::array();
  for (int i = 0; i < 1000; ++i) again.push_back({{"$ref", "#/$defs/a"}});
  Json parameters;
  parameters["$defs"]["a"]["allOf"] = again;
  parameters["properties"] = {{"x", {{"$ref", "#/$defs/a"}}}, {"y", {{"type", "string"}}}};
  const Json tools = {{{"type", "function"}, {"function", {{"name", "f"}, {"parameters", parameters}}}}};
  const Heard heard =
      heard_of("glm", "<tool_call>f<arg_key>x</arg_key><arg_value>7</arg_value></tool_call>", "", tools);
  ASSERT_EQ(heard.calls.size(), 1u) << heard.show();
  EXPECT_EQ(heard.calls[0].arguments, "{\"x\": 7}");
}

TEST(ReplyReader, BracketsWithoutEndAreText) {
  const std::string call = "<tool_call>{\"name\": \"f\", \"arguments\": {}}";
  const Json tools = Json::parse(R"([{"type": "function", "function": {"name": "f"}}])");
  EXPECT_EQ(heard_of("hermes", call + std::string(60, '}') + "</tool_call>", "", tools).content, "");
  const std::string many(2000, '}');
  EXPECT_EQ(heard_of("hermes", call + "\n\n" + many, "", tools).content, many);
  EXPECT_EQ(heard_of("hermes", call + std::string(2000, '\n') + "</tool_call>", "", tools).content, "");
}

TEST(ReplyReader, ValuesOfPairsHaveOneOfSeveralTypes) {
  const Json tools =
      Json::parse(R"([{"type": "function", "function": {"name": "f", "parameters": {"type": "object",
    "$defs": {"o": {"type": "object"}}, "properties": {
      "text": {"type": ["string", "null"]}, "count": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
      "either": {"oneOf": [{"$ref": "#/$defs/o"}, {"type": "string"}]}, "unit": {"enum": ["1", "2"]},
      "number": {"type": "string", "nullable": true}, "any": {"anyOf": [{}, {"type": "string"}]}}}}}])");
  const auto value = [&](const std::string& key, const std::string& text) {
    const Heard heard = heard_of(
        "glm", "<tool_call>f<arg_key>" + key + "</arg_key><arg_value>" + text + "</arg_value></tool_call>",
        "", tools);
    const std::string before = "{\"" + key + "\": ";
    if (heard.calls.size() != 1 || !heard.calls[0].arguments.starts_with(before)) return heard.show();
    return heard.calls[0].arguments.substr(before.size(),
                                           heard.calls[0].arguments.size() - before.size() - 1);
  };
  EXPECT_EQ(value("text", "7"), "\"7\"");
  EXPECT_EQ(value("text", "null"), "null");
  EXPECT_EQ(value("text", "\"a\""), R"("\"a\"")");
  EXPECT_EQ(value("count", " 7 "), "7");
  EXPECT_EQ(value("count", "None"), "null");
  EXPECT_EQ(value("either", "{\"a\": 1}"), "{\"a\": 1}");
  EXPECT_EQ(value("either", "{a"), "\"{a\"");
  EXPECT_EQ(value("either", "[1]"), "\"[1]\"");
  EXPECT_EQ(value("unit", "1"), "\"1\"");
  EXPECT_EQ(value("number", "1"), "\"1\"");
  EXPECT_EQ(value("any", "1"), "1");
}

TEST(ReplyReader, ANameInTagsIsOneOfACallWhenItsArgumentsFollow) {
  EXPECT_EQ(heard_of("glm", "<tool_call>what\nis that?"), (Heard{"", "<tool_call>what\nis that?", {}}));
  EXPECT_EQ(heard_of("minimax-m2",
                     "<minimax:tool_call><invoke name=\"f\" why=\"so\"><parameter name=\"a\" "
                     "type=\"string\">b</parameter></invoke></minimax:tool_call>"),
            (Heard{"", "", {{"f", "{\"a\": \"b\"}"}}}));
}

TEST(ReplyReader, AClosingTagThatWasLeftOut) {
  const auto call = [](const std::string& parameters) {
    const Heard heard =
        heard_of("hermes", "<tool_call>\n<function=python>\n" + parameters + "\n</tool_call>");
    return heard.calls.size() == 1 && heard.content.empty() ? heard.calls[0].arguments : heard.show();
  };
  EXPECT_EQ(call("<parameter=code>\na\n<parameter=tries>\n3\n</parameter>\n</function>"),
            "{\"code\": \"a\", \"tries\": 3}");
  EXPECT_EQ(call("<parameter=tries>\n3\n<parameter=code>\na\n</function>"),
            "{\"tries\": 3, \"code\": \"a\"}");
  // What names no argument that is missing, or does not end the call, is a part of the value.
  EXPECT_EQ(call("<parameter=code>\na\n<parameter=other>\n</parameter>\n</function>"),
            "{\"code\": \"a\\n<parameter=other>\"}");
  EXPECT_EQ(call("<parameter=code>\na\n<parameter=code>\nb\n</function>\n\n</parameter>\n</function>"),
            "{\"code\": \"a\\n<parameter=code>\\nb\\n</function>\\n\"}");
}

TEST(ReplyReader, TheModelEndsACallWithoutItsMarkers) {
  const std::string text = "<tool_call>python\n<arg_key>tries</arg_key>\n<arg_value>3</arg_value>\n";
  for (const bool complete : {false, true}) {
    ReplyReader reader(*find_reply_format("glm"), {.tools = true, .tool_list = test_tools()});
    std::string arguments;
    bool whole = false;
    const auto hear = [&](const std::vector<ReplyEvent>& events) {
      for (const ReplyEvent& event : events) {
        if (event.kind == ReplyKind::kArguments) arguments += event.text;
        if (event.kind == ReplyKind::kCallEnd) whole = event.whole;
      }
    };
    hear(reader.push(text));
    hear(reader.finish(complete));
    // The budget may have ended it between two arguments.
    EXPECT_EQ(arguments, complete ? "{\"tries\": 3}" : "{\"tries\": 3");
    EXPECT_EQ(whole, complete);
  }
  EXPECT_EQ(heard_of("hunyuan",
                     "<tool_calls>[{\"name\": \"get_time\", \"arguments\": {}}]</tool_calls>\n</answer>"),
            (Heard{"", "", {{"get_time", "{}"}}}));
}

TEST(ReplyReader, PythonThatIsNotQuiteWell) {
  const auto call = [](const std::string& text) {
    const Heard heard = heard_of("lfm2", "<|tool_call_start|>[" + text + "]<|tool_call_end|>");
    return heard.calls.size() == 1 && heard.content.empty() ? heard.calls[0].arguments : heard.show();
  };
  EXPECT_EQ(call("f(a='sed -n '3,4p' x')"), "{\"a\": \"sed -n '3,4p' x\"}");
  EXPECT_EQ(call("f(a='print(g('x'))\"')"), "{\"a\": \"print(g('x'))\\\"\"}");
  EXPECT_EQ(call("f(a=['x', 'y(')'], b={'k': 'v'})"), "{\"a\": [\"x\", \"y(')\"], \"b\": {\"k\": \"v\"}}");
  EXPECT_EQ(call("f(a=07, b=-012, c=0, d=00)"), "{\"a\": 7, \"b\": -12, \"c\": 0, \"d\": 0}");
  EXPECT_EQ(call("f(a='x\ny')"), "{\"a\": \"x\\ny\"}");
  const Heard gemma =
      heard_of("functiongemma", "<start_function_call>call:f{a:<escape>1<escape>b:2}<end_function_call>");
  EXPECT_EQ(gemma, (Heard{"", "", {{"f", "{\"a\": \"1\", \"b\": 2}"}}}));
}

TEST(ReplyFormat, MarkersAreThoseThatMeanSomething) {
  const auto has = [](const char* format, bool tools, const char* marker) {
    const auto markers = reply_markers(*find_reply_format(format), tools);
    return std::ranges::count(markers, marker) > 0;
  };
  EXPECT_TRUE(has("mistral", true, "[TOOL_CALLS]"));
  EXPECT_TRUE(has("mistral", true, "[ARGS]"));
  EXPECT_FALSE(has("mistral", false, "[TOOL_CALLS]"));
  EXPECT_TRUE(has("mistral", false, "[THINK]"));
  EXPECT_TRUE(has("harmony", false, "<|channel|>"));
  EXPECT_TRUE(reply_markers(*find_reply_format("none"), true).empty());
}

}  // namespace
}  // namespace gantry::reply
