#include "chat/messages.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "chat/conversation.h"
#include "chat/tools.h"

namespace gantry::chat {
namespace {

Json messages(const char* text, const MessageOptions& options = {}) {
  return normalise_messages(Json::parse(text), options);
}

// The field that the refusal names.
std::string refused(const char* text) {
  try {
    normalise_messages(Json::parse(text));
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidRequest);
    EXPECT_FALSE(error.message().empty());
    return error.where();
  }
  return "not refused";
}

TEST(Messages, PartsBecomeOneText) {
  Json out =
      messages(R"([{"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]}])");
  EXPECT_EQ(out[0]["content"], "ab");
}

TEST(Messages, PartsStayWhereTheTemplateWantsThem) {
  MessageOptions options;
  options.keep_parts = true;
  Json out = messages(R"([{"role":"user","content":[{"type":"text","text":"a","cache":1}]}])", options);
  EXPECT_EQ(out[0]["content"].dump(), R"([{"type":"text","text":"a","cache":1}])");
}

TEST(Messages, ArgumentsAreParsedWhenTheyAreAnObject) {
  Json out = messages(R"([{"role":"assistant","content":null,"tool_calls":[
    {"id":"1","type":"function","function":{"name":"f","arguments":"{\"b\":1,\"a\":2}"}},
    {"id":"2","type":"function","function":{"name":"g","arguments":"{broken"}},
    {"id":"3","type":"function","function":{"name":"h","arguments":"7"}},
    {"id":"4","type":"function","function":{"name":"i"}},
    {"id":"5","type":"function","function":{"name":"j","arguments":{"x":null}}}]}])");
  Json& calls = out[0]["tool_calls"];
  EXPECT_EQ(calls[0]["function"]["arguments"].dump(), R"({"b":1,"a":2})");
  EXPECT_EQ(calls[1]["function"]["arguments"], "{broken");
  EXPECT_EQ(calls[2]["function"]["arguments"], "7");
  EXPECT_EQ(calls[3]["function"]["arguments"].dump(), "{}");
  EXPECT_EQ(calls[4]["function"]["arguments"].dump(), R"({"x":null})");
  EXPECT_TRUE(out[0]["content"].is_null());
}

TEST(Messages, DeveloperIsSystemUnlessTheTemplateKnowsIt) {
  const char* text = R"([{"role":"developer","content":"x"}])";
  EXPECT_EQ(messages(text)[0]["role"], "system");
  MessageOptions options;
  options.keep_developer = true;
  EXPECT_EQ(messages(text, options)[0]["role"], "developer");
  EXPECT_TRUE(knows_developer(*jinja::ChatTemplate::parse("{% if m.role == 'developer' %}{% endif %}")));
  EXPECT_FALSE(knows_developer(*jinja::ChatTemplate::parse("developer {{ m }}")));
}

TEST(Messages, UnknownFieldsAndReasoningAreKept) {
  Json out = messages(
      R"([{"role":"assistant","content":"x","reasoning_content":"why","weight":3,"tool_calls":[]}])");
  EXPECT_EQ(out[0].dump(), R"({"role":"assistant","content":"x","reasoning_content":"why","weight":3})");
}

// Clients send back what servers send: fields that say nothing, and answers without a word.
TEST(Messages, NullIsAbsent) {
  const Json out = messages(R"([
    {"role":"user","content":"x","name":null,"tool_calls":null,"function_call":null,"refusal":null,"audio":null},
    {"role":"user","content":"y","tool_calls":[]},
    {"role":"assistant","content":null,"tool_calls":null,"refusal":null,"reasoning_content":null},
    {"role":"assistant"}])");
  EXPECT_EQ(out.dump(), R"([{"role":"user","content":"x"},{"role":"user","content":"y"},)"
                        R"({"role":"assistant","content":""},{"role":"assistant","content":""}])");
}

