#include "reply/call_writer.h"

#include <random>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/reply/reply_data.h"

namespace gantry::reply {
namespace {

using testing::Heard;

struct Call {
  std::string name;
  Json arguments;
  std::string id = {};
};

std::string written(const ReplyFormat& format, const std::vector<Call>& calls, const Json& tools) {
  std::vector<WrittenCall> out;
  for (const Call& call : calls) out.push_back({call.name, &call.arguments, call.id});
  return write_calls(format, out, ToolTypes(tools));
}

const Json& tools() {
  static const Json list = Json::parse(R"([
    {"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object", "properties": {
      "city": {"type": "string"}, "days": {"type": "integer"}, "rain": {"type": "boolean"},
      "where": {"type": "object"}, "hours": {"type": "array"}, "unit": {"type": ["string", "null"]}}}}},
    {"type": "function", "function": {"name": "get_time"}}])");
  return list;
}

// Empty when the calls are read back as they were written.
std::string difference(const ReplyFormat& format, const std::vector<Call>& calls) {
  const std::string text = written(format, calls, tools());
  const Heard heard = testing::read_reply(format, {text}, true, "", tools());
  if (heard.calls.size() != calls.size()) return text + "\n" + heard.show();
  for (size_t i = 0; i < calls.size(); ++i) {
    const auto wanted = nlohmann::json::parse(calls[i].arguments.dump());
    const auto got = nlohmann::json::parse(heard.calls[i].arguments, nullptr, false);
    if (heard.calls[i].name != calls[i].name || got != wanted || !heard.calls[i].whole)
      return text + "\n" + heard.show();
  }
  return heard.content.empty() && heard.reasoning.empty() ? "" : text + "\n" + heard.show();
}

std::vector<ReplyFormat> rows_with_calls() {
  std::vector<ReplyFormat> rows;
  for (const ReplyFormat& row : reply_formats())
    if (!row.call.empty()) rows.push_back(row);
  return rows;
}

TEST(CallWriter, EveryRowReadsBackWhatItWrites) {
  const std::vector<Json> arguments = {
      Json::parse(R"({"city": "Paris, France"})"),
      Json::parse(R"({"city": "Köln \"am\" Rhein\nin the west", "days": 3})"),
      Json::parse(R"({"days": -2, "rain": true, "city": "a=b, (c) [d] {e}"})"),
      Json::parse(R"({"where": {"lat": 1.5, "name": "x", "deep": {"list": [1, null, false]}}})"),
      Json::parse(R"({"hours": [1, 2, 3], "unit": "celsius", "rain": false})"),
      Json::parse(R"({"unit": null, "city": "it's"})"),
      Json::parse(R"({"other": "7", "more": [], "none": {}})")};
  for (const ReplyFormat& row : rows_with_calls()) {
    SCOPED_TRACE(row.name);
    EXPECT_EQ(difference(row, {{"get_time", Json::object()}}), "");
    for (const Json& one : arguments) {
      EXPECT_EQ(difference(row, {{"get_weather", one}}), "");
      EXPECT_EQ(difference(row, {{"get_weather", one}, {"get_time", Json::object()}, {"get_weather", one}}),
                "");
    }
  }
}

TEST(CallWriter, RandomArgumentsComeBack) {
  std::mt19937 random(7);
  const auto pick = [&](uint32_t n) { return static_cast<uint32_t>(random() % n); };
  const auto word = [&] {
    static const char* const kWords[] = {"Paris", "two words", "x = 1", "A\nB", "naïve ☃",
                                         "50%",   "a/b",       "q?",    "-"};
    return std::string(kWords[pick(std::size(kWords))]);
  };
  for (int round = 0; round < 200; ++round) {
    Json arguments = Json::object();
    if (pick(2) == 0) arguments["city"] = word();
    if (pick(2) == 0) arguments["days"] = static_cast<int64_t>(pick(100)) - 50;
    if (pick(2) == 0) arguments["rain"] = pick(2) == 0;
    if (pick(2) == 0) arguments["where"] = {{"name", word()}, {"at", {1.25, 2.5}}};
    if (pick(2) == 0) arguments["hours"] = {word(), word()};
    for (const ReplyFormat& row : rows_with_calls())
      EXPECT_EQ(difference(row, {{"get_weather", arguments}}), "") << row.name;
  }
}

TEST(CallWriter, EachFamilyInItsOwnWords) {
  const auto text = [&](const char* row, const std::vector<Call>& calls) {
    return written(*find_reply_format(row), calls, tools());
  };
  const std::vector<Call> one = {{"get_weather", Json::parse(R"({"city": "Rome", "days": 2})"), "abc123def"}};
  const std::vector<Call> two = {one[0], {"get_time", Json::object(), "abc123deg"}};
  const std::string json = R"({"name": "get_weather", "arguments": {"city": "Rome", "days": 2}})";
  EXPECT_EQ(text("hermes", one), "<tool_call>\n" + json + "\n</tool_call>");
  EXPECT_EQ(text("lfm2", two),
            "<|tool_call_start|>[get_weather(city=\"Rome\", days=2), get_time()]<|tool_call_end|>");
  EXPECT_EQ(text("granite", one), "<|tool_call|>[" + json + "]</tool_call>");
  EXPECT_EQ(text("plain", one), json);
  EXPECT_EQ(text("llama", two),
            "{\"name\": \"get_weather\", \"parameters\": {\"city\": \"Rome\", \"days\": 2}}; "
            "{\"name\": \"get_time\", \"parameters\": {}}");
  EXPECT_EQ(text("mistral", one),
            "[TOOL_CALLS][" + json.substr(0, json.size() - 1) + R"(, "id": "abc123def"}])");
  EXPECT_EQ(text("kimi", one),
            "<|tool_calls_section_begin|><|tool_call_begin|>functions.get_weather:0"
            "<|tool_call_argument_begin|>{\"city\": \"Rome\", \"days\": 2}<|tool_call_end|>"
            "<|tool_calls_section_end|>");
  EXPECT_EQ(text("gemma4", one), "<|tool_call>call:get_weather{city:<|\"|>Rome<|\"|>,days:2}<tool_call|>");
  EXPECT_EQ(text("none", one), "");
  EXPECT_EQ(text("hermes", {}), "");
}

// Without a schema a text that says JSON would be read as that.
TEST(CallWriter, TextThatLooksLikeAnotherValueStaysText) {
  for (const char* text : {"7", "true", "[1]", "{\"a\": 1}", "None", "\"x\""})
    for (const ReplyFormat& row : rows_with_calls())
      EXPECT_EQ(difference(row, {{"get_time", Json::object({{"what", text}})}}), "")
          << row.name << ' ' << text;
}

}  // namespace
}  // namespace gantry::reply
