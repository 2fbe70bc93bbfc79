// The rows of the families. A family's syntax is what its own chat template prints for an assistant's turn;
// sources and examples are in docs/formats/replies.md.
#include <utility>

#include "reply/reply_format.h"

namespace gantry::reply {
namespace {

using enum StepKind;

const std::vector<Span> kThink = {{"<think>", "</think>"}, {"<thought>", "</thought>"}};

// <tool_call>{"name": ..., "arguments": {...}}</tool_call>, or the same with <function=NAME> and parameters.
ReplyFormat function_tags(const char* name, std::vector<std::vector<std::string>> signs, const char* open,
                          const char* close) {
  ReplyFormat row;
  row.name = name;
  row.signs = std::move(signs);
  row.reasoning = kThink;
  row.call_open = {open};
  row.call_close = {close};
  row.call_begins = {"<function="};
  row.writing = {.gap = "\n", .result = {"<tool_response>\n", "\n</tool_response>"}};
  row.call = {{kJson},      {kText, {"<function="}}, {kName, {">"}}, {kText, {">"}},
              {kArguments}, {kText, {"</function>"}}};
  row.pairs = {.key_open = "<parameter=",
               .key_close = ">",
               .value_open = "",
               .value_close = "</parameter>",
               .string_attribute = "",
               .json_attribute = "",
               .newline_padded = true};
  return row;
}

// OPEN JSON CLOSE.
ReplyFormat json_calls(const char* name, std::vector<std::vector<std::string>> signs,
                       std::vector<std::string> open, std::vector<std::string> close) {
  ReplyFormat row;
  row.name = name;
  row.signs = std::move(signs);
  row.reasoning = kThink;
  row.call_open = std::move(open);
  row.call_close = std::move(close);
  row.call = {{kJson}};
  return row;
}

// <invoke name="NAME"><parameter name="KEY">VALUE</parameter></invoke>, each tag's name after a prefix.
ReplyFormat invocations(const char* name, const std::string& sign, const std::string& prefix,
                        std::vector<std::string> sections) {
  ReplyFormat row;
  row.name = name;
  row.signs = {{sign}};
  row.reasoning = kThink;
  for (const std::string& section : sections) {
    row.section_open.push_back("<" + section + ">");
    row.section_close.push_back("</" + section + ">");
  }
  row.call_open = {"<" + prefix + "invoke name=\""};
  row.call_close = {"</" + prefix + "invoke>"};
  row.call = {{kName, {"\""}}, {kText, {"\""}}, {kSkip, {">"}}, {kText, {">"}}, {kArguments}};
  row.pairs = {.key_open = "<" + prefix + "parameter name=\"",
               .key_close = "\"",
               .value_open = ">",
               .value_close = "</" + prefix + "parameter>",
               .string_attribute = "string=\"true\"",
               .json_attribute = "string=\"false\""};
  return row;
}

ReplyFormat harmony() {
  ReplyFormat row;
  row.name = "harmony";
  row.signs = {{"<|channel|>", "<|message|>", "functions."}};
  row.channels = {.message = "<|message|>",
                  .channel = "<|channel|>",
                  .recipient = "to=",
                  .recipient_prefix = "functions.",
                  .begins = {"<|start|>", "<|channel|>", "<|message|>", "<|constrain|>", "to=", "assistant"},
                  .ends = {"<|end|>", "<|call|>", "<|return|>"},
                  .reasoning = {"analysis"}};
  row.call = {{kArguments}};
  row.writing.header = {"<|channel|>commentary to=functions.", " <|constrain|>json<|message|>"};
  row.writing.header_end = "<|call|>";
  return row;
}

ReplyFormat kimi() {
  ReplyFormat row;
  row.name = "kimi";
  row.signs = {{"<|tool_calls_section_begin|>"}};
  row.reasoning = {{"<think>", "</think>"}, {"\u25c1think\u25b7", "\u25c1/think\u25b7"}};
  row.section_open = {"<|tool_calls_section_begin|>"};
  row.section_close = {"<|tool_calls_section_end|>"};
  row.call_open = {"<|tool_call_begin|>"};
  row.call_close = {"<|tool_call_end|>"};
  row.call = {
      {kName, {"<|tool_call_argument_begin|>"}}, {kText, {"<|tool_call_argument_begin|>"}}, {kArguments}};
  row.name_prefix = "functions.";
  row.name_is_numbered = true;
  row.ids = CallIds::kWritten;
  return row;
}

// DeepSeek V3, R1 (type, name, JSON in a fence) and V3.1 (name, JSON).
ReplyFormat deepseek(const char* name, std::vector<std::vector<std::string>> signs, bool fenced) {
  const std::string bar = "\uff5c", low = "\u2581";
  const auto token = [&](const std::string& a, const std::string& b, const std::string& c) {
    return "<" + bar + a + low + b + (c.empty() ? "" : low + c) + bar + ">";
  };
  const std::string separator = token("tool", "sep", "");
  ReplyFormat row;
  row.name = name;
  row.signs = std::move(signs);
  row.reasoning = kThink;
  row.section_open = {token("tool", "calls", "begin")};
  row.section_close = {token("tool", "calls", "end")};
  row.call_open = {token("tool", "call", "begin")};
  row.call_close = {token("tool", "call", "end")};
  if (fenced)
    row.call = {{kSkip, {separator}, "function"},
                {kText, {separator}},
                {kName, {"\n", "```"}},
                {kText, {"```json"}},
                {kArguments},
                {kText, {"```"}}};
  else
    row.call = {{kName, {separator}}, {kText, {separator}}, {kArguments}};
  return row;
}

ReplyFormat mistral() {
  ReplyFormat row;
  row.name = "mistral";
  row.signs = {{"[TOOL_CALLS]"}};
  row.reasoning = {{"[THINK]", "[/THINK]"}, {"<think>", "</think>"}};
  row.call_open = {"[TOOL_CALLS]"};
  row.call = {{kJson},
              {kName, {"[CALL_ID]", "[ARGS]", "{"}},
              {kMayText, {"[CALL_ID]"}},
              {kId, {"[ARGS]", "{"}},
              {kMayText, {"[ARGS]"}},
              {kArguments}};
  row.ids = CallIds::kNine;
  row.writing.listed = true;
  return row;
}

// <tool_call>NAME <arg_key>KEY</arg_key> <arg_value>VALUE</arg_value> </tool_call>, each tag after a prefix.
ReplyFormat argument_tags(const char* name, const std::string& prefix) {
  const auto open = [&](const char* tag) { return "<" + prefix + tag + ">"; };
  const auto close = [&](const char* tag) { return "</" + prefix + tag + ">"; };
  ReplyFormat row;
  row.name = name;
  row.signs = {{open("arg_key"), open("tool_call")}};
  row.reasoning = {{open("think"), close("think")}};
  row.call_open = {open("tool_call")};
  row.call_close = {close("tool_call")};
  row.call = {{kJson}, {kName, {"\n", open("arg_key"), close("tool_call")}}, {kArguments}};
  row.pairs = {.key_open = open("arg_key"),
               .key_close = close("arg_key"),
               .value_open = open("arg_value"),
               .value_close = close("arg_value"),
               .string_attribute = "",
               .json_attribute = ""};
  row.writing = {.in_steps = true, .result = {"<tool_response>\n", "\n</tool_response>"}};
  return row;
}

ReplyFormat command() {
  ReplyFormat row = json_calls("command", {{"<|START_ACTION|>"}}, {"<|START_ACTION|>"}, {"<|END_ACTION|>"});
  row.reasoning = {{"<|START_THINKING|>", "<|END_THINKING|>"}};
  row.name_keys = {"tool_name"};
  row.arguments_keys = {"parameters"};
  row.writing.listed = true;
  row.answer = {{"<|START_RESPONSE|>", "<|END_RESPONSE|>"}, {"<|START_TEXT|>", "<|END_TEXT|>"}};
  return row;
}

ReplyFormat command_r() {
  ReplyFormat row =
      json_calls("command-r", {{"<|CHATBOT_TOKEN|>", "Action:", "```json"}}, {"Action:"}, {"```"});
  row.call = {{kMayText, {"```json"}}, {kJson}};
  row.name_keys = {"tool_name"};
  row.arguments_keys = {"parameters"};
  row.writing.listed = true;
  return row;
}

ReplyFormat solar() {
  ReplyFormat row;
  row.name = "solar";
  row.signs = {{"<|tool_call:begin|>", "<|tool_call:args|>"}};
  row.reasoning = {{"<|think|>", "<|end|>"}};
  row.section_open = {"<|tool_calls|>"};
  row.section_close = {"<|calls|>"};
  row.call_open = {"<|tool_call:begin|>"};
  row.call_close = {"<|tool_call:end|>"};
  row.call = {{kId, {"<|tool_call:name|>"}},
              {kText, {"<|tool_call:name|>"}},
              {kName, {"<|tool_call:args|>"}},
              {kText, {"<|tool_call:args|>"}},
              {kArguments}};
  row.ids = CallIds::kWritten;
  row.silent = {"<|begin|>assistant", "<|content|>", "<|end|>"};
  return row;
}

// Several calls are one message of Llama's, and its tag says of which kind the rest of a message is: one tag
// stands before all of them.
ReplyFormat llama(const char* name, std::vector<std::vector<std::string>> signs, const Span& behind_words) {
  ReplyFormat row =
      json_calls(name, std::move(signs), {"<|python_tag|>", "<|python_start|>"}, {"<|python_end|>"});
  row.call = {{kJson}, {kPython}, {kCode}};
  row.arguments_keys = {"parameters", "arguments"};
  row.bare = true;
  row.writing.separator = "; ";
  row.writing.behind_words = behind_words;
  return row;
}

// Calls in Python syntax between two markers.
ReplyFormat python_calls(const char* name, std::vector<std::vector<std::string>> signs, const char* open,
                         const char* close) {
  ReplyFormat row = json_calls(name, std::move(signs), {open}, {close});
  row.call = {{kJson}, {kPython}};
  row.writing = {.listed = true, .in_steps = true};
  return row;
}

ReplyFormat minicpm() {
  ReplyFormat row = python_calls("minicpm", {{"<|tool_call_start|>", "```python"}}, "<|tool_call_start|>",
                                 "<|tool_call_end|>");
  row.reasoning = {{"<|thought_start|>", "<|thought_end|>"}, {"<think>", "</think>"}};
  row.call = {{kMayText, {"```python"}}, {kPython}, {kMayText, {"```"}}};
  row.writing = {.in_steps = true};
  return row;
}

// OPEN call:NAME{key:value} CLOSE, strings in quotes of the family's own.
ReplyFormat gemma(const char* name, const char* open, const char* close, const char* quote) {
  ReplyFormat row;
  row.name = name;
  row.signs = {{open, close}};
  row.reasoning = {{"<|channel>thought", "<channel|>", true}};
  row.call_open = {open};
  row.call_close = {close};
  row.call = {{kText, {"call:"}}, {kName, {"{"}}, {kArguments}};
  row.literal.quotes = {quote};
  row.silent = {"<|tool_response>", "<|channel>"};
  return row;
}

// >>>all, content; >>>NAME, the call's JSON.
ReplyFormat functionary() {
  ReplyFormat row;
  row.name = "functionary";
  row.signs = {{">>>all"}};
  row.channels = {.message = "\n",
                  .channel = "",
                  .recipient = ">>>",
                  .recipient_prefix = "",
                  .begins = {">>>"},
                  .ends = {},
                  .reasoning = {},
                  .content = {"all"},
                  .only_known = true};
  row.call = {{kArguments}};
  row.writing.header = {">>>", "\n"};
  row.writing.separator = "";
  return row;
}

// <function=NAME>{...}</function>
ReplyFormat functions() {
  ReplyFormat row;
  row.name = "function-tags";
  row.signs = {{"<function="}};
  row.reasoning = kThink;
  row.call_open = {"<function="};
  row.call_close = {"</function>"};
  row.call = {{kName, {">"}}, {kText, {">"}}, {kArguments}};
  return row;
}

// Messages to recipients; the calls in them are tags.
ReplyFormat glimmer() {
  ReplyFormat row = invocations("glimmer", "<atem:invoke name=", "atem:", {"atem:function_calls"});
  row.reasoning = {};
  row.channels = {.message = "<|message|>",
                  .channel = "",
                  .recipient = "to=",
                  .recipient_prefix = "",
                  .begins = {"<|start|>", "to=", "<|message|>", "assistant"},
                  .ends = {"<|eom|>", "<|eot|>"},
                  .reasoning = {"self"},
                  .content = {"user"}};
  row.writing.header = {"to=", "<|message|>"};
  row.writing.header_end = "<|eom|>";
  return row;
}

// {"NAME": {...}} between two markers.
ReplyFormat apertus() {
  ReplyFormat row = json_calls("apertus", {{"<|tools_prefix|>"}}, {"<|tools_prefix|>"}, {"<|tools_suffix|>"});
  row.reasoning = {{"<|inner_prefix|>", "<|inner_suffix|>"}};
  row.name_is_key = true;
  row.writing.listed = true;
  return row;
}

ReplyFormat apriel() {
  ReplyFormat row = json_calls("apriel", {{"<tool_calls>", "Here are my reasoning steps:"}}, {"<tool_calls>"},
                               {"</tool_calls>"});
  row.reasoning = {{"Here are my reasoning steps:\n", "[BEGIN FINAL RESPONSE]"}};
  row.silent = {"<|end|>"};
  row.writing.listed = true;
  return row;
}

ReplyFormat seed_oss() {
  ReplyFormat row =
      function_tags("seed-oss", {{"<seed:tool_call>"}}, "<seed:tool_call>", "</seed:tool_call>");
  row.reasoning = {{"<seed:think>", "</seed:think>"}};
  return row;
}

ReplyFormat granite() {
  ReplyFormat row =
      json_calls("granite", {{"<|start_of_role|>"}}, {"<|tool_call|>", "<tool_call>"}, {"</tool_call>"});
  row.reasoning.push_back({"Here is my thought process:", "Here is my response:"});
  row.reasoning.push_back({"Here's my thought process:", "Here's my response:"});
  row.answer = {{"<response>", "</response>"}};
  row.writing.listed = true;
  return row;
}

// <|open|>TAG ATTRIBUTES<|sep|> ... <|close|>TAG<|sep|>
ReplyFormat kimi_k3() {
  const auto open = [](const std::string& tag) { return "<|open|>" + tag + "<|sep|>"; };
  const auto close = [](const std::string& tag) { return "<|close|>" + tag + "<|sep|>"; };
  ReplyFormat row;
  row.name = "kimi-k3";
  row.signs = {{"<|open|>", "<|close|>", "<|sep|>"}};
  row.reasoning = {{open("think"), close("think"), true}};
  row.answer = {{open("response"), close("response")}};
  row.section_open = {open("tools")};
  row.section_close = {close("tools")};
  row.call_open = {"<|open|>call tool=\""};
  row.call_close = {close("call")};
  row.call = {{kName, {"\""}}, {kText, {"\""}}, {kSkip, {"<|sep|>"}}, {kText, {"<|sep|>"}}, {kArguments}};
  row.pairs = {.key_open = "<|open|>argument key=\"",
               .key_close = "\"",
               .value_open = "<|sep|>",
               .value_close = close("argument"),
               .string_attribute = "type=\"string\"",
               .json_attribute = "type="};
  row.silent = {close("message")};
  return row;
}

// <｜tool_call_begin｜>function<｜tool_sep｜>NAME <steptml:invoke name="NAME"> ... <｜tool_call_end｜>
ReplyFormat step3() {
  const auto token = [](const std::string& name) { return "<\uff5ctool_" + name + "\uff5c>"; };
  const std::string invoke = "<steptml:invoke name=\"";
  ReplyFormat row = invocations("step3", "<steptml:invoke", "steptml:", {});
  row.section_open = {token("calls_begin")};
  row.section_close = {token("calls_end")};
  row.call_open = {token("call_begin")};
  row.call_close = {token("call_end"), token("call_end") + token("sep")};
  row.call.insert(row.call.begin(), {{kSkip, {invoke}}, {kText, {invoke}}});
  row.call.push_back({kText, {"</steptml:invoke>"}});
  return row;
}

// <function name="NAME"><param name="KEY">VALUE</param></function>
ReplyFormat minicpm5() {
  ReplyFormat row = invocations("minicpm5", "<function name=", "", {});
  row.call_open = {"<function name=\""};
  row.call_close = {"</function>"};
  row.pairs.key_open = "<param name=\"";
  row.pairs.value_close = "</param>";
  row.pairs.verbatim = {"<![CDATA[", "]]>"};
  return row;
}

// One list of calls, in a fence or without.
ReplyFormat xlam() {
  ReplyFormat row = json_calls("xlam", {{"make calls in a single JSON array"}},
                               {"[TOOL_CALLS]", "<tool_call>"}, {"</tool_call>", "```"});
  row.call_begins = {"```json", "```\n[", "```\n{"};
  row.call = {{kMayText, {"```json", "```"}}, {kJson}};
  row.bare = true;
  row.writing.listed = true;
  row.writing.behind_words = {"```json\n", "\n```"};
  return row;
}

// Rows whose calls stand in one list.
ReplyFormat in_lists(ReplyFormat row) {
  row.writing.listed = true;
  return row;
}

// Rows whose content is between tags of its own (ERNIE, Hunyuan).
ReplyFormat with_answers(ReplyFormat row, const char* name, const std::string& call_sign,
                         const std::string& tag) {
  row.name = name;
  row.signs = {{call_sign, "<" + tag + ">"}};
  row.answer = {{"<" + tag + ">", "</" + tag + ">"}};
  return row;
}

// Bare calls; behind words each between the tags that most families know, and write around each.
ReplyFormat plain() {
  ReplyFormat row = json_calls("plain", {}, {"<tool_call>"}, {"</tool_call>"});
  row.call = {{kJson}, {kPython}};
  row.bare = true;
  row.writing.each_behind_words = {"<tool_call>\n", "\n</tool_call>"};
  return row;
}

}  // namespace

const std::vector<ReplyFormat>& reply_formats() {
  static const std::vector<ReplyFormat> rows = [] {
    std::vector<ReplyFormat> out;
    out.push_back(harmony());
    out.push_back(kimi());
    out.push_back(kimi_k3());
    out.push_back(step3());
    out.push_back(invocations("deepseek-dsml", "\uff5cDSML\uff5c", "\uff5cDSML\uff5c",
                              {"\uff5cDSML\uff5cfunction_calls", "\uff5cDSML\uff5ctool_calls"}));
    out.push_back(deepseek("deepseek-r1", {{"tool\u2581call\u2581begin", "```json"}}, true));
    out.push_back(deepseek("deepseek-v3.1", {{"tool\u2581call\u2581begin"}}, false));
    out.push_back(invocations("minimax-m2", "<minimax:tool_call>", "", {"minimax:tool_call"}));
    out.push_back(mistral());
    out.push_back(argument_tags("glm", ""));
    out.push_back(argument_tags("longcat", "longcat_"));
    out.push_back(command());
    out.push_back(command_r());
    out.push_back(solar());
    out.push_back(seed_oss());
    out.push_back(granite());
    out.push_back(minicpm());
    out.push_back(minicpm5());
    out.push_back(xlam());
    out.push_back(python_calls("lfm2",
                               {{"<|tool_call_start|>"}, {"<|tool_list_start|>"}, {"\"List of tools: ["}},
                               "<|tool_call_start|>", "<|tool_call_end|>"));
    out.push_back(gemma("gemma4", "<|tool_call>", "<tool_call|>", "<|\"|>"));
    out.push_back(gemma("functiongemma", "<start_function_call>", "<end_function_call>", "<escape>"));
    out.push_back(functionary());
    out.push_back(glimmer());
    out.push_back(apertus());
    out.push_back(json_calls("internlm", {{"<|action_start|>"}},
                             {"<|action_start|><|plugin|>", "<|action_start|> <|plugin|>"},
                             {"<|action_end|>"}));
    out.push_back(in_lists(
        json_calls("phi", {{"<|tool|>", "<|/tool|>"}}, {"<|tool_call|>", "functools"}, {"<|/tool_call|>"})));
    out.push_back(apriel());
    const ReplyFormat tool_calls = json_calls("tool-calls", {{"<tool_calls>", "</tool_calls>"}},
                                              {"<tool_calls>"}, {"</tool_calls>"});  // MiniMax M1, Jamba
    out.push_back(with_answers(tool_calls, "hunyuan", "<tool_calls>", "answer"));
    out.push_back(tool_calls);
    out.push_back(in_lists(json_calls("nemotron", {{"<TOOLCALL>"}}, {"<TOOLCALL>"}, {"</TOOLCALL>"})));
    out.push_back(in_lists(json_calls("firefunction", {{"functools["}}, {"functools"}, {})));
    out.push_back(
        json_calls("gigachat", {{"<|function_call|>"}}, {"<|function_call|>"}, {"<|message_sep|>"}));
    out.push_back(
        json_calls("gigachat3", {{"function call", "<|role_sep|>"}},
                   {"<|message_sep|>\n\nfunction call<|role_sep|>\n", "function call<|role_sep|>\n"},
                   {"<|message_sep|>"}));
    const ReplyFormat hermes = function_tags("hermes", {{"<tool_call>"}}, "<tool_call>", "</tool_call>");
    out.push_back(with_answers(hermes, "ernie", "<tool_call>", "response"));
    out.push_back(hermes);
    out.push_back(python_calls("olmo", {{"<function_calls>"}}, "<function_calls>", "</function_calls>"));
    out.push_back(llama("llama4", {{"<|header_start|>", "\"parameters\": "}, {"<|python_start|>"}},
                        {"<|python_start|>", "<|python_end|>"}));
    out.push_back(llama("llama", {{"<|python_tag|>"}, {"<|start_header_id|>", "\"parameters\": "}},
                        {"<|python_tag|>", ""}));
    out.push_back(functions());
    out.push_back(plain());
    out.push_back({.name = "none"});
    return out;
  }();
  return rows;
}

}  // namespace gantry::reply