TEST(Messages, EveryRefusalNamesItsField) {
  EXPECT_EQ(refused(R"({})"), "messages");
  EXPECT_EQ(refused(R"([])"), "messages");
  EXPECT_EQ(refused(R"(["x"])"), "messages[0]");
  EXPECT_EQ(refused(R"([{"content":"x"}])"), "messages[0].role");
  EXPECT_EQ(refused(R"([{"role":1,"content":"x"}])"), "messages[0].role");
  EXPECT_EQ(refused(R"([{"role":"king","content":"x"}])"), "messages[0].role");
  EXPECT_EQ(refused(R"([{"role":"user"}])"), "messages[0].content");
  EXPECT_EQ(refused(R"([{"role":"user","content":null}])"), "messages[0].content");
  EXPECT_EQ(refused(R"([{"role":"user","content":5}])"), "messages[0].content");
  EXPECT_EQ(refused(R"([{"role":"user","content":["x"]}])"), "messages[0].content[0]");
  EXPECT_EQ(refused(R"([{"role":"user","content":"x","name":1}])"), "messages[0].name");
  EXPECT_EQ(refused(R"([{"role":"user","content":[{"type":"text"}]}])"), "messages[0].content[0].text");
  EXPECT_EQ(
      refused(
          R"([{"role":"user","content":"a"},{"role":"user","content":[{"type":"text","text":""},{"type":"image_url","image_url":{}}]}])"),
      "messages[1].content[1].type");
  EXPECT_EQ(refused(R"([{"role":"user","content":[{"type":"input_audio"}]}])"),
            "messages[0].content[0].type");
  EXPECT_EQ(refused(R"([{"role":"user","content":[{"type":"input_text","text":"x"}]}])"),
            "messages[0].content[0].type");
  EXPECT_EQ(refused(R"([{"role":"user","content":"x","tool_calls":[{}]}])"), "messages[0].tool_calls");
  EXPECT_EQ(refused(R"([{"role":"user","content":"x","function_call":{"name":"f"}}])"),
            "messages[0].function_call");
  EXPECT_EQ(refused(R"([{"role":"assistant","tool_calls":{}}])"), "messages[0].tool_calls");
  EXPECT_EQ(refused(R"([{"role":"assistant","tool_calls":[{}]}])"), "messages[0].tool_calls[0].function");
  EXPECT_EQ(refused(R"([{"role":"assistant","tool_calls":[{"type":"x","function":{"name":"f"}}]}])"),
            "messages[0].tool_calls[0].type");
  EXPECT_EQ(refused(R"([{"role":"assistant","tool_calls":[{"function":{"name":"f","arguments":[]}}]}])"),
            "messages[0].tool_calls[0].function.arguments");
}

TEST(Messages, ToolsAreChecked) {
  EXPECT_TRUE(normalise_tools(nullptr).is_null());
  EXPECT_TRUE(normalise_tools(Json::array()).is_null());
  const Json given = Json::parse(
      R"([{"function":{"name":"f","description":null,"parameters":null,"strict":null}},
          {"type":"function","function":{"name":"g","parameters":{},"strict":true}}])");
  EXPECT_EQ(normalise_tools(given).dump(),
            R"([{"function":{"name":"f"},"type":"function"},)"
            R"({"type":"function","function":{"name":"g","parameters":{},"strict":true}}])");
  const auto refused_tool = [](const char* text) -> std::string {
    try {
      normalise_tools(Json::parse(text));
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kInvalidRequest);
      return error.where();
    }
    return "";
  };
  EXPECT_EQ(refused_tool(R"({})"), "tools");
  EXPECT_EQ(refused_tool(R"(["f"])"), "tools[0]");
  EXPECT_EQ(refused_tool(R"([{"type":"web_search"}])"), "tools[0].type");
  EXPECT_EQ(refused_tool(R"([{"type":"function"}])"), "tools[0].function");
  EXPECT_EQ(refused_tool(R"([{"function":{"name":null}}])"), "tools[0].function.name");
  EXPECT_EQ(refused_tool(R"([{"function":{"name":"f","description":7}}])"), "tools[0].function.description");
  EXPECT_EQ(refused_tool(R"([{"function":{"name":"f","parameters":[]}}])"), "tools[0].function.parameters");
}

