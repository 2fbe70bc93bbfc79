// Which bytes of a rendering were given. Every filter and method keeps the marks of what it is given, or
// marks more: what it leaves unmarked says the same whatever the given texts say.
#include <algorithm>
#include <regex>
#include <set>
#include <span>

#include <gtest/gtest.h>

#include "jinja/filters.h"
#include "jinja/methods.h"
#include "jinja/text.h"

namespace gantry::jinja {
namespace {

constexpr int64_t kNow = 1741525507;
const HouseWords kHouse{.variables = {"o"}, .members = {}, .words = {}};

// What is given stands in ⟨⟩.
std::string shown(const Rendering& rendering) {
  std::string out;
  size_t at = 0;
  for (const Range& range : rendering.given) {
    out += rendering.text.substr(at, range.begin - at) + "⟨" +
           rendering.text.substr(range.begin, range.size()) + "⟩";
    at = range.end;
  }
  return out + rendering.text.substr(at);
}

// g, h and everything in d are given; o is the house's own.
std::string marked(const std::string& source) {
  const Json context = Json::parse(
      R"({"g": "Given text", "h": "a,b", "o": "own", "n": 5, "d": {"key": "value"}, "l": ["one", "two"]})");
  TemplateOptions options;
  options.mutable_containers = true;
  return shown(ChatTemplate::parse(source, options)->render_marked(context, kHouse, {}, kNow));
}

TEST(Marks, GivenTextKeepsItsPlaces) {
  EXPECT_EQ(marked("a{{ g }}b{{ o }}{{ n }}{{ 'c' }}"), "a⟨Given text⟩bown5c");
  EXPECT_EQ(marked("{{ '<' + g ~ '>' }}"), "<⟨Given text⟩>");
  EXPECT_EQ(marked("{{ g ~ h }}"), "⟨Given texta,b⟩");
  EXPECT_EQ(marked("{{ ('[' ~ g ~ ']')[1:-1] }}{{ ('[' ~ g)[:3] }}{{ ('ab' ~ g)[1] }}{{ ('ab' ~ g)[-1] }}"),
            "⟨Given text⟩[⟨Gi⟩b⟨t⟩");
  EXPECT_EQ(marked("{{ ('ab' ~ h)[::-1] }}{{ ('a' ~ h)[1::2] }}"), "⟨b,a⟩ba⟨ab⟩");
  EXPECT_EQ(marked("{{ ('  ' ~ g ~ '  ') | trim }}{{ (' ' ~ h).rstrip('b') }}"), "⟨Given text⟩ ⟨a,⟩");
  EXPECT_EQ(marked("{{ h.split(',') | join('+') }}{{ ('x,' ~ h).rsplit(',', 1) | join('|') }}"),
            "⟨a⟩+⟨b⟩x,⟨a⟩|⟨b⟩");
  EXPECT_EQ(marked("{{ g.partition(' ') | join('_') }}{{ ('a b' ~ g).split() | join }}"),
            "⟨Given⟩_ _⟨text⟩ab⟨Giventext⟩");
  EXPECT_EQ(marked("{{ g | replace('text', '<eos>') }}{{ 'a-b' | replace('-', h) }}"),
            "⟨Given ⟩<eos>a⟨a,b⟩b");
  EXPECT_EQ(marked("{{ '%s: %d <%5s>' | format(g, 3, 'x') }}{{ '{} {:>3}'.format(h, 'y') }}"),
            "⟨Given text⟩: 3 <    x>⟨a,b⟩   y");
  EXPECT_EQ(marked("{{ ('a\\n' ~ g) | indent(2) }}{{ 'a\\nb' | indent(h) }}"), "a\n  ⟨Given text⟩a\n⟨a,b⟩b");
  EXPECT_EQ(marked("{{ g | upper }}{{ ('x' ~ h) | upper }}{{ 'x' | upper }}{{ ('<' ~ h) | e }}"),
            "⟨GIVEN TEXTXA,B⟩X&lt;⟨a,b⟩");
  EXPECT_EQ(marked("{{ g | tojson }}{{ d | tojson }}{{ l }}{{ [1, 2] }}{{ ['x'] | tojson }}"),
            "⟨\"Given text\"{\"key\": \"value\"}['one', 'two']⟩[1, 2][\"x\"]");
  EXPECT_EQ(marked("{{ g | list | first }}{{ l | last }}{{ l | reverse | join('.') }}{{ x | default(g) }}"),
            "⟨Gtwotwo⟩.⟨oneGiven text⟩");
}

TEST(Marks, ThroughStatements) {
  EXPECT_EQ(marked("{% set x %}<{{ g }}>{% endset %}[{{ x }}]"), "[<⟨Given text⟩>]");
  EXPECT_EQ(
      marked("{% macro m(a) %}<{{ a }}{{ caller() }}>{% endmacro %}{% call m(h) %}c{{ h }}{% endcall %}"),
      "<⟨a,b⟩c⟨a,b⟩>");
  EXPECT_EQ(marked("{% filter trim %} <{{ h }}> {% endfilter %}{% filter upper %}a{{ h }}{% endfilter %}"),
            "<⟨a,b⟩>⟨AA,B⟩");
  EXPECT_EQ(
      marked("{% for c in h %}[{{ c }}]{% endfor %}{% for k, v in d.items() %}{{ k }}={{ v }}{% endfor %}"),
      "[⟨a⟩][⟨,⟩][⟨b⟩]⟨key⟩=⟨value⟩");
  EXPECT_EQ(marked("{% set ns = namespace(a='') %}{% for w in l %}{% set ns.a = ns.a ~ '.' ~ w %}{% endfor %}"
                   "{{ ns.a }}"),
            ".⟨one⟩.⟨two⟩");
  EXPECT_EQ(marked("{% autoescape true %}{{ '<' ~ h }}{{ h | safe }}{% endautoescape %}"), "&lt;⟨a,ba,b⟩");
  EXPECT_EQ(
      marked("{% for x in [[h, ['y', []]]] recursive %}<{{ x[0] }}{{ loop(x[1:]) if x[1] }}>{% endfor %}"),
      "<⟨a,b⟩<y>>");
  EXPECT_EQ(marked("{% macro m() %}{{ kwargs.items() | list }}{% endmacro %}{{ m(**d) }}{{ m(a=1) }}"),
            "⟨[('key', 'value')]⟩[('a', 1)]");
  EXPECT_EQ(marked("{% for k in dict(**d) %}{{ k }}{% endfor %}{{ dict(a=1) | first }}"), "⟨key⟩a");
}

TEST(Marks, NumbersThatBecomeCharactersAreGiven) {
  EXPECT_EQ(marked("{{ '%c|' % n }}{{ '{:c}'.format(60) }}{{ 'ab'.translate({97: 60}) }}"), "⟨\x05⟩|⟨<<⟩b");
  EXPECT_EQ(marked("{{ g.encode().decode() }}{{ g.encode() }}{{ 'a'.encode().decode() }}"),
            "⟨Given textb'Given text'⟩a");
}

TEST(Marks, WordsOfTheHouse) {
  const auto parsed = ChatTemplate::parse(
      "{% for m in messages %}{{ m.role }}:{{ m.content }}{{ m.name }};{% endfor %}{{ bos_token }}{{ "
      "messages[0] }}");
  const Json context = Json::parse(R"({"bos_token": "<s>", "messages": [
    {"role": "user", "content": "abcdef", "name": "x"}, {"role": ["r"], "content": "ghi", "name": 3}, "text"]})");
  HouseWords house{.variables = {"bos_token"}, .members = {"role"}, .words = {}};
  house.words = {
      {0, "content", {4, 6}}, {1, "content", {1, 99}}, {0, "content", {1, 3}}, {7, "name", {0, 1}}};
  EXPECT_EQ(shown(parsed->render_marked(context, house)),
            "user:⟨a⟩bc⟨d⟩ef⟨x⟩;⟨['r']⟩:⟨g⟩hi3;:;<s>⟨{'role': 'user', 'content': 'abcdef', 'name': 'x'}⟩");
  EXPECT_TRUE(shown(parsed->render_marked(context, {})).starts_with("⟨user⟩:⟨abcdefx⟩;"));
}

