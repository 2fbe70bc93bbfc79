// No message can end its turn (contract T2): whatever a conversation says, its prompt has the control tokens
// that its template writes, and no others. Every template of the shared data, with every vocabulary there and
// one made of the template's own markers.
#include <algorithm>
#include <array>
#include <filesystem>
#include <iostream>
#include <optional>
#include <set>

#include <gtest/gtest.h>

#include "base/error.h"
#include "completion/prompt.h"
#include "completion/testing.h"
#include "gguf/gguf.h"
#include "tests/report.h"
#include "tests/shared_data.h"

namespace gantry::completion {
namespace {

using gantry::testing::read_bytes;
using gantry::testing::shared_path;
using testing::is_reserved;
using testing::markers_of;
using testing::reserved_of;
using tokenizer::Tokenizer;

const std::string kTemplates = "conformance/chat-templates/templates";
const std::string kVocabularies = "conformance/tokenizers/vocab";

// What stands in the harmless conversation where the hostile one has its words.
const std::string kHarmless = "some harmless words";

std::vector<std::string> files(const std::string& folder, const std::string& extension) {
  std::vector<std::string> found;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(shared_path(folder)))
    if (entry.path().extension() == extension) found.push_back(entry.path().string());
  std::sort(found.begin(), found.end());
  return found;
}

struct Vocabulary {
  std::string name;
  std::unique_ptr<Tokenizer> tokenizer;
  std::vector<std::string> words;  // that spell its reserved tokens
};

Vocabulary with_words(std::string name, std::unique_ptr<Tokenizer> tokenizer) {
  constexpr size_t kWordsMax = 24;  // of the thousands of [PAD...] that some have
  std::vector<std::string> words;
  size_t pads = 0;
  for (TokenId token = 0; token < static_cast<TokenId>(tokenizer->size()); ++token) {
    const std::string text(tokenizer->text(token));
    if (!is_reserved(*tokenizer, token) || text.empty()) continue;
    const bool pad = text.starts_with("[PAD") || text.starts_with("<|reserved_special_token_");
    if (!pad || ++pads < kWordsMax) words.push_back(text);
  }
  return {std::move(name), std::move(tokenizer), std::move(words)};
}

const std::vector<Vocabulary>& vocabularies() {
  static const auto all = [] {
    std::vector<Vocabulary> made;
    for (const std::string& path : files(kVocabularies, ".gguf")) {
      const auto file = gguf::GgufFile::open(path, {.check_tensor_data = false});
      made.push_back(with_words(std::filesystem::path(path).stem(), Tokenizer::from_gguf(file->metadata())));
    }
    return made;
  }();
  return all;
}

// A conversation that says `words` wherever a client may say something.
struct Shape {
  const char* name;
  ChatInput (*make)(const std::string& words);
};

Json called(const std::string& id, const std::string& name, const Json& arguments) {
  return {{"role", "assistant"},
          {"content", nullptr},
          {"tool_calls",
           Json::array({{{"id", id},
                         {"type", "function"},
                         {"function", Json::object({{"name", name}, {"arguments", arguments}})}}})}};
}

Json tool(const std::string& name, const std::string& words) {
  Json parameters = Json::parse(R"({"type": "object", "properties": {}, "required": []})");
  parameters["required"].push_back(words);
  parameters["properties"][words] = {
      {"type", "string"}, {"description", words}, {"enum", Json::array({words})}};
  Json function = {{"name", name}, {"description", words}};
  function["parameters"] = parameters;
  Json made = {{"type", "function"}};
  made["function"] = function;
  return made;
}

Json says(const char* role, const std::string& words) { return {{"role", role}, {"content", words}}; }

const Shape kShapes[] = {
    {"user",
     [](const std::string& words) {
       ChatInput input;
       input.messages = Json::array({says("user", words)});
       return input;
     }},
    {"turns",
     [](const std::string& words) {
       ChatInput input;
       input.messages = Json::array(
           {says("system", words), says("user", words), says("assistant", words), says("user", words)});
       return input;
     }},
    {"last",
     [](const std::string& words) {
       ChatInput input;
       input.messages = Json::array({says("user", words), says("assistant", words)});
       input.add_generation_prompt = false;
       return input;
     }},
    {"reasoning",
     [](const std::string& words) {
       ChatInput input;
       Json thought = says("assistant", words);
       thought["reasoning_content"] = words;
       input.messages = Json::array({says("user", words), thought, says("user", words)});
       return input;
     }},
    {"tools",
     [](const std::string& words) {
       ChatInput input;
       input.tools = Json::array({tool(words, words)});
       input.messages = Json::array({says("system", words), says("user", words)});
       return input;
     }},
    {"calls",
     [](const std::string& words) {
       ChatInput input;
       Json arguments = Json::object();
       arguments[words] = words;
       arguments["list"] = Json::array({words, 1, words});
       Json result = says("tool", words);
       result["tool_call_id"] = "abcdefghi";
       result["name"] = words;
       input.tools = Json::array({tool(words, words)});
       input.messages = Json::array(
           {says("user", words), called("abcdefghi", words, arguments), result, says("user", words)});
       return input;
     }},
    {"ids and text for arguments",
     [](const std::string& words) {
       ChatInput input;
       Json result = says("tool", words);
       result["tool_call_id"] = words;
       input.tools = Json::array({tool("a_long_name_of_a_tool", words)});
       input.messages = Json::array(
           {says("user", words), called(words, "a_long_name_of_a_tool", words), result, says("user", words)});
       return input;
     }},
};

// What templates take for variables, where they ask for it.
ChatInput with_kwargs(const std::string& source, const std::string& words) {
  const Json text = words;
  const Json document = {{"title", words}, {"text", words}, {"snippet", words}, {"id", words}};
  Json named = Json::object();
  named[words] = words;
  const std::pair<const char*, Json> variables[] = {{"reasoning_effort", text},
                                                    {"model_identity", text},
                                                    {"date_string", text},
                                                    {"datetime", text},
                                                    {"functions", text},
                                                    {"thinking_budget", text},
                                                    {"custom_instructions", text},
                                                    {"system_prompt", text},
                                                    {"documents", Json::array({document})},
                                                    {"builtin_tools", Json::array({words})},
                                                    {"categories", named}};
  ChatInput input;
  input.messages = Json::array({says("user", words)});
  input.template_kwargs = Json::object();
  for (const auto& [name, value] : variables)
    if (source.find(name) != std::string::npos) input.template_kwargs[name] = value;
  return input;
}

std::optional<chat::Rendered> try_render(const PromptMaker& maker, const ChatInput& input) {
  try {
    return maker.render(input);
  } catch (const Error&) {
    return std::nullopt;
  }
}

size_t count(std::string_view text, std::string_view part) {
  size_t found = 0;
  for (size_t at = text.find(part); at != text.npos; at = text.find(part, at + part.size())) ++found;
  return found;
}

struct Template {
  std::string name, source;
  std::unique_ptr<const jinja::ChatTemplate> parsed;
  PromptMaker maker(const Tokenizer& tokenizer) const { return PromptMaker({&tokenizer, parsed.get()}); }
  ChatInput input(size_t shape, const std::string& words) const {
    return shape < std::size(kShapes) ? kShapes[shape].make(words) : with_kwargs(source, words);
  }
};
constexpr size_t kShapeCount = std::size(kShapes) + 1;

const std::vector<Template>& templates() {
  static const auto all = [] {
    std::vector<Template> made;
    jinja::TemplateOptions options;
    options.mutable_containers = true;
    for (const std::string& path : files(kTemplates, ".jinja")) {
      std::string source = read_bytes(path);
      const std::string name = path.substr(shared_path(kTemplates).size() + 1);
      try {
        auto parsed = jinja::ChatTemplate::parse(source, options);
        made.push_back({name, std::move(source), std::move(parsed)});
      } catch (const jinja::TemplateError& error) {
        ADD_FAILURE() << name << ": " << error.message();
      }
    }
    return made;
  }();
  return all;
}

Vocabulary vocabulary_of(const std::set<std::string>& markers) {
  return with_words("its own markers", testing::tokenizer_of(markers));
}

// Conversations with these words in place of the harmless ones: those that came to a prompt, those of them
// whose prompt has other reserved tokens than it should have, and those for which the template wrote other
// words.
struct Tally {
  size_t tried = 0, wrong = 0, otherwise = 0;
};

// The prompt without what is given.
std::string own_text(const chat::Rendered& rendered) {
  std::string own;
  size_t at = 0;
  for (const Range& range : rendered.given) {
    own += rendered.text.substr(at, range.begin - at) + "\n";
    at = range.end;
  }
  return own + rendered.text.substr(at);
}

// The BOS that every prompt of such a vocabulary has.
std::vector<TokenId> with_bos(const Tokenizer& tokenizer, std::vector<TokenId> tokens) {
  const tokenizer::SpecialTokens& special = tokenizer.special();
  if (special.add_bos && (tokens.empty() || tokens.front() != special.bos))
    tokens.insert(tokens.begin(), special.bos);
  return tokens;
}

// One template with one vocabulary.
class Trial {
 public:
  Trial(const Template& chat, const Vocabulary& vocabulary)
      : chat_(chat), vocabulary_(vocabulary), maker_(chat.maker(*vocabulary.tokenizer)) {
    for (size_t shape = 0; shape < kShapeCount; ++shape) {
      const ChatInput input = chat.input(shape, kHarmless);
      const auto rendered = try_render(maker_, input);
      if (rendered) harmless_[shape] = {own_text(*rendered), reserved_of(tokenizer(), maker_.tokens(input))};
    }
  }