Conversation hello() {
  Conversation conversation;
  conversation.messages = Json::parse(R"([{"role":"user","content":"Hi"}])");
  return conversation;
}

TEST(Conversation, RendersWithTokensToolsAndKwargs) {
  auto renderer = ConversationRenderer::create(
      "{{ bos_token }}{% for m in messages %}{{ m.role }}:{{ m.content }}{% endfor %}{{ eos_token }}"
      "{{ tools }}{{ documents }}{{ add_generation_prompt }}{{ enable_thinking }}",
      "<s>", "</s>");
  Conversation conversation = hello();
  conversation.chat_template_kwargs = {{"enable_thinking", false}};
  EXPECT_EQ(renderer->render(conversation).text, "<s>user:Hi</s>NoneNoneTrueFalse");
}

TEST(Conversation, ATemplateMayAppendToItsOwnLists) {
  auto renderer = ConversationRenderer::create(
      "{% set l = [] %}{% set _ = l.append(messages[0].content) %}{{ l }}", "", "");
  EXPECT_EQ(renderer->render(hello()).text, "['Hi']");
}

TEST(Conversation, WithoutATemplateTheCallerDecides) {
  EXPECT_FALSE(ConversationRenderer::create("", "", "").has_value());
}

TEST(Conversation, NullContentIsTextWhereTheTemplateNeedsText) {
  Conversation conversation = hello();
  conversation.messages = Json::parse(R"([{"role":"assistant","content":null,"tool_calls":[]}])");
  auto adds = ConversationRenderer::create("{{ '[' + messages[0].content + ']' }}", "", "");
  EXPECT_EQ(adds->render(conversation).text, "[]");
  auto asks = ConversationRenderer::create("{{ messages[0].content is none }}", "", "");
  EXPECT_EQ(asks->render(conversation).text, "True");
}

ErrorCode code_of(const char* source, const Conversation& conversation, std::string& words) {
  try {
    jinja::RenderLimits limits;
    limits.steps = 1000;
    ConversationRenderer::create(source, "", "", {.limits = limits})->render(conversation);
  } catch (const Error& error) {
    words = error.message();
    return error.code();
  }
  return ErrorCode::kInternal;
}

TEST(Conversation, NullContentIsNeverPrinted) {
  const char* source = "{% for m in messages %}[{{ m.content }}|{{ m.tool_calls }}]{% endfor %}";
  const auto prompt = [&](const char* text) {
    Conversation conversation;
    conversation.messages = normalise_messages(Json::parse(text), {});
    return ConversationRenderer::create(source, "", "")->render(conversation).text;
  };
  const std::string called = prompt(
      R"([{"role":"user","content":"None so far"},{"role":"assistant","content":null,"tool_calls":[
          {"function":{"name":"f","arguments":{"a":null}}}]}])");
  EXPECT_EQ(called, "[None so far|][|[{'function': {'name': 'f', 'arguments': {'a': None}}}]]");
}

// What the template has no words for is refused by the name of its field.
std::string unexpressed(const char* source, const Json& messages, const Json& tools = nullptr,
                        const Json& kwargs = nullptr) {
  Conversation conversation;
  conversation.messages = normalise_messages(messages);
  conversation.tools = tools;
  conversation.chat_template_kwargs = kwargs;
  try {
    ConversationRenderer::create(source, "", "", {.strict = true})->render(conversation);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidRequest) << error.what();
    return error.where();
  }
  return "";
}

