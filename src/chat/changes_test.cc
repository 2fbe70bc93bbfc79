#include "chat/changes.h"

#include <set>

#include <gtest/gtest.h>

#include "base/error.h"
#include "chat/arguments.h"
#include "chat/conversation.h"
#include "chat/messages.h"
#include "chat/shape.h"
#include "chat/tools.h"

namespace gantry::chat {
namespace {

// Says everything that it is given, by roles; what it refuses is put in front.
const std::string kEach =
    "{% for m in messages %}<{{ m.role }}>{{ m.content or '' }}{% for c in m.tool_calls or [] %}"
    "[{{ c.function.name }} {{ c.function.arguments | tojson }}]{% endfor %}{% endfor %}";
const std::string kTwoRoles =
    "{% for m in messages %}{% if (m.role == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('alternate!') }}{% endif %}<{{ m.role }}>{{ m.content }}{% endfor %}";

Rendered render(const std::string& source, const char* messages, const char* tools = "null",
                RendererOptions options = {}) {
  Conversation conversation;
  conversation.messages = normalise_messages(Json::parse(messages), {.keep_developer = true});
  conversation.tools = normalise_tools(Json::parse(tools));
  return ConversationRenderer::create(source, "", "", options)->render(conversation, 0);
}

using Names = std::vector<std::string>;

TEST(Changes, NamesAreUniqueAndEveryOneMendsSomething) {
  std::set<std::string_view> names;
  for (const Change& change : change_table()) {
    EXPECT_TRUE(names.insert(change.name).second) << change.name;
    EXPECT_TRUE(change.mends.any() || change.without != Can::kCount) << change.name;
  }
  EXPECT_LE(change_table().size(), ChangeSet().size());
}

TEST(Changes, WhatTheTemplateSaysIsSaidAsGiven) {
  const Rendered out = render(kEach + "{{ tools }}", R"([{"role":"system","content":"Be kind."},
      {"role":"system","content":"Be brief."},{"role":"user","content":"Hi"},{"role":"user","content":"you"},
      {"role":"system","content":"Now."}])");
  EXPECT_EQ(out.text, "<system>Be kind.<system>Be brief.<user>Hi<user>you<system>Now.None");
  EXPECT_TRUE(out.changes.empty());
}

TEST(Changes, SystemsGoWhereThereIsRoom) {
  const char* messages =
      R"([{"role":"developer","content":"Be kind."},{"role":"system","content":"Be brief."},
      {"role":"user","content":"Hi"},{"role":"assistant","content":"Hello"},{"role":"system","content":"Now."},
      {"role":"user","content":"So?"}])";
  const Rendered out = render(kTwoRoles, messages);
  EXPECT_EQ(out.text, "<user>Be kind.\n\nBe brief.\n\nHi<assistant>Hello<user>Now.\n\nSo?");
  EXPECT_EQ(out.changes,
            (Names{"developer-as-system", "systems-joined", "late-systems-folded", "system-folded"}));
  EXPECT_THROW(render(kTwoRoles, messages, "null", {.strict = true}), Error);
}

TEST(Changes, TurnsAlternateWhereTheyHaveTo) {
  const Rendered out = render(kTwoRoles, R"([{"role":"assistant","content":"Welcome"},
      {"role":"user","content":"Hi"},{"role":"user","content":"you"},{"role":"assistant","content":"Yes"},
      {"role":"assistant","content":"?"},{"role":"user","content":"So"}])");
  EXPECT_EQ(out.text, "<user><assistant>Welcome<user>Hi\n\nyou<assistant>Yes\n\n?<user>So");
  EXPECT_EQ(out.changes, (Names{"user-put-first", "turns-joined"}));
}

constexpr const char* kLoop =
    R"([{"role":"user","content":"Weather?"},{"role":"assistant","content":"Let me see.",
    "tool_calls":[{"id":"1","function":{"name":"get_weather","arguments":"{\"city\": \"Rome\"}"}},
                  {"id":"2","function":{"name":"get_time","arguments":""}}]},
    {"role":"tool","tool_call_id":"2","content":"noon"},{"role":"tool","tool_call_id":"1","content":"warm"}])";

