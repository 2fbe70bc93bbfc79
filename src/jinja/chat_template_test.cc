// The hard parts of Jinja one by one, and every limit at the limit and one past it.
#include "jinja/chat_template.h"

#include <cstdlib>
#include <ctime>
#include <thread>

#include <gtest/gtest.h>

#include "jinja/cases.h"

namespace gantry::jinja {
namespace {

TemplateOptions plain_options() {
  TemplateOptions options;
  options.trim_blocks = false;
  options.lstrip_blocks = false;
  return options;
}

std::string render(std::string_view source, const Json& context = Json::object(),
                   const RenderLimits& limits = {}, const TemplateOptions& options = plain_options()) {
  return ChatTemplate::parse(source, options)->render(context, limits, 1741525507);
}

// "" when it renders.
std::string failure(std::string_view source, const RenderLimits& limits = {},
                    const Json& context = Json::object()) {
  try {
    render(source, context, limits);
  } catch (const TemplateError& error) {
    return error.kind() == TemplateErrorKind::kRaise  ? "raise"
           : error.kind() == TemplateErrorKind::kType ? "type"
                                                      : "limit";
  }
  return "";
}

std::string repeated(std::string_view text, size_t count) {
  std::string out;
  for (size_t i = 0; i < count; ++i) out += text;
  return out;
}

TEST(Scoping, NamesBelongToTheFrameThatSetsThem) {
  EXPECT_EQ(render("{% set x = 1 %}{% for i in [1,2] %}{% set x = x + i %}{{ x }}{% endfor %}{{ x }}"),
            "231");
  EXPECT_EQ(render("{% macro m() %}{{ x }}{% endmacro %}{{ m() }}{% set x = 1 %}{{ m() }}", {{"x", 9}}), "1");
  EXPECT_EQ(
      render("{{ x }}{% macro m() %}{{ x }}{% endmacro %}{{ m() }}{% set x = 1 %}{{ m() }}", {{"x", 9}}),
      "991");
  EXPECT_EQ(render("{% if c %}{% set x = 1 %}{% endif %}{{ x }}", {{"x", 9}}), "9");
  EXPECT_EQ(render("{% with a = 1, b = a %}{{ a }}{{ b }}{% endwith %}", {{"a", 7}}), "17");
  EXPECT_EQ(render("{% generation %}{% set x = 1 %}{{ x }}{% endgeneration %}{{ x }}"), "1");
  EXPECT_EQ(render("{% set x = 1 %}{% block b %}{{ x }}{% endblock %}"), "1");
}

TEST(Loops, LookBackAndAhead) {
  EXPECT_EQ(render("{% for i in [1,2,3] %}{{ loop.previtem }}<{{ i }}>{{ loop.nextitem }} {% endfor %}"),
            "<1>2 1<2>3 2<3> ");
  EXPECT_EQ(render("{% for i in [1,2,3]|select('odd') %}{{ loop.index }}/{{ loop.length }} {% endfor %}"),
            "1/2 2/2 ");
  EXPECT_EQ(render("{% for i in [1,2,3,4] if i is even %}{{ loop.first }}{{ loop.last }} {% endfor %}"),
            "TrueFalse FalseTrue ");
  EXPECT_EQ(render("{% for n in t recursive %}{{ loop.depth }}{{ n.v }}{{ loop(n.c) }}{% endfor %}",
                   Json::parse(R"({"t":[{"v":"a","c":[{"v":"b","c":[]}]},{"v":"c","c":[]}]})")),
            "1a2b1c");
  // An iteration that continue or break cut short does not keep the else part away.
  EXPECT_EQ(render("{% for i in [1] %}{% continue %}{% else %}E{% endfor %}"), "E");
  EXPECT_EQ(failure("{% break %}"), "type");
  EXPECT_EQ(failure("{% for i in [1] %}{% macro m() %}{% break %}{% endmacro %}{% endfor %}"), "type");
}

TEST(Macros, BindAsPythonDoes) {
  EXPECT_EQ(
      render("{% macro m(a, b=a) %}{{ a }}{{ b }}{{ varargs }}{{ kwargs }}{% endmacro %}{{ m(1,2,3,z=4) }}"),
      "12(3,){'z': 4}");
  EXPECT_EQ(render("{% macro m(a) %}{{ a is defined }}{% endmacro %}{{ m() }}"), "False");
  EXPECT_EQ(render("{% macro m() %}{{ caller('x') }}{% endmacro %}{% call(v) m() %}<{{ v }}>{% endcall %}"),
            "<x>");
  EXPECT_EQ(failure("{% macro m(a) %}{% endmacro %}{{ m(b=1) }}"), "type");
}

TEST(Blocks, OnlyTextsAreJoined) {
  EXPECT_EQ(render("{% filter upper %}a{% endfilter %}"), "A");
  EXPECT_EQ(failure("{% filter length %}abc{% endfilter %}"), "type");
  EXPECT_EQ(render("{% set x | length %}abc{% endset %}{{ x + 1 }}"), "4");
  EXPECT_EQ(failure("{% call dict() %}a{% endcall %}"), "type");
  // Jinja does not look into the filter of a set block when it plans the frame.
  EXPECT_EQ(failure("{% set x | replace('a', y) %}a{% endset %}", {}, {{"y", "b"}}), "type");
  EXPECT_EQ(render("{{ y }}{% set x | replace('a', y) %}a{% endset %}{{ x }}", {{"y", "b"}}), "bb");
}

TEST(Syntax, WhatJinjaReadsOtherwiseThanExpected) {
  // No word ends a tuple: behind a comma `in` is a name.
  EXPECT_EQ(failure("{% for x, in [[1]] %}{{ x }}{% endfor %}"), "type");
  EXPECT_EQ(render("{% for x, in in [[1, 2]] %}{{ x }}{% endfor %}"), "1");
  // A comment or raw that begins at the very end needs no end.
  EXPECT_EQ(render("a{#"), "a");
  EXPECT_EQ(failure("a{# "), "type");
  EXPECT_EQ(render("a{% raw %}"), "a");
  EXPECT_EQ(failure("a{% raw %}b"), "type");
  // A constant base stands in Python's source without parentheses.
  EXPECT_EQ(render("{{ -2 ** 2 }} {{ -2 ** n }} {{ (1 - 3) ** n }} {{ m ** n }}", {{"n", 2}, {"m", -2}}),
            "4 -4 -4 4");
  EXPECT_EQ(failure("{{ dict(a=1, a=2) }}"), "type");
}

TEST(Filters, TakeWhatPythonTakes) {
  EXPECT_EQ(render("{{ 2.5|round(none) }} {{ true|round(none) }}"), "2 1");
  EXPECT_EQ(failure("{{ 2.5|round(none, 'ceil') }}"), "type");
  EXPECT_EQ(render("{{ '12'|int(7, '10') }} {{ 3.7|int(7, 'x') }}"), "12 3");
  EXPECT_EQ(failure("{{ [2, 1]|sort(reverse='yes') }}"), "type");
  EXPECT_EQ(failure("{{ {}|dictsort(reverse=none) }}"), "type");
  EXPECT_EQ(render("{{ [1, 2]|sort(reverse=1) }}"), "[2, 1]");
  EXPECT_EQ(render("{{ 'a'.format_map(1) }} {{ 'é!'.encode('ascii', 'replace') }} {{ (-7).bit_count() }}"),
            "a b'?!' 3");
  EXPECT_EQ(failure("{{ '{a}'.format_map(1) }}"), "type");
  EXPECT_EQ(failure("{{ 'a'.translate(1) }}"), "type");
  EXPECT_EQ(failure("{{ none in 'a'.encode() }}"), "type");
  EXPECT_EQ(render("{{ 97 in 'a'.encode() }}"), "True");
}

TEST(Values, PrintAsPythonPrintsThem) {
  EXPECT_EQ(render("{{ ''.upper }} {{ cycler(1) }} {{ [joiner()] }}"),
            "<built-in method upper of str object at 0x0> <jinja2.utils.Cycler object at 0x0> "
            "[<jinja2.utils.Joiner object at 0x0>]");
  EXPECT_EQ(render("{{ range(5)[10:-3] }} {{ range(10, 0, -3)[none:2:-3] }}"), "range(5, 2) range(1, 4, 9)");
}

TEST(Values, IntegersHaveALimitAndSayIt) {
  EXPECT_EQ(render("{{ 2 ** 100 }}"), "1267650600228229401496703205376");
  EXPECT_EQ(render("{{ -7 // 2 }} {{ -7 % 3 }} {{ 7.5 // -2 }} {{ -0.0 }}"), "-4 2 -4.0 -0.0");
  EXPECT_EQ(failure("{{ 2 ** 127 }}"), "limit");
  EXPECT_EQ(failure("{{ 2 ** 126 + (2 ** 126 - 1) }}"), "");
  EXPECT_EQ(failure("{{ 340282366920938463463374607431768211456 }}"), "limit");
}

TEST(Values, TextIsCodePoints) {
  Json context = {{"u", "naïve 世界 👋🏽"}};
  EXPECT_EQ(render("{{ u|length }} {{ u[2] }} {{ u[-2:] }} {{ u[::-1][:2] }} {{ u.find('界') }}", context),
            "11 ï 👋🏽 🏽👋 7");
  EXPECT_EQ(render("{{ 'ΑΣ ΑΣΑ'.lower() }} {{ 'ßx'.upper() }} {{ 'ǆa'.title() }}"), "ας ασα SSX ǅa");
  EXPECT_EQ(failure("{{ '\\ud800' }}"), "type");
}

TEST(Sandbox, RefusesWhatChangesAndWhatIsPrivate) {
  EXPECT_EQ(failure("{% set l = [] %}{{ l.append(1) }}"), "type");
  EXPECT_EQ(render("{{ ''.__class__ }}{{ d._x }}", Json::parse(R"({"d":{"_x":1}})")), "1");
  EXPECT_EQ(failure("{{ ''.__class__.__mro__ }}"), "type");
  TemplateOptions options = plain_options();
  options.mutable_containers = true;
  EXPECT_EQ(render("{% set l = [1] %}{% set _ = l.append(l) %}{{ l|length }}", Json::object(), {}, options),
            "2");
}

TEST(Errors, CarryTheLine) {
  try {
    render("a\nb\n{{ x.y }}");
    FAIL();
  } catch (const TemplateError& error) {
    EXPECT_EQ(error.line(), 3u);
    EXPECT_EQ(error.message(), "'x' is undefined");
  }
}

TEST(Limits, Output) {
  RenderLimits limits;
  limits.output_bytes = 100;
  EXPECT_EQ(failure(repeated("x", 100), limits), "");
  EXPECT_EQ(failure(repeated("x", 101), limits), "limit");
  EXPECT_EQ(failure("{{ 'x' * 100 }}", limits), "");
  EXPECT_EQ(failure("{{ 'x' * 101 }}", limits), "limit");
  EXPECT_EQ(failure("{% set s = 'x' * 101 %}", limits), "limit");
  EXPECT_EQ(failure("{{ '%200d' % 1 }}", limits), "limit");
  EXPECT_EQ(failure("{{ '{:>200}'.format(1) }}", limits), "limit");
  EXPECT_EQ(failure("{{ 'x'.center(200) }}", limits), "limit");
  EXPECT_EQ(
      failure("{% set s = 'xx' %}{% for i in range(60) %}{% set s = s ~ s %}{{ s }}{% endfor %}", limits),
      "limit");
}

TEST(Limits, Steps) {
  const char* source = "{% for i in range(50) %}{{ i }}{% endfor %}";
  auto with_steps = [&](uint64_t steps) {
    RenderLimits limits;
    limits.steps = steps;
    return failure(source, limits);
  };
  uint64_t enough = 1;
  while (with_steps(enough) == "limit") ++enough;
  EXPECT_GT(enough, 100u);
  EXPECT_EQ(with_steps(enough), "");
  EXPECT_EQ(with_steps(enough - 1), "limit");
  EXPECT_EQ(failure("{% set x = [0] * 10000000000 %}"), "limit");
  EXPECT_EQ(failure("{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}"),
            "limit");
  EXPECT_EQ(failure("{{ range(100001) }}"), "type");
}

TEST(Limits, Memory) {
  RenderLimits limits;
  limits.memory_bytes = 100'000;
  EXPECT_EQ(failure("{{ ('x' * 500)|list|length }}", limits), "");
  EXPECT_EQ(failure("{{ ('x' * 5000)|list|length }}", limits), "limit");
  EXPECT_EQ(failure("{{ ('\n' * 5000).splitlines()|length }}", limits), "limit");
  EXPECT_EQ(failure("{{ [1]|slice(5000)|list|length }}", limits), "limit");
  EXPECT_EQ(failure("{{ (['x' * 1000] * 3)|map('upper')|list|length }}", limits), "");
  // What was let go of counts no more.
  const std::string kept = "{% set ns = namespace(l=[]) %}{% for i in range(200) %}{% set s = 'x' * 2000 %}";
  EXPECT_EQ(failure(kept + "{% endfor %}", limits), "");
  EXPECT_EQ(failure(kept + "{% set ns.l = ns.l + [s] %}{% endfor %}", limits), "limit");
  // Nor does what an earlier rendering held.
  const auto parsed = ChatTemplate::parse("{% set l = ('x' * 500)|list %}");
  for (int i = 0; i < 50; ++i) EXPECT_NO_THROW(parsed->render(Json::object(), limits));
  // The default: less than a text of the largest size taken apart would take.
  EXPECT_EQ(failure("{{ ('\n' * 16000000).splitlines()|length }}"), "limit");
}

TEST(Limits, WorkOnLongTextsIsCounted) {
  RenderLimits limits;
  limits.steps = 1'500'000;
  for (const char* work :
       {"s.endswith(s)", "s.count('x')", "s.isalpha()", "(' ' * 1000000)|trim", "s.find('y', 1)"}) {
    const std::string source =
        std::string("{% set s = 'x' * 1000000 %}{% for i in range(100000) %}{% set y = ") + work;
    EXPECT_EQ(failure(source + " %}{% endfor %}", limits), "limit") << work;
  }
}

TEST(Limits, Depth) {
  const char* macro = "{% macro m(n) %}{% if n > 1 %}{{ m(n - 1) }}{% endif %}{% endmacro %}";
  RenderLimits limits;
  limits.depth = 20;
  EXPECT_EQ(failure(std::string(macro) + "{{ m(20) }}", limits), "");
  EXPECT_EQ(failure(std::string(macro) + "{{ m(21) }}", limits), "limit");
  EXPECT_EQ(failure(std::string(macro) + "{{ m(150) }}"), "");
  EXPECT_EQ(failure(std::string(macro) + "{{ m(100000) }}"), "limit");
  auto nested = [](size_t levels) {
    return "{% set ns = namespace(v=[]) %}{% for i in range(" + std::to_string(levels - 1) +
           ") %}{% set ns.v = [ns.v] %}{% endfor %}";
  };
  EXPECT_EQ(failure(nested(20) + "{{ ns.v|tojson }}{{ ns.v }}{{ ns.v == ns.v }}", limits), "");
  EXPECT_EQ(failure(nested(21) + "{{ ns.v|tojson }}", limits), "limit");
  EXPECT_EQ(failure(nested(21) + "{{ ns.v }}", limits), "limit");
  // A deep value is built and released without recursion.
  EXPECT_EQ(failure(nested(90000)), "");
  EXPECT_EQ(
      failure(
          "{% set ns = namespace(g=[1]) %}{% for i in range(50000) %}{% set ns.g = ns.g|select %}{% endfor %}"
          "{{ ns.g|list }}"),
      "limit");
}

TEST(Limits, DepthOfTheSource) {
  EXPECT_EQ(failure("{{ " + repeated("(", 90) + "1" + repeated(")", 90) + " }}"), "");
  for (const char* open : {"(", "[", "{1:", "-", "not ", "x[", "f("}) {
    EXPECT_EQ(failure("{{ " + repeated(open, 100000)), "limit") << open;
  }
  EXPECT_EQ(failure("{{ 1" + repeated("+1", 198) + " }}"), "");
  EXPECT_EQ(failure("{{ 1" + repeated("+1", 200) + " }}"), "limit");
  EXPECT_EQ(failure("{{ x" + repeated("|e", 100000) + " }}"), "limit");
  EXPECT_EQ(failure("{{ x" + repeated(".y", 100000) + " }}"), "limit");
  EXPECT_EQ(failure("{{ 1" + repeated(" if 1 else 1", 100000) + " }}"), "limit");
  EXPECT_EQ(failure(repeated("{% if 1 %}", 100) + repeated("{% endif %}", 100)), "");
  EXPECT_EQ(failure(repeated("{% if 1 %}", 100000)), "limit");
  EXPECT_EQ(failure("{{ 'x' " + repeated("~ 'x' ", 5000) + " }}"), "");
  EXPECT_EQ(failure("{% if 0 %}" + repeated("{% elif 0 %}", 5000) + "{% endif %}"), "");
}

TEST(ChatTemplateTest, RendersOnManyThreadsAtOnce) {
  auto shared = ChatTemplate::parse("{% set s = 'lit' %}{% for i in range(200) %}{{ s ~ i }}{% endfor %}");
  std::string expected = shared->render(Json::object());
  std::vector<std::thread> threads;
  std::vector<std::string> results(4);
  for (std::string& result : results) {
    threads.emplace_back([&] {
      for (int i = 0; i < 20; ++i) result = shared->render(Json::object());
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const std::string& result : results) EXPECT_EQ(result, expected);
}

TEST(Cases, TimeIsReadInBothForms) {
  EXPECT_EQ(parse_case_time("1741525507"), 1741525507);
  EXPECT_EQ(parse_case_time("2025-03-09T13:05:07"), 1741525507);
  EXPECT_EQ(parse_case_time("2025-03-09 13:05:07Z"), 1741525507);
  EXPECT_EQ(parse_case_time("1970-01-01"), 0);
  EXPECT_EQ(parse_case_time("-1"), -1);
  for (const char* bad :
       {"", "x", "2025-13-01", "2025-02-29", "2025-03-09T25:00:00", "2025-03-09T13:05:07x", "12-3"}) {
    EXPECT_FALSE(parse_case_time(bad).has_value()) << bad;
  }
}

// Python's datetime.now() is the time on the wall.
TEST(ChatTemplate, TheClockIsTheMachinesLocalTime) {
  const char* before = std::getenv("TZ");
  const std::string kept = before == nullptr ? std::string() : before;
  auto parsed = ChatTemplate::parse("{{ strftime_now('%Y-%m-%dT%H:%M:%S') }}");
  const auto ahead = [&](const char* zone) {
    ::setenv("TZ", zone, 1);
    ::tzset();
    const std::optional<int64_t> shown = parse_case_time(parsed->render(Json::object()));
    return shown.value_or(0) - static_cast<int64_t>(std::time(nullptr));
  };
  EXPECT_NEAR(static_cast<double>(ahead("<+0545>-05:45")), 20700, 60);
  EXPECT_NEAR(static_cast<double>(ahead("<-0330>03:30")), -12600, 60);
  EXPECT_NEAR(static_cast<double>(ahead("UTC0")), 0, 60);
  EXPECT_EQ(parsed->render(Json::object(), {}, 0), "1970-01-01T00:00:00")
      << "a time that is given is local already";
  if (before == nullptr)
    ::unsetenv("TZ");
  else
    ::setenv("TZ", kept.c_str(), 1);
  ::tzset();
}

TEST(Cases, LinesIn_LinesOut) {
  auto parsed = ChatTemplate::parse("{{ messages|length }}{{ tools }}{{ x }}{{ strftime_now('%Y') }}");
  EXPECT_EQ(run_case_line(*parsed, R"({"messages":[1,2],"extra":{"x":"é"}})", 0), R"({"text":"2Noneé1970"})");
  EXPECT_EQ(run_case_line(*parsed, "{", 0), R"({"error":"the line is not JSON","kind":"type"})");
  EXPECT_EQ(run_case_line(*parsed, R"({"context":{"x":[1]}})", 0), R"({"text":"0[1]1970"})");
  EXPECT_EQ(run_case_line(*ChatTemplate::parse("\n{{ raise_exception('no') }}"), "{}", 0),
            R"({"error":"no","kind":"raise","line":2})");
}

}  // namespace
}  // namespace gantry::jinja