// A system's words may be those that the template would write by itself, or come out only before a user's.
TEST(Conversation, WordsThatComeOutNowOrEarlierAreExpressed) {
  const char* by_itself =
      "{% if messages[0].role != 'system' %}Be kind.{% endif %}{% for m in messages %}{{ m.content }}{% "
      "endfor %}";
  const Json kind = Json::parse(R"([{"role":"system","content":"Be kind."},{"role":"user","content":"Hi"}])");
  EXPECT_EQ(unexpressed(by_itself, kind), "");
  const char* before_user =
      "{% for m in messages %}{% if m.role != 'system' %}{% if m.role == 'user' and loop.last %}"
      "{{ messages[0].content }}{% endif %}{{ m.content }}{% for c in m.tool_calls %}{{ c }}{% endfor %}"
      "{% endif %}{% endfor %}";
  Json called = kind;
  called.push_back(
      Json::parse(R"({"role":"assistant","content":"","tool_calls":[{"function":{"name":"f"}}]})"));
  called.push_back(Json::parse(R"({"role":"tool","content":"42"})"));
  EXPECT_EQ(unexpressed(before_user, called), "");
  called.push_back(Json::parse(R"({"role":"user","content":"And?"})"));
  EXPECT_EQ(
      unexpressed("{% for m in messages %}{{ m.content if m.role == 'user' }}{% endfor %}tool_calls", called),
      "messages[0].role");
}

TEST(Conversation, MembersAreReadInBothNotations) {
  const Json called = Json::parse(
      R"([{"role":"user","content":"x"},{"role":"assistant","content":"","function_call":{"name":"f"}}])");
  const char* end = "{% endfor %}";
  for (const char* read : {"m.function_call", "m['function_call']", "m[\"function_call\"]"}) {
    const std::string source = "{% for m in messages %}{{ m.content }}{{ " + std::string(read) + " }}" + end;
    EXPECT_EQ(unexpressed(source.c_str(), called), "") << source;
  }
  const std::string source =
      std::string("{% for m in messages %}{{ m.content }}{{ m.my_function_call }}") + end;
  EXPECT_EQ(unexpressed(source.c_str(), called), "messages[1].function_call");
}

TEST(Conversation, ToolsGoWhereTheTemplateLooksForThem) {
  const char* source =
      "{% for m in messages %}[{{ m.role }}|{{ m.content }}"
      "{% if 'tools' in m and m['tools'] is not none %}{{ '|' + m['tools'] }}{% endif %}]{% endfor %}";
  Conversation conversation;
  conversation.messages = Json::parse(R"([{"role":"user","content":"Hi"}])");
  conversation.tools = Json::parse(R"([{"type":"function","function":{"name":"f","parameters":{"a":1}}}])");
  const auto renderer = ConversationRenderer::create(source, "", "");
  const std::string tools = R"([{"name": "f", "parameters": {"a": 1}}])";
  EXPECT_EQ(renderer->render(conversation).text, "[system||" + tools + "][user|Hi]");
  conversation.messages =
      Json::parse(R"([{"role":"system","content":"Be kind."},{"role":"user","content":"Hi"}])");
  EXPECT_EQ(renderer->render(conversation).text, "[system|Be kind.|" + tools + "][user|Hi]");
}

TEST(Conversation, VariablesOfATemplatesOwnAreFilledIn) {
  constexpr int64_t kThen = 1'741'525'507;
  const char* source =
      "{{ 'Use: ' + functions + ' at ' + datetime }}{% for m in messages %}[{{ m.content }}]{% endfor %}";
  Conversation conversation;
  conversation.messages = Json::parse(R"([{"role":"user","content":"Hi"}])");
  const auto renderer = ConversationRenderer::create(source, "", "");
  EXPECT_EQ(renderer->render(conversation, kThen).text, "Use: [] at 2025-03-09 13:05:07[Hi]");
  conversation.tools = Json::parse(R"([{"type":"function","function":{"name":"f"}}])");
  const Rendered out = renderer->render(conversation, kThen);
  EXPECT_EQ(out.text.substr(0, out.text.find(" at")), "Use: [\n    {\n        \"name\": \"f\"\n    }\n]");
  EXPECT_TRUE(out.changes.empty());
  conversation.chat_template_kwargs = Json::object({{"functions", "none"}, {"datetime", "noon"}});
  conversation.tools = nullptr;
  EXPECT_EQ(renderer->render(conversation, kThen).text, "Use: none at noon[Hi]");
}