TEST(Changes, CallsAndResultsInNotationAndWords) {
  const Rendered out = render(kTwoRoles, kLoop);
  EXPECT_EQ(out.text,
            "<user>Weather?<assistant>Let me see.\n<tool_call>\n{\"name\": \"get_weather\", \"arguments\": "
            "{\"city\": \"Rome\"}}\n</tool_call>\n<tool_call>\n{\"name\": \"get_time\", \"arguments\": {}}\n"
            "</tool_call><user>Result of get_time:\nnoon\nResult of get_weather:\nwarm");
  EXPECT_EQ(out.changes.front(), "calls-in-notation");
  const Rendered hermes = render(kTwoRoles + "{# <tool_call> #}", kLoop);
  EXPECT_NE(hermes.text.find("<tool_call>\n{\"name\": \"get_time\", \"arguments\": {}}\n</tool_call><user>"
                             "<tool_response>\nnoon\n</tool_response>\n<tool_response>"),
            std::string::npos)
      << hermes.text;
}

// What was given stands as _: the house's words keep being its own wherever they are put.
TEST(Changes, WhatTheHouseSaysIsNotGiven) {
  const auto own = [](const Rendered& rendered) {
    std::string text = rendered.text;
    for (auto range = rendered.given.rbegin(); range != rendered.given.rend(); ++range)
      text.replace(range->begin, range->size(), "_");
    return text;
  };
  const std::string source = kTwoRoles + "{# <tool_call> #}", loop(kLoop);
  const std::string calls =
      "<tool_call>\n{\"name\": \"_\", \"arguments\": {\"_\": \"_\"}}\n</tool_call>\n<tool_call>\n{\"name\": "
      "\"_\", \"arguments\": {}}\n</tool_call>";
  const std::string result = "<tool_response>\n_\n</tool_response>";
  EXPECT_EQ(own(render(source, kLoop)), "<user>_<assistant>_\n" + calls + "<user>" + result + "\n" + result);
  // Joined with turns on both sides, and with a system that came late.
  const std::string longer = loop.substr(0, loop.size() - 1) +
                             R"(,{"role":"user","content":"So?"},{"role":"system","content":"Be brief."}])";
  EXPECT_EQ(own(render(source, longer.c_str())),
            "<user>_<assistant>_\n" + calls + "<user>" + result + "\n" + result + "\n\n_\n\n_");
  const std::string plain = own(render(kTwoRoles, kLoop));
  EXPECT_TRUE(plain.ends_with("</tool_call><user>Result of _:\n_\nResult of _:\n_")) << plain;
  // Tools in words, folded into a user's turn.
  const Rendered told =
      render(source, R"([{"role":"system","content":"Be kind."},{"role":"user","content":"Hi"}])",
             R"([{"type":"function","function":{"name":"get_time"}}])");
  EXPECT_EQ(
      own(told),
      "<user>_\n\nYou can call these functions:\n_\nTo call one, answer with nothing but the call, in this "
      "form:\n<tool_call>\n{\"name\": \"NAME\", \"arguments\": {\"ARGUMENT\": \"VALUE\"}}\n</tool_call>\nIts "
      "result comes in the next message.\n\n_");
}

TEST(Changes, CallsOneByOneKeepTheirResults) {
  const Rendered out = render(kEach +
                                  "{% for m in messages %}{% if m.tool_calls and m.tool_calls | length > 1 %}"
                                  "{{ raise_exception('one!') }}{% endif %}{% endfor %}{# tools #}",
                              kLoop);
  EXPECT_EQ(out.text,
            "<user>Weather?<assistant>Let me see.[get_weather {\"city\": \"Rome\"}]<tool>warm<assistant>"
            "[get_time {}]<tool>noon");
  EXPECT_EQ(out.changes, Names{"calls-one-by-one"});
}

TEST(Changes, ToolsInWordsSayHowToCall) {
  const char* tools =
      R"([{"type":"function","function":{"name":"get_time","description":"Tells the time."}}])";
  const Rendered out = render(kTwoRoles, R"([{"role":"user","content":"Hi"}])", tools);
  EXPECT_EQ(out.changes, (Names{"tools-in-words", "system-folded"}));
  EXPECT_NE(out.text.find("{\"name\": \"get_time\", \"description\": \"Tells the time.\"}"),
            std::string::npos);
  EXPECT_NE(out.text.find("{\"name\": \"NAME\", \"arguments\": {\"ARGUMENT\": \"VALUE\"}}"),
            std::string::npos);
  EXPECT_TRUE(out.text.ends_with("\n\nHi")) << out.text;
}