TEST(Marks, AreInOrderAndApart) {
  Text text;
  text.append("ab", true);
  text.append("cd", true);
  text += "ef";
  text.append("gh", true);
  text += "i";
  const auto ranges = [](const Text& of) {
    std::vector<Range> out;
    of.marks().for_each([&](const Range& range) { out.push_back(range); });
    return out;
  };
  EXPECT_EQ(ranges(text), (std::vector<Range>{{0, 4}, {6, 8}}));
  EXPECT_EQ(ranges(text.part({3, 7})), (std::vector<Range>{{0, 1}, {3, 4}}));
  EXPECT_EQ(ranges(text.part({4, 6})), std::vector<Range>{});
  EXPECT_TRUE(text.given({3, 5}));
  EXPECT_FALSE(text.given({4, 6}));
  EXPECT_FALSE(text.given({8, 9}));
  EXPECT_FALSE(text.given({7, 7}));
  Text more = text;
  more += text;
  EXPECT_EQ(ranges(more), (std::vector<Range>{{0, 4}, {6, 8}, {9, 13}, {15, 17}}));
  for (size_t begin = 0; begin <= more.size(); ++begin) {
    for (size_t end = begin; end <= more.size(); ++end) {
      bool any = false;
      for (size_t i = begin; i < end; ++i) any = any || more.part({i, i + 1}).given();
      ASSERT_EQ(more.given({begin, end}), any) << begin << " " << end;
      ASSERT_EQ(more.part({begin, end}).given(), any);
    }
  }
}