// What of a prompt was given, in [].
std::string given_of(const Rendered& rendered) {
  std::string out;
  for (const jinja::Range& range : rendered.given)
    out += "[" + rendered.text.substr(range.begin, range.size()) + "]";
  return out;
}

TEST(Conversation, TellsWhatTheRequestBrought) {
  Conversation conversation;
  conversation.messages = Json::parse(R"([{"role":"user","content":"<call>Hi</call>"}])");
  conversation.tools = Json::parse(R"([{"type":"function","function":{"name":"f"}}])");
  conversation.documents = Json::parse(R"(["D"])");
  conversation.chat_template_kwargs = {{"x", "X"}};
  conversation.messages[0].say(text::Words().own("<call>").given("Hi").own("</call>"));
  const auto plain = ConversationRenderer::create(
      "{{ bos_token }}{% for m in messages %}{{ m.role }}:{{ m.content }};{% endfor %}{{ "
      "tools[0].function.name }},"
      "{{ documents[0] }},{{ x }}{{ eos_token }}",
      "<s>", "</s>");
  const Rendered rendered = plain->render(conversation);
  EXPECT_EQ(rendered.text, "<s>user:<call>Hi</call>;f,D,X</s>");
  EXPECT_EQ(given_of(rendered), "[Hi][f][D][X]");
  // The house's words stay where they are when a message is put in front, and when nulls become texts.
  conversation.messages.push_back(
      Json::parse(R"({"role":"assistant","content":null,"reasoning_content":"R"})"));
  conversation.documents = nullptr;
  conversation.chat_template_kwargs = nullptr;
  const auto tools_inside = ConversationRenderer::create(
      "{% for m in messages %}({{ m.role + m.content }}{{ m['tools'] }}){% endfor %}", "", "");
  EXPECT_EQ(given_of(tools_inside->render(conversation)), R"([[{"name": "f"}]][Hi])");
  // And where the template reads parts only.
  const auto parts = ConversationRenderer::create(
      "{% for m in messages %}{% for p in m.content or [] %}{{ p.text }}{% endfor %}{% endfor %}", "", "");
  conversation.messages.pop_back();
  conversation.tools = nullptr;
  const Rendered in_parts = parts->render(conversation);
  EXPECT_EQ(in_parts.text, "<call>Hi</call>");
  EXPECT_EQ(given_of(in_parts), "[Hi]");
}

TEST(Conversation, ErrorsCarryTheTemplatesWords) {
  std::string words;
  EXPECT_EQ(code_of("{{ raise_exception('roles must alternate') }}", hello(), words), ErrorCode::kTemplate);
  EXPECT_EQ(words, "roles must alternate");
  EXPECT_EQ(code_of("{{ x.y }}", hello(), words), ErrorCode::kTemplate);
  EXPECT_EQ(words, "'x' is undefined");
  EXPECT_EQ(code_of("{% if %}", hello(), words), ErrorCode::kTemplate);
  EXPECT_EQ(code_of("{% for x in range(10000) %}{% endfor %}", hello(), words), ErrorCode::kTooLarge);
  Conversation wrong = hello();
  wrong.chat_template_kwargs = {{"messages", 1}};
  EXPECT_EQ(code_of("x", wrong, words), ErrorCode::kInvalidRequest);
}

