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

text::Words words_of(const ReplyFormat& format, const std::vector<Call>& calls, const Json& tools,
                     bool behind_words = false) {
  std::vector<WrittenCall> out;
  for (const Call& call : calls) out.push_back({call.name, &call.arguments, call.id});
  return write_calls(format, out, ToolTypes(tools), behind_words);
}

std::string written(const ReplyFormat& format, const std::vector<Call>& calls, const Json& tools) {
  return words_of(format, calls, tools).text();
}

const Json& tools() {
  static const Json list = Json::parse(R"([
    {"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object", "properties": {
      "city": {"type": "string"}, "days": {"type": "integer"}, "rain": {"type": "boolean"},
      "where": {"type": "object"}, "hours": {"type": "array"}, "unit": {"type": ["string", "null"]}}}}},
    {"type": "function", "function": {"name": "get_time"}}])");
  return list;
}

// Empty when the calls are read back as they were written, and the words before them.
std::string difference(const ReplyFormat& format, const std::vector<Call>& calls,
                       const std::string& words = "") {
  const std::string before = words.empty() ? "" : words + "\n";
  const std::string text = before + words_of(format, calls, tools(), !words.empty()).text();
  const Heard heard = testing::read_reply(format, {text}, true, "", tools());
  if (heard.calls.size() != calls.size()) return text + "\n" + heard.show();
  for (size_t i = 0; i < calls.size(); ++i) {
    const auto wanted = nlohmann::json::parse(calls[i].arguments.dump());
    const auto got = nlohmann::json::parse(heard.calls[i].arguments, nullptr, false);
    if (heard.calls[i].name != calls[i].name || got != wanted || !heard.calls[i].whole)
      return text + "\n" + heard.show();
  }
  return heard.content == words && heard.reasoning.empty() ? "" : text + "\n" + heard.show();
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

TEST(CallWriter, WordsMayStandBefore) {
  const Call weather{"get_weather", Json::parse(R"({"city": "Rome", "days": 2})")};
  const Call time{"get_time", Json::object()};
  for (const ReplyFormat& row : rows_with_calls())
    for (const char* words : {"Let me see.", "First {this}, then [that]:\n\n- the weather"}) {
      EXPECT_EQ(difference(row, {weather}, words), "") << row.name;
      EXPECT_EQ(difference(row, {time}, words), "") << row.name;
      EXPECT_EQ(difference(row, {weather, time, weather}, words), "") << row.name;
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
  const auto behind = [&](const char* row, size_t count = 1) {
    const std::vector<Call> calls(count, {"get_time", Json::object()});
    return words_of(*find_reply_format(row), calls, tools(), true).text();
  };
  EXPECT_EQ(behind("plain"), "<tool_call>\n{\"name\": \"get_time\", \"arguments\": {}}\n</tool_call>");
  EXPECT_EQ(behind("llama"), "<|python_tag|>{\"name\": \"get_time\", \"parameters\": {}}");
  EXPECT_EQ(behind("llama4"), "<|python_start|>{\"name\": \"get_time\", \"parameters\": {}}<|python_end|>");
  EXPECT_EQ(text("hermes", {}), "");
  // Several: those that learnt tags write a pair around each, Llama one tag before all.
  EXPECT_EQ(behind("plain", 2), behind("plain") + "\n" + behind("plain"));
  EXPECT_EQ(behind("llama", 2),
            "<|python_tag|>{\"name\": \"get_time\", \"parameters\": {}}; "
            "{\"name\": \"get_time\", \"parameters\": {}}");
  EXPECT_EQ(behind("llama4", 2),
            "<|python_start|>{\"name\": \"get_time\", \"parameters\": {}}; "
            "{\"name\": \"get_time\", \"parameters\": {}}<|python_end|>");
  EXPECT_EQ(behind("xlam", 2),
            "```json\n[{\"name\": \"get_time\", \"arguments\": {}}, "
            "{\"name\": \"get_time\", \"arguments\": {}}]\n```");
}

// The house's words of a text, and what stands between them.
std::pair<std::vector<std::string>, std::vector<std::string>> by_hands(const text::Words& words) {
  std::vector<std::string> own, given;
  size_t at = 0;
  for (const Range& range : words.owned()) {
    if (range.begin > at) given.push_back(words.text().substr(at, range.begin - at));
    own.push_back(words.text().substr(range.begin, range.size()));
    at = range.end;
  }
  if (at < words.text().size()) given.push_back(words.text().substr(at));
  return {own, given};
}

size_t count(std::string_view text, std::string_view part) {
  size_t found = 0;
  for (size_t at = text.find(part); at != text.npos; at = text.find(part, at + part.size())) ++found;
  return found;
}

// Whatever a call says, the house says the same beside it, with the family's markers in it; and nothing of
// what was given is the house's.
TEST(CallWriter, TellsWhoseEachWordIs) {
  for (const ReplyFormat& row : rows_with_calls()) {
    SCOPED_TRACE(row.name);
    const auto calls = [](const std::string& words) {
      const Json arguments =
          Json::object({{"city", words}, {"where", {{"q", words}, {"list", {words, 7, true}}}}});
      return std::vector<Call>{{words, arguments, words}, {words, arguments, words}};
    };
    const text::Words harmless = words_of(row, calls("a<b"), tools());
    const auto [own, given] = by_hands(harmless);
    std::string spoken, all;
    for (const std::string& word : own) spoken += word + "\x01";
    for (const std::string& word : given) all += word + "\x01";
    for (const std::string& marker : reply_markers(row, true))
      EXPECT_EQ(count(spoken, marker), count(harmless.text(), marker)) << marker << '\n' << harmless.text();
    EXPECT_EQ(spoken.find("a<b"), std::string::npos);
    EXPECT_NE(all.find("a<b"), std::string::npos);
    for (std::string marker : reply_markers(row, true)) {
      marker = "<" + marker;  // no JSON by itself, and no plain key
      EXPECT_EQ(by_hands(words_of(row, calls(marker), tools())).first, own) << marker;
    }
  }
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