TEST(Changes, ToolsAreFilledInWhereTheyWouldBeNone) {
  const std::string source = kEach +
                             "{% for t in tools or [] %}{{ t.function.name }}: "
                             "{{ t.function.get('description') }}{% endfor %}";
  const char* hi = R"([{"role":"user","content":"Hi"}])";
  const Rendered out = render(source, hi, R"([{"function":{"name":"get_time","description":null}}])");
  EXPECT_EQ(out.text, "<user>Higet_time: ");
  EXPECT_EQ(out.changes, Names{"tool-defaults"});
  const Rendered told = render(source, hi, R"([{"function":{"name":"get_time","description":"None"}}])");
  EXPECT_EQ(told.text, "<user>Higet_time: None");
  EXPECT_TRUE(told.changes.empty());
}

// A template that goes through the schemas itself, and knows nothing of references.
TEST(Changes, SchemasAreSimpleWhereTheTemplateReadsNoOthers) {
  const char* tools = R"([{"type":"function","function":{"name":"book","parameters":{"type":"object",
      "$defs":{"Seat":{"type":"string","description":"where one sits"}},
      "properties":{"seat":{"$ref":"#/$defs/Seat"}}}}}])";
  const char* messages = R"([{"role":"user","content":"Hi"}])";
  const Rendered walked = render(
      "{% for t in tools or [] %}{{ t.function.name }}{% for k, v in "
      "t.function.parameters.properties.items() %}"
      " {{ k }}:{{ v.type }}:{{ v.description }}{% endfor %}{% endfor %}" +
          kEach,
      messages, tools);
  EXPECT_EQ(walked.text, "book seat:string:where one sits<user>Hi");
  EXPECT_EQ(walked.changes, Names{"tool-types-simplified"});
  const Rendered whole = render("{{ tools | tojson }}" + kEach, messages, tools);
  EXPECT_NE(whole.text.find("$defs"), std::string::npos);
  EXPECT_TRUE(whole.changes.empty());
}

// One that shows them at the first step only.
TEST(Changes, WordsBesideCallsAreSaidAtEachStep) {
  const Rendered out = render(
      "{% set n = namespace(first=true) %}{% for m in messages %}<{{ m.role }}>"
      "{% if not m.tool_calls or n.first %}{{ m.content or '' }}{% endif %}{% for c in m.tool_calls or [] %}"
      "[{{ c.function.name }}]{% set n.first = false %}{% endfor %}{% endfor %}",
      R"([{"role":"user","content":"Hi"},
          {"role":"assistant","content":"A","tool_calls":[{"id":"1","function":{"name":"f","arguments":"{}"}}]},
          {"role":"tool","tool_call_id":"1","content":"RA"},
          {"role":"assistant","content":"B","tool_calls":[{"id":"2","function":{"name":"g","arguments":"{}"}}]},
          {"role":"tool","tool_call_id":"2","content":"RB"}])");
  EXPECT_NE(out.text.find("B"), out.text.find("RB") + 1) << out.text;
  EXPECT_FALSE(out.changes.empty());
}

TEST(Changes, WhatNothingCanExpressIsRefusedByItsName) {
  try {
    render("{{ messages[0].content }}",
           R"([{"role":"user","content":"first"},{"role":"assistant","content":"a"},
        {"role":"user","content":"second"}])");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.where(), "messages[2].role");
  }
}

TEST(Changes, UnknownVariablesDoNothingAndAreNamed) {
  Conversation conversation;
  conversation.messages = Json::parse(R"([{"role":"user","content":"Hi"}])");
  conversation.chat_template_kwargs = {{"enable_thinking", false}, {"other", 1}};
  conversation.reasoning_effort = "high";
  const auto renderer = ConversationRenderer::create(kEach + "{{ enable_thinking }}", "", "");
  const Rendered out = renderer->render(conversation);
  EXPECT_EQ(out.text, "<user>HiFalse");
  EXPECT_EQ(out.changes, Names{"ignored:other"});
  const Rendered plain = ConversationRenderer::create(kEach, "", "")->render(conversation);
  EXPECT_EQ(plain.changes, (Names{"ignored:enable_thinking", "ignored:other", "ignored:reasoning_effort"}));
}