TEST(Conversation, WhatTheTemplateHasNoWordsForIsRefused) {
  constexpr const char* kAll =
      "{{ tools }}{% for m in messages %}{{ m.role }}:{{ m.content }}{{ m.tool_calls }}{% endfor %}";
  constexpr const char* kUser =
      "{% for m in messages %}{% if m.role == 'user' %}{{ m.content }}{% endif %}{% endfor %}{{ my_tools }}";
  const Json tools = Json::parse(R"([{"type": "function", "function": {"name": "f"}}])");
  const Json hi = Json::parse(R"([{"role": "user", "content": "Hi"}])");
  EXPECT_EQ(unexpressed(kAll, hi, tools), "");
  EXPECT_EQ(unexpressed(kUser, hi), "");
  EXPECT_EQ(unexpressed(kUser, hi, Json::array()), "");
  EXPECT_EQ(unexpressed(kUser, hi, tools), "tools");
  EXPECT_EQ(unexpressed("{% if tools and documents %}{{ tools }}{% endif %}Hi", hi, tools), "tools");
  EXPECT_EQ(unexpressed(kAll, hi, nullptr, {{"enable_thinking", true}}),
            "chat_template_kwargs.enable_thinking");
  EXPECT_EQ(unexpressed("{{ enable_thinking }}Hi", hi, nullptr, {{"enable_thinking", true}}), "");

  const Json called = Json::parse(R"([{"role": "user", "content": "Hi"},
    {"role": "assistant", "tool_calls": [{"id": "1", "function": {"name": "f", "arguments": "{}"}}]},
    {"role": "tool", "tool_call_id": "1", "content": "\"warm\""}, {"role": "user", "content": "So?"}])");
  EXPECT_EQ(unexpressed(kAll, called), "");
  EXPECT_EQ(unexpressed(kUser, called), "messages[1].tool_calls");
  Json results = called;
  results.erase(1);
  EXPECT_EQ(unexpressed(kAll, results), "");
  results[1]["content"] = "warm";
  EXPECT_EQ(unexpressed(kUser, results), "messages[1].role");
  const Json led =
      Json::parse(R"([{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}])");
  EXPECT_EQ(unexpressed(kUser, led), "messages[0].role");
  EXPECT_EQ(unexpressed("{{ messages[0].content | upper }}", led), "messages[1].role");
  // A text that stands in the prompt by chance was not said.
  Json answered =
      Json::parse(R"([{"role":"user","content":"ask"},{"role":"function","name":"f","content":"s"}])");
  EXPECT_EQ(unexpressed("{{ messages[0].content }}", answered), "messages[1].role");
  EXPECT_EQ(unexpressed(kAll, answered), "");
  Json old = Json::parse(R"([{"role":"user","content":"ask"},
      {"role":"assistant","content":"","function_call":{"name":"f","arguments":"{}"}}])");
  EXPECT_EQ(unexpressed(kAll, old), "messages[1].function_call");
  EXPECT_EQ(unexpressed("{{ messages[0].content }}{{ messages[1].function_call.name }}", old), "");
  EXPECT_EQ(unexpressed("{{ messages[0].content | upper }}{{ messages[1].content }}", led), "");
}

TEST(Conversation, ArgumentsAreTextWhereTheTemplateNeedsText) {
  const Json messages =
      Json::parse(R"([{"role": "user", "content": "Hi"}, {"role": "assistant", "content": null,
    "tool_calls": [{"id": "1", "function": {"name": "f", "arguments": "{\"a\": 1}"}}]}])");
  Conversation conversation;
  conversation.messages = normalise_messages(messages);
  const auto render = [&](const std::string& arguments) {
    return ConversationRenderer::create(
               "{{ messages[0].content }} {{ messages[1].tool_calls[0].function." + arguments + " }}", "", "")
        ->render(conversation)
        .text;
  };
  EXPECT_EQ(render("arguments.a"), "Hi 1");
  EXPECT_EQ(render("name + messages[1].tool_calls[0].function.arguments"), "Hi f{\"a\":1}");
}

}  // namespace
}  // namespace gantry::chat
