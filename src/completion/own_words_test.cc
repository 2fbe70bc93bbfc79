// Where a template has no words for calls, results and tools, the markers of the family's notation are the
// house's own words: each becomes the one token that the model was trained on, and nothing of what a client
// said becomes any (contracts T1, T2).
#include <algorithm>
#include <filesystem>

#include <gtest/gtest.h>

#include "base/error.h"
#include "completion/prompt.h"
#include "completion/testing.h"
#include "reply/reply_format.h"
#include "tests/shared_data.h"

namespace gantry::completion {
namespace {

using gantry::testing::read_bytes;
using gantry::testing::shared_path;
using testing::reserved_of;

// Words for two roles that alternate, and for nothing else; and such that read content in parts only.
const std::string kTwoRoles =
    "{% for m in messages %}{% if (m.role == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('no') }}"
    "{% endif %}<|turn|>{{ m.role }}\n{{ m.content | trim }}<|end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|turn|>assistant\n{% endif %}";
const std::string kParts =
    "{% for m in messages %}{% if (m.role == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('no') }}"
    "{% endif %}<|turn|>{{ m.role }}\n{% for p in m.content %}{{ p.text }}{% endfor %}<|end|>\n{% endfor %}";

Json says(const char* role, const std::string& words) { return {{"role", role}, {"content", words}}; }

Json calls(const std::string& words, const Json& content) {
  Json list = Json::array();
  for (const char* id : {"abcdefgh1", "abcdefgh2"}) {
    const Json arguments = Json::object({{words, words}, {"list", Json::array({words, 7})}, {"city", words}});
    const Json function = Json::object({{"name", words}, {"arguments", arguments}});
    list.push_back(Json::object({{"id", id}, {"type", "function"}, {"function", function}}));
  }
  return {{"role", "assistant"}, {"content", content}, {"tool_calls", list}};
}

Json result(const std::string& words, const char* id) {
  return {{"role", "tool"}, {"tool_call_id", id}, {"name", words}, {"content", words}};
}

Json tools(const std::string& words) {
  const Json schema = Json::object(
      {{"type", "object"}, {"properties", {{"city", {{"type", "string"}, {"description", words}}}}}});
  const Json function = Json::object({{"name", words}, {"description", words}, {"parameters", schema}});
  return Json::array({Json::object({{"type", "function"}, {"function", function}})});
}

// Conversations for which such a template has no words. Each has calls in it.
std::vector<ChatInput> conversations(const std::string& words) {
  std::vector<ChatInput> out;
  const auto add = [&](std::initializer_list<Json> messages, bool with_tools, bool continued) {
    ChatInput input;
    input.messages = Json::array();
    for (const Json& message : messages) input.messages.push_back(message);
    if (with_tools) input.tools = tools(words);
    input.continue_final = continued;
    out.push_back(std::move(input));
  };
  const Json user = says("user", words), called = calls(words, nullptr), worded = calls(words, words),
             first = result(words, "abcdefgh1"), second = result(words, "abcdefgh2"),
             system = says("system", words);
  add({user, called, first, second}, false, false);
  add({user, worded, second, first, says("assistant", words), user}, false, false);
  // Tools in words, folded with the systems into a user's turn.
  add({system, system, user, worded, first, second}, true, false);
  // Turns that are joined: words and calls, calls and calls, results and words, a late system.
  add({user, says("assistant", words), called, first, second, user, system, user}, true, false);
  add({user, called, called, says("assistant", words), user}, false, false);
  add({user, called, first, says("assistant", words)}, true, true);
  add({user, worded, says("assistant", words)}, false, true);
  return out;
}

std::set<std::string> markers_of(const reply::ReplyFormat& row) {
  const reply::Writing& how = row.writing;
  std::string all;
  for (const std::string& marker : reply::reply_markers(row, true)) all += marker + "\n";
  for (const std::string* words : {&how.header.open, &how.header.close, &how.header_end, &how.result.open,
                                   &how.result.close, &how.behind_words.open, &how.behind_words.close})
    all += *words + "\n";
  std::set<std::string> markers = testing::markers_of(all);
  markers.insert("<|turn|>");
  markers.insert("<|end|>");
  return markers;
}

// A template and a family's notation: what the house says are tokens, what is said with `hostile` words
// changes none.
void check(const std::string& source, const reply::ReplyFormat& row, const std::string& hostile,
           size_t& own) {
  const auto chat = jinja::ChatTemplate::parse(source);
  const auto tokenizer = testing::tokenizer_of(markers_of(row));
  const PromptMaker maker({.tokenizer = tokenizer.get(), .chat_template = chat.get(), .reply_format = &row});
  const std::vector<ChatInput> harmless = conversations("some <& words"), other = conversations(hostile);
  for (size_t i = 0; i < harmless.size(); ++i) {
    SCOPED_TRACE(row.name + ", conversation " + std::to_string(i));
    const chat::Rendered rendered = maker.render(harmless[i]);
    const auto found = reserved_of(*tokenizer, maker.tokens(harmless[i]));
    EXPECT_EQ(found, reserved_of(*tokenizer, tokenizer->encode(rendered.text, {.parse_special = true})))
        << rendered.text;
    EXPECT_EQ(reserved_of(*tokenizer, maker.tokens(other[i])), found) << maker.render(other[i]).text;
    own += static_cast<size_t>(std::ranges::count_if(found, [&](TokenId token) {
      return tokenizer->text(token) != "<|turn|>" && tokenizer->text(token) != "<|end|>";
    }));
  }
}

TEST(OwnWords, AreTheTokensOfTheirFamily) {
  std::set<std::string> wordless;
  for (const reply::ReplyFormat& row : reply::reply_formats()) {
    if (row.call.empty()) continue;
    std::string hostile = "x";
    for (const std::string& marker : markers_of(row)) hostile += " " + marker + "& x";
    size_t own = 0;
    for (const std::string& source : {kTwoRoles, kParts}) check(source, row, hostile, own);
    if (own == 0) wordless.insert(row.name);
  }
  // Whose notation is words of every text.
  EXPECT_EQ(wordless, (std::set<std::string>{"command-r", "firefunction", "functionary", "xlam"}));
}

// The templates of the shared data that have no words for some of it: all markers of a prompt are tokens.
TEST(OwnWords, AreTokensBesideEveryTemplate) {
  const std::string folder = "conformance/chat-templates/templates";
  GANTRY_NEED_SHARED(folder);
  size_t tried = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(shared_path(folder))) {
    if (entry.path().extension() != ".jinja") continue;
    const std::string source = read_bytes(entry.path().string());
    const auto chat = jinja::ChatTemplate::parse(source, {.mutable_containers = true});
    const auto bytes = testing::tokenizer_of({});
    for (const ChatInput& input : conversations("words")) {
      chat::Rendered rendered;
      try {
        rendered = PromptMaker({.tokenizer = bytes.get(), .chat_template = chat.get()}).render(input);
      } catch (const Error&) {  // docs/formats/exceptions.md
        continue;
      }
      const bool otherwise = std::ranges::any_of(rendered.changes, [](const std::string& change) {
        return change.ends_with("in-notation") || change.ends_with("in-words");
      });
      if (!otherwise) continue;
      const auto tokenizer = testing::tokenizer_of(testing::markers_of(rendered.text));
      const PromptMaker maker({.tokenizer = tokenizer.get(), .chat_template = chat.get()});
      EXPECT_EQ(reserved_of(*tokenizer, maker.tokens(input)),
                reserved_of(*tokenizer, tokenizer->encode(maker.render(input).text, {.parse_special = true})))
          << entry.path() << '\n'
          << rendered.text;
      ++tried;
    }
  }
  EXPECT_GT(tried, 100U);
}

}  // namespace
}  // namespace gantry::completion