// ---- Every filter and method ----

// The same in shape, and other words: what a template does with one it does with the other.
const Json kWords[2] = {Json::parse(R"({
  "g": "Kx <k> \"lk\"-mд, k\tl\nкx", "h": "k", "j": "дkx", "d": {"kx": "lk", "part": ["k", "x"]},
  "l": ["kl", "mx", ["k", "x"]], "p": ["kx", "mk"], "r": [{"code": "kx", "own": "m"}]})"),
                        Json::parse(R"({
  "g": "Iy <i> \"ji\"-lж, i\tj\nпy", "h": "i", "j": "жiy", "d": {"iy": "ji", "part": ["i", "y"]},
  "l": ["ij", "ly", ["i", "y"]], "p": ["iy", "li"], "r": [{"code": "iy", "own": "l"}]})")};

// Numbers have no marks: a byte of a text, or the code of its character, is none of its words. So # stands
// for digits.
std::string unmarked(const Rendering& rendering) {
  std::string out;
  size_t at = 0;
  for (const Range& range : rendering.given) {
    out += rendering.text.substr(at, range.begin - at) + "\x01";
    at = range.end;
  }
  out += rendering.text.substr(at);
  static const std::regex digits("[0-9]+");
  return std::regex_replace(out, digits, "#");
}

// What is printed of the value of `expression`: it, and what it holds one by one.
std::string printing(const std::string& expression) {
  return "{% set x = " + expression +
         " %}{{ x }}{% if x is not string and x is iterable and x is not number %}"
         "{% for i in x %}[{{ i }}]{% endfor %}{% endif %}";
}

// Literals have none of the letters that tell the two apart.
const std::vector<std::string> kArguments = {"",
                                             "g",
                                             "h",
                                             "o",
                                             "'w'",
                                             "2",
                                             "30",
                                             "true",
                                             "none",
                                             "[h, o]",
                                             "d",
                                             "p",
                                             "', '",
                                             "'code'",
                                             "attribute='code'",
                                             "h, o",
                                             "o, h",
                                             "h, 'z'",
                                             "'w', j",
                                             "' ', h",
                                             "h, 1",
                                             "30, h",
                                             "30, '*'",
                                             "7, true, j",
                                             "2, h",
                                             "2, o",
                                             "{h: o}",
                                             "{107: j, 105: j}",
                                             "j, o[:3]",
                                             "1, h, o",
                                             "o[:2], g",
                                             "'upper'",
                                             "'default', j",
                                             "*p",
                                             "**d",
                                             "5, true, h, 0",
                                             "width=4",
                                             "separators=(h, j)",
                                             "12, true, h",
                                             "target=h",
                                             "rel=h",
                                             "'escape'",
                                             "'replace', h, o",
                                             "'own', '=', 's'",
                                             "z=g"};

