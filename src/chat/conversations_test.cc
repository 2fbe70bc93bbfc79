// Conversations as clients hold them, through every template of the conformance data: what they mean reaches
// the prompt, or is refused for a reason that is written down. The table in docs/formats/conversations.md is
// what this test finds; GANTRY_WRITE_DOCS=1 writes it. Whole bodies of real clients go the same way; what
// their other fields do is seen in tests/scenario.
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "chat/conversation.h"
#include "chat/messages.h"
#include "chat/tools.h"
#include "tests/shared_data.h"

namespace gantry::chat {
namespace {

using gantry::testing::read_bytes;
using gantry::testing::shared_path;

constexpr const char* kTemplates = "conformance/chat-templates/templates";
constexpr int64_t kNow = 1'741'525'507;
const std::string kDocs = std::string(GANTRY_SOURCE_DIR) + "/docs/formats/";

std::vector<Json> lines_of(const std::string& path) {
  std::vector<Json> out;
  std::istringstream in(read_bytes(path));
  for (std::string line; std::getline(in, line);)
    if (!line.empty()) out.push_back(Json::parse(line));
  return out;
}

std::vector<Json> all_cases() {
  std::vector<Json> cases = lines_of(shared_path("conformance/conversations/cases.jsonl"));
  for (Json& one : lines_of(std::string(GANTRY_SOURCE_DIR) + "/tests/conversations/bodies.jsonl"))
    cases.push_back(std::move(one));
  return cases;
}

std::vector<Json> client_bodies() {
  std::vector<Json> out;
  for (Json& one : lines_of(std::string(GANTRY_SOURCE_DIR) + "/tests/conversations/clients.jsonl"))
    if (one.contains("must_contain")) out.push_back(std::move(one));
  return out;
}

std::vector<std::string> all_templates() {
  std::vector<std::string> names;
  const std::string root = shared_path(kTemplates);
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root))
    if (entry.path().extension() == ".jinja")
      names.push_back(std::filesystem::relative(entry.path(), root).string());
  std::sort(names.begin(), names.end());
  return names;
}

std::string source_of(const std::string& name) {
  return read_bytes(shared_path(std::string(kTemplates) + "/" + name));
}

// By name. Made once: a template is asked many questions then.
const std::map<std::string, ConversationRenderer>& renderers() {
  static const auto all = [] {
    std::map<std::string, ConversationRenderer> out;
    for (const std::string& name : all_templates())
      out.emplace(name, ConversationRenderer::create(source_of(name), "<s>", "</s>").value());
    return out;
  }();
  return all;
}

// As a request's body is read.
Conversation conversation_of(const Json& body) {
  Conversation out;
  out.messages = normalise_messages(body["messages"], {.keep_developer = true});
  const bool dropped = body.contains("tool_choice") && body["tool_choice"] == "none";
  if (body.contains("tools") && !dropped) out.tools = normalise_tools(body["tools"]);
  if (body.contains("chat_template_kwargs")) out.chat_template_kwargs = body["chat_template_kwargs"];
  out.reasoning_effort = body.value("reasoning_effort", "");
  return out;
}

std::string said(const std::vector<std::string>& changes) {
  std::string out;
  for (const std::string& change : changes) out += (out.empty() ? "" : ", ") + change;
  return out;
}

// What became of the cases with one template: for each way of saying them otherwise the cases' names.
struct Row {
  size_t as_given = 0;
  std::map<std::string, std::vector<std::string>> otherwise;
  std::vector<std::string> refused;
};

void check_words(const std::string& what, const Json& one, const Rendered& got) {
  for (const Json& word : one["must_contain"])
    EXPECT_NE(got.text.find(word.get<std::string>()), std::string::npos)
        << what << " lacks " << word << " with " << said(got.changes) << ":\n"
        << got.text;
  // One template writes tools as functions in Python: what may be left out is None there.
  std::string text = got.text;
  for (const std::string_view none : {"=None", "= None", "(None,"})
    for (size_t at = text.find(none); at != std::string::npos; at = text.find(none, at))
      text.erase(at, none.size());
  for (const Json& word : one["must_not_contain"])
    EXPECT_EQ(text.find(word.get<std::string>()), std::string::npos)
        << what << " has " << word << " with " << said(got.changes) << ":\n"
        << got.text;
}

// True: that the template refuses it is written down.
bool is_exception(const std::string& exceptions, const std::string& name) {
  return exceptions.find('`' + name + '`') != std::string::npos;
}

class Conversations : public ::testing::Test {
 protected:
  void SetUp() override {
    GANTRY_NEED_SHARED("conformance/conversations/cases.jsonl");
    GANTRY_NEED_SHARED("conformance/chat-templates/golden.jsonl");
  }
};