TEST(Shape, EffortReachesTheTemplatesVariables) {
  const auto kwargs = [](const char* source, const char* effort, Json given = nullptr) {
    set_effort(source, effort, given);
    return given.dump();
  };
  EXPECT_EQ(kwargs("{{ reasoning_effort }}", "high"), R"({"reasoning_effort":"high"})");
  EXPECT_EQ(kwargs("{{ reasoning_effort }}", "low", {{"reasoning_effort", "max"}}),
            R"({"reasoning_effort":"max"})");
  EXPECT_EQ(kwargs("{% if enable_thinking %}", "none"), R"({"enable_thinking":false})");
  EXPECT_EQ(kwargs("{% if thinking %}", "on"), R"({"thinking":true})");
  EXPECT_EQ(kwargs("{% if m.thinking %}", "on"), "null");
  EXPECT_EQ(kwargs("{{ reasoning_effort }}", ""), "null");
}

TEST(Shape, ReasoningGoesToTheMemberThatIsRead) {
  const char* messages = R"([{"role":"user","content":"Hi"},
      {"role":"assistant","content":"Yes","reasoning":"because"},{"role":"user","content":"So?"}])";
  for (const char* member : {"reasoning_content", "reasoning", "thinking"}) {
    const std::string source = kEach + "{% for m in messages %}{{ m." + member + " }}{% endfor %}";
    const Rendered out = render(source, messages);
    EXPECT_EQ(out.text, "<user>Hi<assistant>Yes<user>So?because") << member;
    EXPECT_TRUE(out.changes.empty());
  }
  EXPECT_EQ(render(kEach, messages).changes, Names{"reasoning-left-out"});
}

TEST(Shape, IdsAreMappedAlwaysTheSame) {
  const std::string source =
      kEach +
      "{% for m in messages %}{% for c in m.tool_calls or [] %}{% if c.id | length != 9 %}"
      "{{ raise_exception('nine!') }}{% endif %}{{ c.id }}{% endfor %}{{ m.tool_call_id }}{% endfor %}";
  const auto ids = [&](const std::string& id) {
    const std::string messages =
        R"([{"role":"user","content":"x"},{"role":"assistant","tool_calls":[{"id":")" + id +
        R"(","function":{"name":"f"}}]},{"role":"tool","tool_call_id":")" + id + R"(","content":"y"}])";
    const Rendered out = render(source, messages.c_str());
    const std::string tail = out.text.substr(out.text.size() - 18);
    EXPECT_EQ(tail.substr(0, 9), tail.substr(9)) << out.text;
    return tail.substr(9) + (out.changes.empty() ? "" : " " + out.changes[0]);
  };
  EXPECT_EQ(ids("abc123def"), "abc123def");
  EXPECT_EQ(ids("call_1"), ids("call_1"));
  EXPECT_NE(ids("call_1"), ids("call_2"));
  EXPECT_TRUE(ids("call_1").ends_with(" ids-mapped"));
}

// A call that is written into a text has the id that its result has.
// What was given out with "call_" before it is what the model wrote: nothing is said otherwise, however
// strict.
TEST(Shape, IdsThatWereGivenOutAreTakenBack) {
  const std::string source = "[TOOL_CALLS]" + kEach +
                             "{% for m in messages %}{% for c in m.tool_calls or [] %}{{ c.id }}{% endfor "
                             "%}{{ m.tool_call_id }}{% endfor %}";
  const char* messages = R"([{"role":"user","content":"x"},
      {"role":"assistant","tool_calls":[{"id":"call_abc123def","function":{"name":"f"}}]},
      {"role":"tool","tool_call_id":"call_abc123def","content":"y"}])";
  for (const bool strict : {false, true}) {
    const Rendered out = render(source, messages, "null", {.strict = strict});
    EXPECT_TRUE(out.text.ends_with("abc123defabc123def")) << out.text;
    EXPECT_EQ(out.text.find("call_"), std::string::npos) << out.text;
    EXPECT_TRUE(out.changes.empty());
  }
}

