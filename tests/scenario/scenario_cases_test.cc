// Runs the cases of cases/*.json, each against one server that all cases of a file share. A case:
//   name, method (POST), path, json | text (the body), headers {}
//   status, header {} (shapes of header values, "$absent" for none), body (shape of a JSON body)
//   stream: {text, chunk (shape of every chunk), last (shapes of the last events but [DONE]), finish}
// The file's "server" may set api_keys, cors_origins, allowed_hosts.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>

#include <gtest/gtest.h>

#include "tests/scenario/raw_client.h"
#include "tests/scenario/shape.h"
#include "tests/scenario/stage.h"

namespace gantry::testing {
namespace {

using nlohmann::json;

std::string request_of(const json& test) {
  const std::string method = test.value("method", "POST");
  std::string body = test.contains("json") ? test["json"].dump() : test.value("text", "");
  std::string out = method + " " + test["path"].get<std::string>() + " HTTP/1.1\r\n";
  const json headers = test.value("headers", json::object());
  if (!headers.contains("host")) out += "Host: localhost\r\n";
  for (const auto& [name, value] : headers.items()) out += name + ": " + value.get<std::string>() + "\r\n";
  if (method == "POST") out += "Content-Length: " + std::to_string(body.size()) + "\r\n";
  return out + "\r\n" + body;
}

void check_headers(const json& wanted, const RawResponse& response) {
  for (const auto& [name, shape] : wanted.items()) {
    const bool there = response.headers.contains(name);
    if (shape == "$absent") {
      EXPECT_FALSE(there) << name;
      continue;
    }
    EXPECT_TRUE(there) << name;
    EXPECT_EQ(misfit(shape, json(response.header(name)), name), "");
  }
}

// As OpenAI's clients put the pieces of a stream together.
void add_parts(const json& delta, std::string& reasoning, json& calls) {
  reasoning += delta.value("reasoning_content", "");
  if (!delta.contains("tool_calls")) return;
  for (const json& piece : delta["tool_calls"]) {
    const auto index = piece["index"].get<size_t>();
    if (piece.contains("id")) {
      EXPECT_EQ(index, calls.size()) << "calls begin in their order";
      calls.push_back(piece);
      continue;
    }
    EXPECT_FALSE(piece["function"].contains("name")) << "only the first piece has a name";
    if (index >= calls.size()) {
      ADD_FAILURE() << "a piece of no call";
      continue;
    }
    json& arguments = calls[index]["function"]["arguments"];
    arguments = arguments.get<std::string>() + piece["function"]["arguments"].get<std::string>();
  }
}

void check_stream(const json& wanted, const RawResponse& response) {
  EXPECT_TRUE(response.header("content-type").starts_with("text/event-stream"));
  std::vector<std::string> events = events_of(response.body);
  ASSERT_FALSE(events.empty());
  EXPECT_EQ(events.back(), "[DONE]");
  events.pop_back();
  std::string text, reasoning, finish;
  json calls = json::array();
  std::set<std::string> ids;
  for (const std::string& event : events) {
    const json chunk = json::parse(event);
    ids.insert(chunk["id"].get<std::string>());
    if (wanted.contains("chunk")) {
      EXPECT_EQ(misfit(wanted["chunk"], chunk), "") << event;
    }
    for (const json& choice : chunk["choices"]) {
      if (choice.contains("text")) text += choice["text"].get<std::string>();
      if (choice.contains("delta") && choice["delta"].contains("content"))
        text += choice["delta"]["content"].get<std::string>();
      if (choice.contains("delta")) add_parts(choice["delta"], reasoning, calls);
      if (!choice["finish_reason"].is_null()) finish += choice["finish_reason"].get<std::string>();
    }
  }
  EXPECT_EQ(ids.size(), 1U) << "all chunks have one id";
  EXPECT_EQ(text, wanted["text"].get<std::string>());
  EXPECT_EQ(reasoning, wanted.value("reasoning", ""));
  EXPECT_EQ(misfit(wanted.value("calls", json::array()), calls), "");
  EXPECT_EQ(finish, wanted.value("finish", "stop"));
  const json last = wanted.value("last", json::array());
  ASSERT_GE(events.size(), last.size());
  for (size_t i = 0; i < last.size(); ++i) {
    const std::string& event = events[events.size() - last.size() + i];
    EXPECT_EQ(misfit(last[i], json::parse(event)), "") << event;
  }
}

// In a terminal the prompt comes on a line of its own. One line, whatever is in it.
void check_line_end(const RawResponse& response) {
  const std::string& body = response.body;
  if (body.empty()) return;  // of HEAD, OPTIONS
  EXPECT_TRUE(body.ends_with('\n')) << body;
  if (!response.header("content-type").starts_with("application/json")) return;
  EXPECT_EQ(body.find('\n'), body.size() - 1) << body;
  EXPECT_EQ(response.header("content-length"), std::to_string(body.size()));
}

void run_case(const json& test, uint16_t port) {
  SCOPED_TRACE(test["name"].get<std::string>());
  const auto response = ask(port, request_of(test));
  ASSERT_TRUE(response) << "no answer";
  EXPECT_EQ(response->status, test.value("status", 200)) << response->body;
  check_headers(test.value("header", json::object()), *response);
  check_line_end(*response);
  if (test.contains("stream")) return check_stream(test["stream"], *response);
  if (!test.contains("body")) return;
  const json body = json::parse(response->body, nullptr, false);
  ASSERT_FALSE(body.is_discarded()) << response->body;
  EXPECT_EQ(misfit(test["body"], body), "") << response->body;
}

class ScenarioFile : public ::testing::TestWithParam<std::string> {};

TEST_P(ScenarioFile, EveryCase) {
  std::ifstream in(GetParam());
  const json file = json::parse(in);
  StageOptions options;
  const json server = file.value("server", json::object());
  options.server.api_keys = server.value("api_keys", std::vector<std::string>());
  options.server.cors_origins = server.value("cors_origins", std::vector<std::string>());
  options.server.allowed_hosts = server.value("allowed_hosts", std::vector<std::string>());
  options.reply_formats = file.value("reply_formats", std::vector<std::string>());
  Stage stage(options);
  ASSERT_FALSE(file["cases"].empty());
  for (const json& test : file["cases"]) run_case(test, stage.port());
  EXPECT_TRUE(stage.at_rest());
}

std::vector<std::string> case_files() {
  std::vector<std::string> out;
  for (const auto& entry : std::filesystem::directory_iterator(GANTRY_SOURCE_DIR "/tests/scenario/cases"))
    if (entry.path().extension() == ".json") out.push_back(entry.path().string());
  std::sort(out.begin(), out.end());
  return out;
}

INSTANTIATE_TEST_SUITE_P(Cases, ScenarioFile, ::testing::ValuesIn(case_files()),
                         [](const ::testing::TestParamInfo<std::string>& file) {
                           return std::filesystem::path(file.param).stem().string();
                         });

}  // namespace
}  // namespace gantry::testing
