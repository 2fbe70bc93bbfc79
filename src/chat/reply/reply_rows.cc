// The families. What each writes is what its own chat template writes for an assistant's turn; sources and
// examples stand in docs/formats/replies.md.
#include "chat/reply/reply_format.h"

namespace gantry::chat {
namespace {

using enum StepKind;

const std::vector<Span> kThink = {{"<think>", "</think>"}};

// <tool_call>{"name": ..., "arguments": {...}}</tool_call>, or the same with <function=NAME> and parameters.
ReplyFormat function_tags(const char* name, std::vector<std::vector<std::string>> signs, const char* open,
                          const char* close) {
  ReplyFormat row;
  row.name = name;
  row.signs = std::move(signs);
  row.reasoning = kThink;
  row.call_open = {open};
  row.call_close = {close};
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
  row.call = {{kName, {"\""}}, {kText, {"\">"}}, {kArguments}};
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
    row.call = {{kSkip, {separator}}, {kText, {separator}}, {kName, {"\n", "```"}},
                {kText, {"```json"}}, {kArguments},         {kText, {"```"}}};
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
  return row;
}

ReplyFormat glm() {
  ReplyFormat row;
  row.name = "glm";
  row.signs = {{"<arg_key>", "<tool_call>"}};
  row.reasoning = kThink;
  row.call_open = {"<tool_call>"};
  row.call_close = {"</tool_call>"};
  row.call = {{kJson}, {kName, {"\n", "<arg_key>", "</tool_call>"}}, {kArguments}};
  row.pairs = {.key_open = "<arg_key>",
               .key_close = "</arg_key>",
               .value_open = "<arg_value>",
               .value_close = "</arg_value>",
               .string_attribute = "",
               .json_attribute = ""};
  return row;
}

ReplyFormat command() {
  ReplyFormat row = json_calls("command", {{"<|START_ACTION|>"}}, {"<|START_ACTION|>"}, {"<|END_ACTION|>"});
  row.reasoning = {{"<|START_THINKING|>", "<|END_THINKING|>"}};
  row.name_keys = {"tool_name"};
  row.arguments_keys = {"parameters"};
  row.silent = {"<|START_RESPONSE|>", "<|END_RESPONSE|>", "<|START_TEXT|>", "<|END_TEXT|>"};
  return row;
}

ReplyFormat command_r() {
  ReplyFormat row =
      json_calls("command-r", {{"<|CHATBOT_TOKEN|>", "Action:", "```json"}}, {"Action:"}, {"```"});
  row.call = {{kMayText, {"```json"}}, {kJson}};
  row.name_keys = {"tool_name"};
  row.arguments_keys = {"parameters"};
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

ReplyFormat llama() {
  ReplyFormat row = json_calls("llama", {{"<|python_tag|>"}, {"<|start_header_id|>", "\"parameters\": "}},
                               {"<|python_tag|>"}, {});
  row.bare = true;
  return row;
}

ReplyFormat apriel() {
  ReplyFormat row = json_calls("apriel", {{"<tool_calls>", "Here are my reasoning steps:"}}, {"<tool_calls>"},
                               {"</tool_calls>"});
  row.reasoning = {{"Here are my reasoning steps:\n", "[BEGIN FINAL RESPONSE]"}};
  row.silent = {"<|end|>"};
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
  row.silent = {"<response>", "</response>"};
  return row;
}

ReplyFormat plain() {
  ReplyFormat row;
  row.name = "plain";
  row.reasoning = kThink;
  return row;
}

}  // namespace

const std::vector<ReplyFormat>& reply_formats() {
  static const std::vector<ReplyFormat> rows = [] {
    std::vector<ReplyFormat> out;
    out.push_back(harmony());
    out.push_back(kimi());
    out.push_back(invocations("deepseek-dsml", "\uff5cDSML\uff5c", "\uff5cDSML\uff5c",
                              {"\uff5cDSML\uff5cfunction_calls", "\uff5cDSML\uff5ctool_calls"}));
    out.push_back(deepseek("deepseek-r1", {{"tool\u2581call\u2581begin", "```json"}}, true));
    out.push_back(deepseek("deepseek-v3.1", {{"tool\u2581call\u2581begin"}}, false));
    out.push_back(invocations("minimax-m2", "<minimax:tool_call>", "", {"minimax:tool_call"}));
    out.push_back(mistral());
    out.push_back(glm());
    out.push_back(command());
    out.push_back(command_r());
    out.push_back(solar());
    out.push_back(seed_oss());
    out.push_back(granite());
    out.push_back(apriel());
    out.push_back(json_calls("tool-calls", {{"<tool_calls>", "</tool_calls>"}}, {"<tool_calls>"},
                             {"</tool_calls>"}));  // MiniMax M1, Jamba
    out.push_back(json_calls("nemotron", {{"<TOOLCALL>"}}, {"<TOOLCALL>"}, {"</TOOLCALL>"}));
    out.push_back(json_calls("firefunction", {{"functools["}}, {"functools"}, {}));
    out.push_back(
        json_calls("gigachat", {{"<|function_call|>"}}, {"<|function_call|>"}, {"<|message_sep|>"}));
    out.push_back(function_tags("hermes", {{"<tool_call>"}}, "<tool_call>", "</tool_call>"));
    out.push_back(llama());
    out.push_back(plain());
    out.push_back({.name = "none"});
    return out;
  }();
  return rows;
}

}  // namespace gantry::chat