const std::vector<std::string> kInputs = {"g",
                                          "h",
                                          "o",
                                          "(o ~ g ~ o)",
                                          "('%s-%r|%%|%5s' ~ h)",
                                          "('%s' ~ o)",
                                          "('{}' ~ o ~ '{0}{0!r:>9}')",
                                          "('{part}' ~ h)",
                                          "l",
                                          "p",
                                          "d",
                                          "r",
                                          "r[0]",
                                          "(h, o)",
                                          "[o, h]",
                                          "{o: h}",
                                          "o.encode()",
                                          "g.encode()",
                                          "2.5",
                                          "-7",
                                          "range(3)",
                                          "(g ~ ' www.code.org ' ~ h)",
                                          "'<b>a &lt; b</b>'",
                                          "(g | safe)"};

struct Seen {
  size_t rendered = 0, told = 0;  // of the latter the two words made two texts
};

void compare(const std::string& expression, Seen& seen) {
  TemplateOptions options;
  options.mutable_containers = true;
  std::optional<Rendering> both[2];
  try {
    const auto parsed = ChatTemplate::parse(printing(expression), options);
    for (size_t i = 0; i < 2; ++i) {
      Json context = kWords[i];
      context["o"] = "own <o>, \"w\"-v\tz\n";
      both[i] = parsed->render_marked(context, kHouse, {}, kNow);
    }
  } catch (const TemplateError&) {
    EXPECT_FALSE(both[0]) << expression << ": one of two is refused";
    return;
  }
  ++seen.rendered;
  seen.told += both[0]->text != both[1]->text ? 1u : 0u;
  EXPECT_EQ(unmarked(*both[0]), unmarked(*both[1])) << expression << "\n"
                                                    << shown(*both[0]) << "\n"
                                                    << shown(*both[1]);
  for (const auto& rendering : both) {
    size_t end = 0;
    for (const Range& range : rendering->given) {
      EXPECT_TRUE(range.begin < range.end && range.end <= rendering->text.size()) << expression;
      EXPECT_TRUE(range.begin > end || end == 0) << expression;
      end = range.end;
    }
  }
}

TEST(EveryFilter, KeepsMarksOrMarksMore) {
  const std::set<std::string> no_text = {"random"};
  for (auto part : {text_filters(), number_filters(), sequence_filters(), lazy_filters(), markup_filters()}) {
    for (const FilterRow& row : part) {
      Seen seen;
      for (const std::string& input : kInputs)
        for (const std::string& arguments : kArguments)
          compare(input + " | " + row.name + "(" + arguments + ")", seen);
      EXPECT_TRUE(seen.rendered > 0 || no_text.contains(row.name)) << row.name;
    }
  }
}

TEST(EveryMethod, KeepsMarksOrMarksMore) {
  for (auto part : {string_methods(), string_form_methods(), string_question_methods(), list_methods(),
                    tuple_methods(), dict_methods(), range_methods(), bytes_methods()}) {
    for (const MethodRow& row : part) {
      Seen seen;
      for (const std::string& input : kInputs) {
        for (const std::string& arguments : kArguments) {
          const std::string call = "." + std::string(row.name) + "(" + arguments + ")";
          compare(input + call, seen);
          // What it did to the value itself.
          if (row.changes) compare("[" + input + call + ", " + input + "][1]", seen);
        }
      }
      EXPECT_GT(seen.rendered, 0u) << row.name;
    }
  }
}

TEST(EveryOperator, KeepsMarksOrMarksMore) {
  Seen seen;
  for (const char* op : {"+", "~", "*", "%", "and", "or", "if true else", "-", "/", "//", "**", "==", "in"})
    for (const std::string& left : kInputs)
      for (const std::string& right : kInputs) compare("(" + left + " " + op + " " + right + ")", seen);
  for (const std::string& input : kInputs)
    for (const char* slice :
         {"[0]", "[-1]", "[1:]", "[:3]", "[::2]", "[::-1]", "[5:1:-2]", "['code']", ".code"})
      compare(input + slice, seen);
  EXPECT_GT(seen.told, 500u);
}

}  // namespace
}  // namespace gantry::jinja