std::string list(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& name : names) out += (out.empty() ? "" : ", ") + name;
  return out;
}

std::string row_text(const Row& row) {
  std::string text = fmt::format("| {} | ", row.as_given);
  const char* between = "";
  for (const auto& [changes, cases] : row.otherwise) {
    text += fmt::format("{}{}: *{}*", between, list(cases), changes);
    between = "; ";
  }
  return text + " | " + list(row.refused) + " |";
}

// Templates that do the same stand in one line.
std::string table_of(const std::map<std::string, Row>& rows) {
  std::map<std::string, std::vector<std::string>> same;
  for (const auto& [name, row] : rows) same[row_text(row)].push_back('`' + name + '`');
  std::map<std::string, std::string> sorted;
  for (const auto& [text, names] : same) sorted[names[0]] = "| " + list(names) + " " + text + "\n";
  std::string out = "| template | as given | said otherwise | refused |\n|---|---|---|---|\n";
  for (const auto& [name, line] : sorted) out += line;
  return out;
}

TEST_F(Conversations, ReachThePromptOfEveryTemplate) {
  const std::vector<Json> cases = all_cases();
  const std::string exceptions = read_bytes(kDocs + "exceptions.md");
  std::map<std::string, Row> rows;
  for (const auto& [name, renderer] : renderers()) {
    Row& row = rows[name];
    for (const Json& one : cases) {
      const auto kind = one["name"].get<std::string>();
      Rendered got;
      try {
        got = renderer.render(conversation_of(one["body"]), kNow);
      } catch (const Error& error) {
        row.refused.push_back(kind);
        EXPECT_TRUE(is_exception(exceptions, name)) << name << " refuses " << kind << ": " << error.what();
        continue;
      }
      check_words(name + ' ' + kind, one, got);
      if (got.changes.empty())
        ++row.as_given;
      else
        row.otherwise[said(got.changes)].push_back(kind);
    }
  }
  EXPECT_GE(rows.size(), 120U);

  const std::string path = kDocs + "conversations.md";
  const std::string docs = read_bytes(path);
  const std::string begin = "<!-- conversations_test -->\n\n", end = "\n<!-- end -->";
  const size_t from = docs.find(begin), to = docs.find(end, from);
  ASSERT_NE(to, std::string::npos);
  const std::string table = table_of(rows);
  const std::string found = docs.substr(from + begin.size(), to - from - begin.size());
  if (std::getenv("GANTRY_WRITE_DOCS") != nullptr)
    std::ofstream(path) << docs.substr(0, from + begin.size()) << table << docs.substr(to);
  else
    EXPECT_TRUE(found == table) << "GANTRY_WRITE_DOCS=1 writes the table of docs/formats/conversations.md";
}

TEST_F(Conversations, OfRealClientsReachThePromptOfEveryTemplate) {
  const std::vector<Json> bodies = client_bodies();
  const std::string exceptions = read_bytes(kDocs + "exceptions.md");
  std::set<std::string> clients;
  for (const Json& one : bodies) clients.insert(one["client"].get<std::string>());
  EXPECT_GE(clients.size(), 10U);
  for (const auto& [name, renderer] : renderers())
    for (const Json& one : bodies) {
      const std::string what =
          name + ' ' + one["client"].get<std::string>() + ' ' + one["name"].get<std::string>();
      try {
        check_words(what, one, renderer.render(conversation_of(one["body"]), kNow));
      } catch (const Error& error) {
        EXPECT_TRUE(is_exception(exceptions, name)) << what << " is refused: " << error.what();
      }
    }
}

// Strictly, nothing is said otherwise: as given, or refused.
TEST_F(Conversations, StrictlyAreAsGivenOrRefused) {
  const std::vector<Json> cases = all_cases();
  size_t refused = 0, same = 0;
  for (const auto& [name, kind] : renderers()) {
    const auto strict = ConversationRenderer::create(source_of(name), "<s>", "</s>", {.strict = true});
    for (const Json& one : cases) {
      const Conversation conversation = conversation_of(one["body"]);
      try {
        const Rendered strictly = strict->render(conversation, 0);
        EXPECT_TRUE(strictly.changes.empty());
        const Rendered kindly = kind.render(conversation, 0);
        if (kindly.changes.empty()) {
          EXPECT_EQ(kindly.text, strictly.text) << name << ' ' << one["name"];
          ++same;
        }
      } catch (const Error&) {
        ++refused;
      }
    }
  }
  EXPECT_GE(refused, 100U);
  EXPECT_GE(same, 1000U);
}

}  // namespace
}  // namespace gantry::chat