TEST(Shape, IdsInNotationAreThoseOfTheResults) {
  const std::string source =
      "{# [TOOL_CALLS] tools #}{% set ns = namespace(n=0) %}{% for m in messages %}"
      "{% if m.role in ['user', 'assistant'] and not m.tool_calls %}"
      "{% if (m.role == 'user') != (ns.n % 2 == 0) %}{{ raise_exception('alternate!') }}{% endif %}"
      "{% set ns.n = ns.n + 1 %}{% endif %}{% for c in m.tool_calls or [] %}"
      "{% if c.id | length != 9 %}{{ raise_exception('nine!') }}{% endif %}"
      "[{{ c.function.name }} {{ c.function.arguments | tojson }}]"
      "{% else %}<{{ m.role }}>{{ m.content }}{{ m.tool_call_id }}{% endfor %}{% endfor %}";
  const Rendered out = render(source, R"([{"role":"user","content":"x"},{"role":"assistant","content":"Look.",
      "tool_calls":[{"id":"call_1","function":{"name":"f"}}]},{"role":"tool","tool_call_id":"call_1","content":"y"}])");
  const std::string id = out.text.substr(out.text.size() - 9);
  EXPECT_EQ(out.text,
            "<user>x<assistant>Look.\n[TOOL_CALLS][{\"name\": \"f\", \"arguments\": {}, \"id\": \"" + id +
                "\"}]<tool>y" + id);
  EXPECT_EQ(out.changes, (Names{"worded-calls-in-notation", "ids-mapped"}));
}

TEST(Arguments, ThatWereCutOffAreClosed) {
  const auto mended = [](const char* text) { return mended_arguments(text).dump(); };
  EXPECT_EQ(mended(R"({"cmd": "ls)"), R"({"cmd":"ls"})");
  EXPECT_EQ(mended(R"({"cmd": "a\)"), R"({"cmd":"a"})");
  EXPECT_EQ(mended(R"({"a": [1, {"b": "x)"), R"({"a":[1,{"b":"x"}]})");
  EXPECT_EQ(mended(R"({"a": 1, "b)"), R"({"a":1})");
  EXPECT_EQ(mended(R"({"a": 1, "b": tr)"), R"({"a":1})");
  EXPECT_EQ(mended(R"({"a)"), R"({"input":"{\"a"})");
  EXPECT_EQ(mended("ls -l"), R"({"input":"ls -l"})");
  EXPECT_EQ(mended("[1]"), R"({"input":"[1]"})");
  EXPECT_EQ(mended(R"({"a":1})"), R"({"a":1})");
}

TEST(Tools, SchemasOfSeveralTypesBecomeOnesOfOne) {
  Json tools = Json::parse(R"([{"type":"function","function":{"name":"f","parameters":{"type":"object",
      "properties":{"a":{"type":["null","string"]},"b":{"anyOf":[{"type":"null"},{"type":"integer"}],"default":1},
        "c":{"$ref":"#/$defs/C"},"d":{"$ref":"#/$defs/D"},"e":{"$ref":"elsewhere"}},
      "$defs":{"C":{"type":"object","properties":{"x":{"type":["number","null"]}}},
               "D":{"type":"array","items":{"$ref":"#/$defs/D"}}}}}}])");
  EXPECT_TRUE(simplify_tools(tools));
  const Json& properties = tools[0]["function"]["parameters"]["properties"];
  EXPECT_EQ(properties["a"].dump(), R"({"type":"string"})");
  EXPECT_EQ(properties["b"].dump(), R"({"default":1,"type":"integer"})");
  EXPECT_EQ(properties["c"].dump(), R"({"type":"object","properties":{"x":{"type":"number"}}})");
  EXPECT_EQ(properties["e"].dump(), R"({"type":"object"})");
  EXPECT_LT(tools.dump().size(), 2000U);
  EXPECT_FALSE(simplify_tools(tools));
  Json bare = Json::parse(R"([{"function":{"name":"f","parameters":{}}}])");
  EXPECT_FALSE(simplify_tools(bare)) << "nothing is simple";
  bare = Json::parse(R"([{"function":{"name":"f","parameters":{"title":"F"}}}])");
  EXPECT_TRUE(simplify_tools(bare));
  EXPECT_EQ(bare[0]["function"]["parameters"]["type"], "object") << "what a function takes";
}

}  // namespace
}  // namespace gantry::chat
