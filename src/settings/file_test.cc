#include "settings/file.h"

#include <gtest/gtest.h>

namespace gantry::settings {
namespace {

SettingsFile read(std::string_view text) { return read_settings_file(text, "g.toml"); }

Error refused(std::string_view text, ErrorCode code = ErrorCode::kUsage) {
  try {
    read(text);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), code);
    return error;
  }
  ADD_FAILURE() << "accepted: " << text;
  return {code, "", ""};
}

template <typename T>
T got(const Values& values, Id id) {
  T out{};
  values.take(id, out);
  return out;
}

TEST(File, SaysServerAndModels) {
  const SettingsFile file = read(R"(
# of this house
[server]
port = 9000
api_key = ["k1", "k2"]
drain = "2min"
body_max = "1MiB"

[model_defaults]
kv_type = "q8_0"
context = 4096

[[model]]
name = "small"
path = "a.gguf"

[[model]]
path = "b.gguf"
context = 8192
prefix_cache = false
)");
  EXPECT_EQ(got<uint16_t>(file.server, Id::kPort), 9000);
  EXPECT_EQ(got<std::vector<std::string>>(file.server, Id::kApiKey), (std::vector<std::string>{"k1", "k2"}));
  EXPECT_EQ(got<std::chrono::milliseconds>(file.server, Id::kDrain).count(), 120'000);
  EXPECT_EQ(got<uint64_t>(file.server, Id::kBodyMax), 1u << 20);
  EXPECT_EQ(file.server.find(Id::kPort)->place, "g.toml:4: port");
  EXPECT_EQ(file.server.find(Id::kPort)->source, Source::kFile);
  ASSERT_EQ(file.models.size(), 2u);
  EXPECT_EQ(got<std::string>(file.models[0], Id::kAlias), "small");
  EXPECT_EQ(got<std::string>(file.models[0], Id::kModel), "a.gguf");
  EXPECT_EQ(got<uint32_t>(file.models[0], Id::kContext), 4096u);
  EXPECT_EQ(file.models[0].find(Id::kContext)->place, "g.toml:11: context");
  EXPECT_EQ(got<uint32_t>(file.models[1], Id::kContext), 8192u);
  EXPECT_EQ(got<std::string>(file.models[1], Id::kKvType), "q8_0");
  EXPECT_EQ(file.models[1].find(Id::kPrefixCache)->value, Value(false));
  EXPECT_EQ(got<uint32_t>(file.model_defaults, Id::kContext), 4096u);
}

TEST(File, MaySayNothing) {
  for (const char* text : {"", "\n", "# x\n", "[server]\n", "[server]\n[model_defaults]\n", "model = []\n"}) {
    const SettingsFile file = read(text);
    EXPECT_TRUE(file.models.empty());
    EXPECT_FALSE(file.server.given(Id::kPort));
  }
}

TEST(File, RefusesByTheLine) {
  struct Case {
    const char* text;
    const char *where, *what, *mend;
  };
  for (const Case& c : std::initializer_list<Case>{
           {"[server]\nprot = 1\n", "g.toml:2", "there is no key 'prot' here", "did you mean port?"},
           {"[server]\nxyzzy = 1\n", "g.toml:2", "there is no key 'xyzzy' here", "there are: host, port"},
           {"port = 1\n", "g.toml:1", "there is no key 'port' here",
            "there are: server, model_defaults, model"},
           {"[sever]\n", "g.toml:1", "there is no key 'sever' here", "did you mean server?"},
           {"[server]\ncontext = 1\n", "g.toml:2", "there is no key 'context' here",
            "it belongs to [[model]]"},
           {"[[model]]\npath = 'a'\nport = 1\n", "g.toml:3", "there is no key 'port' here",
            "it belongs to [server]"},
           {"[model_defaults]\npath = 'a'\n", "g.toml:2", "there is no key 'path' here",
            "it belongs to [[model]]"},
           {"[[model]]\npath = 'a'\ntemperature = 1\n", "g.toml:3", "there is no key 'temperature' here",
            "a request sets it"},
           {"[server]\nport = '80'\n", "g.toml:2: port", "this is a text, not a whole number from 0 to 65535",
            ""},
           {"[server]\n\nport = 65536\n", "g.toml:3: port", "'65536' is not a whole number from 0 to 65535",
            ""},
           {"[server]\nport = 1979-05-27\n", "g.toml:2: port", "no setting is a table or a date", ""},
           {"[server]\napi_key = ['a', 1]\n", "g.toml:2: api_key", "only texts stand in a list", ""},
           {"[server]\napi_key = []\n", "g.toml:2: api_key", "a value is missing", ""},
           {"[server.port]\nx = 1\n", "g.toml:1: port", "no setting is a table or a date", ""},
           {"server = 1\n", "g.toml:1: server", "this is a table", "write it as [server]"},
           {"[model]\npath = 'a'\n", "g.toml:1: model", "there may be several models",
            "write each as [[model]]"},
           {"\n[[model]]\nname = 'a'\n", "g.toml:2: model", "a model without a path", "path = "},
           {"[server]\nport = 1\nport = 2\n", "g.toml:3", "", ""},
           {"[server\n", "g.toml:1", "", ""},
           {"x = \"\xff\"\n", "g.toml:1", "", ""}}) {
    const Error error = refused(c.text);
    EXPECT_EQ(error.where(), c.where) << c.text;
    EXPECT_TRUE(error.message().starts_with(c.what)) << c.text << error.message();
    EXPECT_TRUE(error.mend().starts_with(c.mend)) << c.text << error.mend();
  }
}

TEST(File, IsBounded) {
  read("#" + std::string(kFileBytesMax - 1, 'x'));
  refused("#" + std::string(kFileBytesMax, 'x'), ErrorCode::kTooLarge);
  std::string models;
  for (size_t i = 0; i < kFileModelsMax; ++i) models += "[[model]]\npath = 'a'\n";
  EXPECT_EQ(read(models).models.size(), kFileModelsMax);
  refused(models + "[[model]]\npath = 'a'\n", ErrorCode::kTooLarge);
  const auto nested = [](size_t depth) { return "x = " + std::string(depth, '[') + std::string(depth, ']'); };
  refused(nested(kTomlDepthMax));  // refused for its key alone
  refused(nested(kTomlDepthMax + 1), ErrorCode::kTooLarge);
  refused(nested(kFileBytesMax / 2 - 8), ErrorCode::kTooLarge);
}

TEST(File, KeysHaveFewParts) {
  const auto dotted = [](const std::string& part, size_t dots) {
    std::string key = part;
    for (size_t i = 0; i < dots; ++i) key += (i % 2 == 0 ? "." : " . ") + part;
    return key;
  };
  for (const std::string part : {"a", "'a'", "\"a.\""}) {
    for (const auto& [head, tail] :
         {std::pair{"", " = 1"}, {"[", "]"}, {"[[", "]]"}, {"x = { y = 1, ", " = 1 }"}}) {
      const auto text = [&](size_t dots) { return "\n" + (head + dotted(part, dots) + tail); };
      refused(text(kTomlDepthMax));  // for other reasons
      const Error error = refused(text(kTomlDepthMax + 1), ErrorCode::kTooLarge);
      EXPECT_EQ(error.where(), "g.toml:2") << text(1);
      EXPECT_EQ(error.message(), "a key of more than 33 parts");
      EXPECT_FALSE(error.mend().empty());
      refused(text(kFileBytesMax / (part.size() + 3)), ErrorCode::kTooLarge);
    }
  }
}

TEST(File, DotsThatAreNoKeysAreNotCounted) {
  const std::string dots(100, '.');
  EXPECT_EQ(got<std::string>(read("[server]\nhost = '" + dots + "' # " + dots + "\n").server, Id::kHost),
            dots);
  EXPECT_TRUE(refused("'" + dots + "' = 1\n").message().starts_with("there is no key"));
  std::string numbers = "x = [0.5";
  for (int i = 0; i < 100; ++i) numbers += ", 0.5";
  EXPECT_TRUE(refused(numbers + "]\n").message().starts_with("there is no key"));
}

TEST(File, PathsBeginInTheFolderOfTheFile) {
  const char* text = "[[model]]\npath = 'a.gguf'\nchat_template = '/b.jinja'\n";
  const SettingsFile file = read_settings_file(text, "/etc/gantry/g.toml");
  EXPECT_EQ(got<std::string>(file.models.at(0), Id::kModel), "/etc/gantry/a.gguf");
  EXPECT_EQ(got<std::string>(file.models.at(0), Id::kChatTemplate), "/b.jinja");
}

TEST(File, ControlCharactersAreRefusedBeforeTheParserSeesThem) {
  using namespace std::string_view_literals;
  for (const std::string_view text : {"\n[\0]"sv, "\nx = '\x7f'"sv, "\n# \x1b"sv}) {
    const Error error = refused(text);
    EXPECT_EQ(error.where(), "g.toml:2");
    EXPECT_TRUE(error.message().starts_with("a control character"));
  }
  EXPECT_TRUE(read("[server]\r\n\t# x\r\n").models.empty());
}

TEST(File, LettersBeyondAsciiStandInCommentsAndEscapes) {
  const SettingsFile file = read(
      "\xef\xbb\xbf# \u00fc\n[server]\nhost = \"\\u00fc\\\"\"  # \u0410\n"
      "api_key = ['a#b', '''c\n'd''''', \"\"\"e\\\"\"f\"\"\"]\nport = 1\n");
  EXPECT_EQ(got<std::string>(file.server, Id::kHost), "\u00fc\"");
  EXPECT_EQ(got<std::vector<std::string>>(file.server, Id::kApiKey),
            (std::vector<std::string>{"a#b", "c\n'd''", "e\"\"f"}));
  EXPECT_EQ(got<uint16_t>(file.server, Id::kPort), 1);
  for (const char* text :
       {"[server]\n\u0410 = 1\n", "[server]\nport =\u0410\n", "[server]\nhost = ''\u0410\n",
        "[server]\nport = 1['\u0410'\n", "[server]\nhost = '\u0410'\n"})
    EXPECT_EQ(refused(text).where(), "g.toml:2") << text;
}

TEST(File, WhatTheParserAssertsIsARefusal) {
  for (const char* text : {"[!x]\n", "[}", "[ =]", "[server]\n[[,]]\n"})
    EXPECT_EQ(refused(text).where().find("g.toml"), 0u) << text;
}

// A secret of the file is in no text.
TEST(File, ASecretOfAWrongKindIsNotRepeated) {
  const Error error = refused("[server]\napi_key = 4711\n");
  EXPECT_EQ(std::string(error.what()).find("4711"), std::string::npos);
}

}  // namespace
}  // namespace gantry::settings