  // The template's own reserved tokens are found.
  bool has_reserved() const {
    return std::ranges::any_of(harmless_,
                               [](const auto& prompt) { return prompt && !prompt->reserved.empty(); });
  }

  void say(const std::string& words, Tally& tally) const {
    for (size_t shape = 0; shape < kShapeCount; ++shape)
      if (harmless_[shape]) say_in(shape, words, *harmless_[shape], tally);
  }

 private:
  struct Prompt {
    std::string own;
    std::vector<TokenId> reserved;
  };
  const Tokenizer& tokenizer() const { return *vocabulary_.tokenizer; }

  void say_in(size_t shape, const std::string& words, const Prompt& harmless, Tally& tally) const {
    const ChatInput input = chat_.input(shape, words);
    const auto said = try_render(maker_, input);
    if (!said || said->text.find(words) == std::string::npos) return;
    ++tally.tried;
    // A template may look for a marker in what was said, and then writes another prompt of its own.
    const std::string own = own_text(*said);
    const bool otherwise = own != harmless.own;
    tally.otherwise += otherwise ? 1u : 0u;
    const auto wanted =
        otherwise ? reserved_of(tokenizer(),
                                with_bos(tokenizer(), tokenizer().encode(own, {.parse_special = true})))
                  : harmless.reserved;
    const auto found = reserved_of(tokenizer(), maker_.tokens(input));
    tally.wrong += found == wanted ? 0u : 1u;
    EXPECT_EQ(found, wanted) << chat_.name << " with " << vocabulary_.name << ", shape " << shape << ": "
                             << words << "\n"
                             << said->text.substr(0, 2000);
  }

