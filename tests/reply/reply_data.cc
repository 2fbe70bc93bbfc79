#include "tests/reply/reply_data.h"

#include <algorithm>
#include <cctype>
#include <stdexcept>

#include <fmt/format.h>

namespace gantry::reply::testing {
namespace {

const std::string kArgs = R"({"location": "Paris, France", "unit": "celsius"})";
const std::vector<HeardCall> kTwo = {{"get_current_weather", kArgs}, {"get_time", "{}"}};

FamilyReply two(const char* name, const char* format, std::string text, std::string content = "",
                std::string reasoning = "", std::string prompt = "") {
  return {name, format, std::move(prompt), std::move(text), {std::move(reasoning), std::move(content), kTwo}};
}

std::string json_call(const char* name, const std::string& args, const char* key = "arguments") {
  return fmt::format(R"({{"name": "{}", "{}": {}}})", name, key, args);
}
std::string pair(const std::string& key, const std::string& value) {
  return "<parameter=" + key + ">\n" + value + "\n</parameter>\n";
}

std::vector<FamilyReply> tagged() {
  const std::string weather = json_call("get_current_weather", kArgs), time = json_call("get_time", "{}");
  const std::string hermes =
      "<tool_call>\n" + weather + "\n</tool_call>\n<tool_call>\n" + time + "\n</tool_call>";
  const std::string coder = "<tool_call>\n<function=get_current_weather>\n" +
                            pair("location", "Paris, France") + pair("unit", "celsius") +
                            "</function>\n</tool_call>\n" +
                            "<tool_call>\n<function=get_time>\n</function>\n</tool_call>";
  const std::string array = "[" + weather + ", " + time + "]";
  return {
      two("hermes", "hermes", hermes),
      two("hermes with thinking and words", "hermes",
          "<think>\nThey ask.\nSo.\n</think>\n\nLet me look.\n\n" + hermes, "Let me look.", "They ask.\nSo."),
      two("qwen coder", "hermes", coder),
      two("qwen coder opened by the prompt", "hermes", "They ask.\n</think>\n\nLook:\n\n" + coder,
          "Look:", "They ask.", "<|im_start|>assistant\n<think>\n"),
      {"code in a parameter",
       "hermes",
       "",
       "<tool_call>\n<function=python>\n" + pair("code", "print(\"<b>\")\n\n") + pair("tries", "3") +
           "</function>\n</tool_call>",
       {"", "", {{"python", R"({"code": "print(\"<b>\")\n\n", "tries": 3})"}}}},
      two("seed", "seed-oss",
          "<seed:think>Hmm.</seed:think>\n<seed:tool_call>" +
              coder.substr(11, coder.find("</tool_call>") - 11) +
              "</seed:tool_call>\n<seed:tool_call>\n<function=get_time></function></seed:tool_call>",
          "", "Hmm."),
      two("granite 4", "granite", hermes),
      two("granite 3", "granite", "<|tool_call|>" + array),
      two("granite 3.1", "granite", "<tool_call> " + array),
      {"granite 3.3 thinks",
       "granite",
       "",
       "<think>Two.</think>\n<response>It is two.</response>",
       {"Two.", "It is two.", {}}},
      two("minimax m1", "tool-calls",
          "<think>\nHm.\n</think>\nWell.\n<tool_calls>\n" + weather + "\n" + time + "\n</tool_calls>",
          "Well.", "Hm."),
      two("jamba", "tool-calls", " <tool_calls>[\n    " + weather + ",\n    " + time + "\n]</tool_calls>"),
      two("nemotron", "nemotron", "<think>\nHm.\n</think>\n\n<TOOLCALL>" + array + "</TOOLCALL>", "", "Hm."),
      two("apriel", "apriel", "Hm.\n[BEGIN FINAL RESPONSE]\nWell.\n<tool_calls>" + array + "</tool_calls>",
          "Well.", "Hm.", "<|begin_assistant|>\nHere are my reasoning steps:\n"),
      two("firefunction", "firefunction", " functools" + array),
      {"gigachat", "gigachat", "", "<|function_call|>" + weather, {"", "", {kTwo[0]}}},
  };
}

std::vector<FamilyReply> json_families() {
  const std::string weather = json_call("get_current_weather", kArgs, "parameters");
  const std::string time = json_call("get_time", "{}", "parameters");
  const std::string call = json_call("get_current_weather", kArgs);
  const std::string action = R"([
    {"tool_call_id": "0", "tool_name": "get_current_weather", "parameters": )" +
                             kArgs + R"(},
    {"tool_call_id": "1", "tool_name": "get_time", "parameters": {}}
])";
  return {
      {"llama 3", "llama", "", weather, {"", "", {kTwo[0]}}},
      two("llama 3 several", "llama", weather + "; " + time),
      two("llama 3 python tag", "llama", "<|python_tag|>" + weather + "\n" + time),
      two("llama 3 typed", "llama",
          R"(<|python_tag|>{"type": "function", )" + weather.substr(1) + "\n" + time),
      {"llama 3 words", "llama", "", "It is {\"warm\"}.\n", {"", "It is {\"warm\"}.\n", {}}},
      two("mistral nemo", "mistral",
          "[TOOL_CALLS][" + call.substr(0, call.size() - 1) + R"(, "id": "abc123def"}, )" +
              R"({"name": "get_time", "arguments": {}, "id": "abc123deg"}])"),
      two("mistral arguments", "mistral",
          "Let me see.[TOOL_CALLS]get_current_weather[ARGS]" + kArgs + "[TOOL_CALLS]get_time[ARGS]{}",
          "Let me see."),
      {"mistral ids",
       "mistral",
       "",
       "[THINK]Hm.[/THINK][TOOL_CALLS]get_time[CALL_ID]abc123def[ARGS]{}",
       {"Hm.", "", {{"get_time", "{}", true, "abc123def"}}}},
      two("command", "command",
          "<|START_THINKING|>I will look.<|END_THINKING|><|START_ACTION|>" + action + "<|END_ACTION|>", "",
          "I will look."),
      {"command answers",
       "command",
       "",
       "<|START_RESPONSE|>It is warm.<|END_RESPONSE|>",
       {"", "It is warm.", {}}},
      two("command r", "command-r", "Action: ```json\n" + action + "\n```"),
  };
}

std::vector<FamilyReply> python_families() {
  const std::string weather = "get_current_weather(location=\"Paris, France\", unit='celsius')";
  const std::string gemma = "call:get_current_weather{location:<q>Paris, France<q>,unit:<q>celsius<q>}";
  const auto quoted = [](std::string text, const std::string& quote) {
    for (size_t at = text.find("<q>"); at != std::string::npos; at = text.find("<q>"))
      text.replace(at, 3, quote);
    return text;
  };
  return {
      two("lfm2", "lfm2", "Look.<|tool_call_start|>[" + weather + ", get_time()]<|tool_call_end|>", "Look."),
      {"lfm2 values",
       "lfm2",
       "",
       "<think>Hm.</think><|tool_call_start|>[python(code='it\\'s \"b\"\\n', tries=3, more=[True, None, (1, "
       "-2.5)], deep={'a': {}, \"b c\": 1e5})]<|tool_call_end|>Done.",
       {"Hm.",
        "Done.",
        {{"python",
          R"({"code": "it's \"b\"\n", "tries": 3, "more": [true, null, [1, -2.5]], "deep": {"a": {}, "b c": 1e5}})"}}}},
      two("olmo", "olmo", "<function_calls>\n" + weather + "\nget_time()\n</function_calls>"),
      two("llama 4 python", "llama4", "<|python_start|>[" + weather + ", get_time()]<|python_end|>"),
      two("llama 3 bare python", "llama", "[" + weather + ", get_time()]"),
      two("minicpm", "minicpm",
          "<|thought_start|>\nHm.\n<|thought_end|>\n<|tool_call_start|>\n```python\n" + weather +
              "\nget_time()\n```\n<|tool_call_end|>\n",
          "", "Hm."),
      two("gemma 4", "gemma4",
          quoted("<|channel>thought\nHm.\n<channel|>Look.<|tool_call>" + gemma +
                     "<tool_call|><|tool_call>call:get_time{}<tool_call|><|tool_response>",
                 "<|\"|>"),
          "Look.", "Hm."),
      {"gemma 4 values",
       "gemma4",
       "<|turn>model\n<|channel>thought\n<channel|>",
       quoted("<|tool_call>call:python{code:<q>a \"b\" 'c' "
              "\\n\n<q>,list:[1,<q>x,y<q>,true],deep:{<q>k<q>:{n:1}}}"
              "<tool_call|>",
              "<|\"|>"),
       {"",
        "",
        {{"python", R"({"code": "a \"b\" 'c' \\n\n", "list": [1, "x,y", true], "deep": {"k": {"n": 1}}})"}}}},
      two("functiongemma", "functiongemma",
          quoted("<start_function_call>" + gemma +
                     "<end_function_call><start_function_call>call:get_time{}<end_function_call>",
                 "<escape>")),
  };
}

std::vector<FamilyReply> header_families() {
  const std::string call = json_call("get_current_weather", kArgs);
  const auto atem = [](const std::string& name, const std::string& parameters) {
    return "<atem:function_calls>\n<atem:invoke name=\"" + name + "\">\n" + parameters +
           "</atem:invoke>\n</atem:function_calls>";
  };
  return {
      two("functionary", "functionary", "all\nLook.>>>get_current_weather\n" + kArgs + ">>>get_time\n{}",
          "Look.", "", "<|end_header_id|>\n\n>>>"),
      {"functionary talks",
       "functionary",
       ">>>",
       "all\nIn Python:\n>>> print(1)\n>>>get_rest\nEnd.\n",
       {"", "In Python:\n>>> print(1)\n>>>get_rest\nEnd.\n", {}}},
      {"functionary python",
       "functionary",
       ">>>",
       "python\nprint('a')\n",
       {"", "", {{"python", R"({"code": "print('a')\n"})"}}}},
      two("glimmer", "glimmer",
          " to=self<|message|>Hm.<|eom|><|start|>assistant to=user<|message|>Look.<|eom|><|start|>assistant "
          "to=get_current_weather<|message|>" +
              atem("get_current_weather",
                   "<atem:parameter name=\"location\">Paris, "
                   "France</atem:parameter>\n<atem:parameter "
                   "name=\"unit\">celsius</atem:parameter>\n") +
              "<|eom|><|start|>assistant to=get_time<|message|>" + atem("get_time", "") + "<|eot|>",
          "Look.", "Hm.", "<|start|>assistant"),
      {"gigachat 3",
       "gigachat3",
       "assistant<|role_sep|>\n",
       "Look.<|message_sep|>\n\nfunction call<|role_sep|>\n" + call + "<|message_sep|>\n\n",
       {"", "Look.", {kTwo[0]}}},
      two("apertus", "apertus",
          "<|inner_prefix|>Hm.<|inner_suffix|><|tools_prefix|>[{\"get_current_weather\": " + kArgs +
              "}, {\"get_time\": {}}]<|tools_suffix|>",
          "", "Hm."),
      two("internlm", "internlm",
          "Look.<|action_start|><|plugin|>\n" + call + "<|action_end|>\n<|action_start|> <|plugin|>" +
              json_call("get_time", "{}", "parameters") + "<|action_end|>",
          "Look."),
      two("phi", "phi", "<|tool_call|>[" + call + ", " + json_call("get_time", "{}") + "]<|/tool_call|>"),
      two("function tags", "function-tags",
          "Look.<function=get_current_weather>" + kArgs + "</function><function=get_time>{}</function>",
          "Look."),
      two("hunyuan", "hunyuan",
          "<think>\nHm.\n</think>\n<answer>\nLook.<tool_calls>[" + call + ", " + json_call("get_time", "{}") +
              "]</tool_calls>\n</answer>",
          "Look.", "Hm."),
      {"ernie",
       "ernie",
       "",
       "<think>\nHm.\n</think>\n\n<response>\nIt is warm.\n</response>\n",
       {"Hm.", "It is warm.", {}}},
      two("ernie calls", "ernie",
          "<tool_call>\n" + call + "\n</tool_call>\n<tool_call>\n" + json_call("get_time", "{}") +
              "\n</tool_call>\n"),
      two("longcat", "longcat",
          "<longcat_think>Hm.</longcat_think><longcat_tool_call>get_current_weather\n"
          "<longcat_arg_key>location</longcat_arg_key>\n<longcat_arg_value>Paris, "
          "France</longcat_arg_value>\n<longcat_arg_key>unit</longcat_arg_key>\n"
          "<longcat_arg_value>celsius</longcat_arg_value>\n</longcat_tool_call>\n"
          "<longcat_tool_call>get_time\n</longcat_tool_call>",
          "", "Hm."),
      two("no markers", "plain", "[" + call + ", " + json_call("get_time", "{}") + "]"),
  };
}

std::vector<FamilyReply> token_families() {
  const auto kimi = [](const char* name, const std::string& args) {
    return fmt::format("<|tool_call_begin|>functions.{}<|tool_call_argument_begin|>{}<|tool_call_end|>", name,
                       args);
  };
  const std::string begin = "<｜tool▁call▁begin｜>", sep = "<｜tool▁sep｜>", end = "<｜tool▁call▁end｜>";
  const auto section = [](const std::string& calls) {
    return "<｜tool▁calls▁begin｜>" + calls + "<｜tool▁calls▁end｜>";
  };
  const auto fenced = [&](const std::string& name, const std::string& args) {
    return begin + "function" + sep + name + "\n```json\n" + args + "\n```" + end;
  };
  const auto dsml = [](const std::string& section_name) {
    return "\n\n<｜DSML｜" + section_name +
           ">\n<｜DSML｜invoke name=\"get_current_weather\">\n"
           "<｜DSML｜parameter name=\"location\" string=\"true\">Paris, France</｜DSML｜parameter>\n"
           "<｜DSML｜parameter name=\"unit\" string=\"true\">celsius</｜DSML｜parameter>\n</｜DSML｜invoke>\n"
           "<｜DSML｜invoke name=\"get_time\">\n</｜DSML｜invoke>\n</｜DSML｜" +
           section_name + ">";
  };
  FamilyReply kimis =
      two("kimi", "kimi",
          "Hm.</think>Look.<|tool_calls_section_begin|>" + kimi("get_current_weather:0", kArgs) +
              kimi("get_time:1", "{}") + "<|tool_calls_section_end|>",
          "Look.", "Hm.", "<think>");
  kimis.heard.calls[0].id = "functions.get_current_weather:0";
  kimis.heard.calls[1].id = "functions.get_time:1";
  return {
      kimis,
      two("deepseek r1", "deepseek-r1",
          "Hm.\n</think>\n\n" +
              section(fenced("get_current_weather", kArgs) + "\n" + fenced("get_time", "{}")),
          "", "Hm.", "<think>\n"),
      two("deepseek v3.1", "deepseek-v3.1",
          "Look." + section(begin + "get_current_weather" + sep + kArgs + end + begin + "get_time" + sep +
                            "{}" + end),
          "Look."),
      two("deepseek v3.1 without a section", "deepseek-v3.1",
          begin + "get_current_weather" + sep + kArgs + end + begin + "get_time" + sep + "{}" + end),
      two("deepseek v3.2", "deepseek-dsml", "Hm.</think>Look." + dsml("function_calls"), "Look.", "Hm.",
          "<think>"),
      two("deepseek v4", "deepseek-dsml", dsml("tool_calls")),
      {"deepseek v3.2 json values",
       "deepseek-dsml",
       "",
       "<｜DSML｜function_calls><｜DSML｜invoke name=\"f\"><｜DSML｜parameter name=\"n\" "
       "string=\"false\">[1, 2]"
       "</｜DSML｜parameter><｜DSML｜parameter name=\"s\" "
       "string=\"true\">12</｜DSML｜parameter></｜DSML｜invoke></｜DSML｜function_calls>",
       {"", "", {{"f", R"({"n": [1, 2], "s": "12"})"}}}},
      two("minimax m2", "minimax-m2",
          "Hm.\n</think>\n\n<minimax:tool_call>\n<invoke name=\"get_current_weather\">\n<parameter "
          "name=\"location\">Paris, France</parameter>\n"
          "<parameter name=\"unit\">celsius</parameter>\n</invoke>\n<invoke "
          "name=\"get_time\">\n</invoke>\n</minimax:tool_call>",
          "", "Hm.", "]~b]ai\n<think>\n"),
      two("glm 4.6", "glm",
          "\n<think>Hm.</think>\nLook.\n<tool_call>get_current_weather\n<arg_key>location</"
          "arg_key>\n<arg_value>Paris, France</arg_value>\n"
          "<arg_key>unit</arg_key>\n<arg_value>celsius</arg_value>\n</tool_call>\n<tool_call>get_time\n</"
          "tool_call>",
          "Look.", "Hm."),
      two("glm 4.7", "glm",
          "Hm.</think><tool_call>get_current_weather<arg_key>location</arg_key><arg_value>Paris, "
          "France</arg_value>"
          "<arg_key>unit</arg_key><arg_value>celsius</arg_value></tool_call><tool_call>get_time</tool_call>",
          "", "Hm.", "<|assistant|><think>"),
  };
}

// Families whose tags are their own.
std::vector<FamilyReply> tag_families() {
  const auto k3 = [](const std::string& name, const std::string& arguments) {
    return "<|open|>call tool=\"" + name + "\" index=\"1\"<|sep|>" + arguments + "<|close|>call<|sep|>";
  };
  const auto k3_argument = [](const std::string& key, const std::string& value) {
    return "<|open|>argument key=\"" + key + "\" type=\"string\"<|sep|>" + value + "<|close|>argument<|sep|>";
  };
  const auto step = [](const std::string& name, const std::string& parameters) {
    return "<｜tool_call_begin｜>function<｜tool_sep｜>" + name + "\n<steptml:invoke name=\"" + name + "\">" +
           parameters + "</steptml:invoke><｜tool_call_end｜>";
  };
  const auto list = "[" + json_call("get_current_weather", kArgs) + ", " + json_call("get_time", "{}") + "]";
  return {
      two("kimi k3", "kimi-k3",
          "Hm.<|close|>think<|sep|><|open|>response<|sep|>Look.<|close|>response<|sep|><|open|>tools<|sep|>" +
              k3("get_current_weather",
                 k3_argument("location", "Paris, France") + k3_argument("unit", "celsius")) +
              k3("get_time", "") + "<|close|>tools<|sep|><|close|>message<|sep|>",
          "Look.", "Hm.", "<|open|>think<|sep|>"),
      two("step 3", "step3",
          "Look.\n<｜tool_calls_begin｜>" +
              step("get_current_weather",
                   "<steptml:parameter name=\"location\">Paris, "
                   "France</steptml:parameter>\n<steptml:parameter "
                   "name=\"unit\">celsius</steptml:parameter>") +
              "<｜tool_sep｜>" + step("get_time", "") + "<｜tool_calls_end｜>",
          "Look."),
      two("minicpm 5", "minicpm5",
          "Hm.</think>Look.<function name=\"get_current_weather\"><param name=\"location\">Paris, "
          "France</param>"
          "<param name=\"unit\"><![CDATA[celsius]]></param></function>\n<function "
          "name=\"get_time\"></function>",
          "Look.", "Hm.", "<think>\n"),
      two("xlam", "xlam", list),
      two("xlam in a fence", "xlam", "Look.\n```json\n" + list + "\n```\n", "Look."),
      two("qwen coder without its first tag", "hermes",
          "Look.\n<function=get_current_weather>\n" + pair("location", "Paris, France") +
              pair("unit", "celsius") +
              "</function>\n</tool_call>\n<tool_call>\n<function=get_time>\n</function>\n</tool_call>",
          "Look."),
      two("granite 3.2", "granite",
          "Here is my thought process: Hm.\n\nHere is my response: Look. <tool_call>" + list, "Look.", "Hm."),
  };
}

std::vector<FamilyReply> channel_families() {
  return {
      two("harmony", "harmony",
          "<|channel|>analysis<|message|>They "
          "ask.<|end|><|start|>assistant<|channel|>commentary<|message|>Look.<|end|>"
          "<|start|>assistant<|channel|>commentary to=functions.get_current_weather "
          "<|constrain|>json<|message|>" +
              kArgs +
              "<|call|><|start|>assistant to=functions.get_time<|channel|>commentary json<|message|>{}",
          "Look.", "They ask."),
      {"harmony answers",
       "harmony",
       "<|start|>assistant",
       "<|channel|>analysis<|message|>Easy.<|end|><|start|>assistant<|channel|>final<|message|>It is "
       "<b>warm</b>.\n",
       {"Easy.", "It is <b>warm</b>.\n", {}}},
      {"harmony without channels", "harmony", "", "It is warm.", {"", "It is warm.", {}}},
      {"solar",
       "solar",
       "",
       "<|think|>Hm.<|end|><|begin|>assistant<|tool_calls|><|tool_call:begin|>abc123def<|tool_call:name|>get_"
       "time<|tool_call:args|>{}<|tool_call:end|><|calls|>",
       {"Hm.", "", {{"get_time", "{}", true, "abc123def"}}}},
      {"solar answers",
       "solar",
       "",
       "<|think|>Hm.<|end|><|begin|>assistant<|content|>It is warm.",
       {"Hm.", "It is warm.", {}}},
  };
}

}  // namespace

const std::vector<FamilyReply>& family_replies() {
  static const std::vector<FamilyReply> all = [] {
    std::vector<FamilyReply> out = tagged();
    for (const auto& more : {json_families(), python_families(), header_families(), token_families(),
                             tag_families(), channel_families()})
      out.insert(out.end(), more.begin(), more.end());
    return out;
  }();
  return all;
}

const Json& test_tools() {
  static const Json tools = Json::parse(R"([
    {"type": "function", "function": {"name": "get_current_weather", "parameters": {"type": "object",
      "properties": {"location": {"type": "string"}, "unit": {"type": "string"}}}}},
    {"type": "function", "function": {"name": "get_time"}},
    {"type": "function", "function": {"name": "python", "parameters": {"type": "object",
      "properties": {"code": {"type": "string"}, "tries": {"type": "integer"}}}}}])");
  return tools;
}

std::string Heard::show() const {
  std::string out = fmt::format("reasoning '{}' content '{}'", reasoning, content);
  for (const HeardCall& call : calls)
    out += fmt::format(" call {} '{}' {}{}", call.name, call.id, call.arguments, call.whole ? "" : " (cut)");
  return out;
}

namespace {

void must(bool holds, const char* what) {
  if (!holds) throw std::logic_error(what);
}

void hear(const std::vector<ReplyEvent>& events, Heard& heard, bool& open) {
  for (const ReplyEvent& event : events) {
    switch (event.kind) {
      case ReplyKind::kContent:
        heard.content += event.text;
        break;
      case ReplyKind::kReasoning:
        heard.reasoning += event.text;
        break;
      case ReplyKind::kCallBegin:
        must(!open && event.call == heard.calls.size() && !event.text.empty(), "a call begins out of order");
        heard.calls.push_back({event.text, "", false, event.id});
        open = true;
        break;
      case ReplyKind::kArguments:
        must(open && event.call + 1 == heard.calls.size(), "arguments of no call");
        heard.calls.back().arguments += event.text;
        break;
      case ReplyKind::kCallEnd:
        must(open, "an end of no call");
        heard.calls.back().whole = event.whole;
        open = false;
        break;
    }
    must(event.kind == ReplyKind::kCallEnd || !event.text.empty(), "an empty event");
  }
}

template <typename Use>
void each_word(std::string_view text, Use use) {
  const auto is_letter = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0; };
  for (size_t at = 0; at < text.size(); ++at) {
    if (!is_letter(text[at])) continue;
    const size_t from = at;
    while (at < text.size() && is_letter(text[at])) ++at;
    use(text.substr(from, at - from));
  }
}

}  // namespace

Heard read_reply(const ReplyFormat& format, const std::vector<std::string>& pieces, bool tools,
                 std::string_view prompt, const Json& tool_list) {
  ReplyReader reader(format, {.tools = tools, .tool_list = tools ? tool_list : Json(), .prompt = prompt});
  Heard heard;
  bool open = false;
  for (const std::string& piece : pieces) hear(reader.push(piece), heard, open);
  hear(reader.finish(), heard, open);
  must(!open, "a call without an end");
  must(reader.calls() == heard.calls.size(), "calls counted wrongly");
  return heard;
}

std::string missing_word(std::string_view text, const Heard& heard) {
  static const std::string known = [] {
    std::string out =
        "arguments parameters assistant analysis commentary json name function tool_name tool_call_id type "
        "string true false index functions final abc123def abc123deg";
    for (const ReplyFormat& format : reply_formats()) {
      for (const std::string& marker : reply_markers(format, true)) out += ' ' + marker;
      for (const std::string& marker : format.silent) out += ' ' + marker;
      for (const CallStep& step : format.call)
        for (const std::string& word : step.texts) out += " " + word;
    }
    return out;
  }();
  const std::string all = heard.show();
  std::string missing;
  each_word(text, [&](std::string_view word) {
    if (missing.empty() && word.size() >= 5 && all.find(word) == std::string::npos &&
        known.find(word) == std::string::npos)
      missing = word;
  });
  return missing;
}

}  // namespace gantry::reply::testing