  const Template& chat_;
  const Vocabulary& vocabulary_;
  PromptMaker maker_;
  std::array<std::optional<Prompt>, kShapeCount> harmless_;
};

void check(const Tally& all) {
  EXPECT_GT(all.tried, 5000u);
  // Else the harmless prompts say nothing about the others.
  EXPECT_LT(all.otherwise, all.tried / 20);
  std::cout << "[ cases    ] " << all.tried << " conversations, " << all.otherwise
            << " of them made another prompt\n";
}

TEST(NoMessage, MakesAControlToken) {
  GANTRY_NEED_SHARED(kTemplates);
  GANTRY_NEED_SHARED(kVocabularies);
  Tally all;
  size_t silent = 0;
  for (const Template& chat : templates()) {
    Tally tally;
    for (const Vocabulary& vocabulary : vocabularies()) {
      std::string words;
      for (const std::string& word : vocabulary.words) words += (words.empty() ? "" : " x ") + word;
      Trial(chat, vocabulary).say(words, tally);
    }
    if (tally.tried == 0) std::cout << "[ cases    ] none for " << chat.name << "\n";
    silent += tally.tried == 0 ? 1u : 0u;
    gantry::testing::report_cases("control-tokens", chat.name, tally.tried - tally.wrong, tally.tried);
    all.tried += tally.tried;
    all.otherwise += tally.otherwise;
  }
  check(all);
  // Those that take no conversation of this kind at all.
  EXPECT_LE(silent, templates().size() / 50);
}

TEST(NoMessage, WritesAMarkerOfItsTemplate) {
  GANTRY_NEED_SHARED(kTemplates);
  Tally all;
  size_t with_markers = 0;
  for (const Template& chat : templates()) {
    std::set<std::string> markers = markers_of(chat.source);
    const Vocabulary bytes = vocabulary_of({});
    const PromptMaker maker = chat.maker(*bytes.tokenizer);
    for (size_t shape = 0; shape < kShapeCount; ++shape) {
      const auto rendered = try_render(maker, chat.input(shape, kHarmless));
      if (rendered) markers.merge(markers_of(rendered->text));
    }
    const Vocabulary own = vocabulary_of(markers);
    const Trial trial(chat, own);
    with_markers += trial.has_reserved() ? 1u : 0u;
    // One by one: a template may look for one of them.
    for (const std::string& word : own.words) trial.say(word, all);
  }
  check(all);
  EXPECT_GT(with_markers, templates().size() * 3 / 4);
}

// What a message says and what the template writes beside it may spell a control token together.
TEST(NoMessage, CompletesOneWithItsTemplate) {
  GANTRY_NEED_SHARED(kTemplates);
  size_t tried = 0;
  for (const Template& chat : templates()) {
    const Vocabulary bytes = vocabulary_of({});
    for (size_t shape = 0; shape < kShapeCount; ++shape) {
      const auto rendered = try_render(chat.maker(*bytes.tokenizer), chat.input(shape, kHarmless));
      if (!rendered) continue;
      std::set<std::string> across;
      for (const Range& range : rendered->given) {
        for (size_t reach = 1; reach <= 4; ++reach) {
          for (const size_t border : {range.begin, range.end}) {
            if (border < reach || border + reach > rendered->text.size()) continue;
            across.insert(rendered->text.substr(border - reach, 2 * reach));
            across.insert(rendered->text.substr(border - reach, reach + 1));
            across.insert(rendered->text.substr(border - 1, reach + 1));
          }
        }
      }
      const Vocabulary vocabulary = vocabulary_of(across);
      const std::vector<TokenId> tokens =
          vocabulary.tokenizer->encode(rendered->text, {.parse_special = true, .given = rendered->given});
      for (const TokenId token : tokens) {
        if (!is_reserved(*vocabulary.tokenizer, token)) continue;
        // Only where the template writes the same by itself.
        const std::string_view word = vocabulary.tokenizer->text(token);
        EXPECT_GT(count(own_text(*rendered), word), 0u) << chat.name << ", shape " << shape << ": " << word;
      }
      tried += across.size();
    }
  }
  EXPECT_GT(tried, 1000u);
}

// Where nobody spells a marker, marks change nothing.
TEST(NoMessage, IsReadOtherwiseForItsMarks) {
  GANTRY_NEED_SHARED(kTemplates);
  GANTRY_NEED_SHARED(kVocabularies);
  const std::string words =
      "Zwei  Wörter,\n\n\tein paar   Zahlen 12345 <b>fett</b> 世界 x<y && a[i] != b; // ...";
  for (const Vocabulary& vocabulary : vocabularies()) {
    for (const Template& chat : templates()) {
      const PromptMaker maker = chat.maker(*vocabulary.tokenizer);
      for (size_t shape = 0; shape < kShapeCount; ++shape) {
        const auto rendered = try_render(maker, chat.input(shape, words));
        if (!rendered) continue;
        const Tokenizer& tokenizer = *vocabulary.tokenizer;
        EXPECT_EQ(tokenizer.encode(rendered->text, {.parse_special = true, .given = rendered->given}),
                  tokenizer.encode(rendered->text, {.parse_special = true}))
            << chat.name << " with " << vocabulary.name;
      }
    }
  }
}

// All that a client says is marked: every letter of its own.
TEST(NoMessage, IsTakenForTheTemplates) {
  GANTRY_NEED_SHARED(kTemplates);
  const Vocabulary bytes = vocabulary_of({});
  const std::string letter = "ꙮ";
  size_t seen = 0;
  for (const Template& chat : templates()) {
    for (size_t shape = 0; shape < kShapeCount; ++shape) {
      const auto rendered =
          try_render(chat.maker(*bytes.tokenizer), chat.input(shape, letter + " x " + letter));
      if (!rendered) continue;
      EXPECT_EQ(count(own_text(*rendered), letter), 0u) << chat.name << ", shape " << shape << "\n"
                                                        << rendered->text;
      seen += count(rendered->text, letter);
      // And the template's words are its own: they are not all marked.
      EXPECT_FALSE(own_text(*rendered).empty()) << chat.name;
    }
  }
  EXPECT_GT(seen, templates().size() * 10);
}

}  // namespace
}  // namespace gantry::completion
