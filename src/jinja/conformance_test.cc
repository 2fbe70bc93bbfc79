// Every case of the shared chat-template and Jinja data, equal to Python's jinja2.
#include <algorithm>
#include <cstdio>
#include <functional>
#include <map>
#include <memory>
#include <regex>
#include <sstream>

#include <gtest/gtest.h>

#include "jinja/cases.h"
#include "tests/report.h"
#include "tests/shared_data.h"

namespace gantry::jinja {
namespace {

using testing::read_bytes;
using testing::shared_path;

std::vector<Json> read_lines(const std::string& relative) {
  std::vector<Json> rows;
  std::istringstream in(read_bytes(shared_path(relative)));
  for (std::string line; std::getline(in, line);) {
    if (!line.empty()) rows.push_back(Json::parse(line));
  }
  return rows;
}

// Empty when the answer is what the case expects; else what differs.
std::string difference(const Json& answer, const Json& expected) {
  if (expected.contains("expected")) {
    std::string text = answer.contains("text") ? answer["text"].get<std::string>() : "";
    // Python prints where an object lies in memory.
    static const std::regex address(" at 0x[0-9a-f]+>");
    auto wanted = expected["expected"].get<std::string>();
    if (wanted.size() < 200) wanted = std::regex_replace(wanted, address, " at 0x0>");
    if (answer.contains("text") && text == wanted) return "";
    return "expected " + expected["expected"].dump() + "\n    answer " + answer.dump();
  }
  if (!answer.contains("error"))
    return "expected to fail: " + expected["error"].dump() + "\n    answer " + answer.dump();
  bool raises = expected.value("error_kind", "") == "raise_exception";
  if (raises != (answer["kind"] == "raise")) return "wrong kind: " + answer.dump();
  if (raises && answer["error"] != expected["error"]) return "wrong words: " + answer.dump();
  return "";
}

struct Tally {
  size_t passed = 0, failed = 0;
};

std::map<std::string, std::unique_ptr<const ChatTemplate>> golden_parsed;

const ChatTemplate& golden_template(const std::string& name, const TemplateOptions& options) {
  auto& slot = golden_parsed[name + (options.mutable_containers ? "+" : "")];
  if (!slot)
    slot =
        ChatTemplate::parse(read_bytes(shared_path("conformance/chat-templates/templates/" + name)), options);
  return *slot;
}

constexpr int64_t kGoldenNow = 1741525507;  // 2025-03-09 13:05:07

TEST(Conformance, ChatTemplates) {
  GANTRY_NEED_SHARED("conformance/chat-templates/golden.jsonl");
  std::map<std::string, Tally> folders, templates;
  auto check = [&](const Json& row, const std::string& what, const std::function<std::string()>& compare) {
    const auto name = row["template"].get<std::string>();
    Tally& tally = folders[name.substr(0, name.find('/'))];
    std::string wrong;
    try {
      wrong = compare();
    } catch (const TemplateError& error) {
      wrong = std::string("does not parse: ") + error.what();
    }
    ++(wrong.empty() ? tally.passed : tally.failed);
    ++(wrong.empty() ? templates[name].passed : templates[name].failed);
    if (!wrong.empty()) ADD_FAILURE() << name << " " << row["case"] << what << ":\n    " << wrong;
  };
  for (const Json& row : read_lines("conformance/chat-templates/golden.jsonl")) {
    check(row, "", [&] {
      return difference(run_case(golden_template(row["template"].get<std::string>(), {}), row, kGoldenNow),
                        row);
    });
    if (row.contains("undefined_variant")) {
      check(row, " (undefined)", [&] {
        Json context = case_context(row);
        for (const char* name : {"tools", "documents"}) {
          if (context[name].is_null()) context.erase(name);
        }
        Json bare = {{"context", context}};
        return difference(run_case(golden_template(row["template"].get<std::string>(), {}), bare, kGoldenNow),
                          row["undefined_variant"]);
      });
    }
    if (row.contains("mutable_sandbox_variant")) {
      check(row, " (mutable)", [&] {
        TemplateOptions options;
        options.mutable_containers = true;
        return difference(
            run_case(golden_template(row["template"].get<std::string>(), options), row, kGoldenNow),
            row["mutable_sandbox_variant"]);
      });
    }
  }
  for (const auto& [name, tally] : templates)
    gantry::testing::report_cases("chat-templates", name, tally.passed, tally.passed + tally.failed);
  for (const auto& [folder, tally] : folders) {
    std::printf("  %-22s %zu passed, %zu failed\n", folder.c_str(), tally.passed, tally.failed);
  }
}

std::string jinja_difference(const Json& row, const Json& context, bool mutable_containers,
                             const Json& expected) {
  TemplateOptions options;
  Json given = row.value("options", Json::object());
  options.trim_blocks = given.value("trim_blocks", false);
  options.lstrip_blocks = given.value("lstrip_blocks", false);
  options.keep_trailing_newline = given.value("keep_trailing_newline", false);
  options.mutable_containers = mutable_containers;
  Json bare = {{"context", context}};
  if (row.contains("now")) bare["now"] = row["now"];
  Json answer;
  try {
    auto parsed_template = ChatTemplate::parse(row["template"].get<std::string>(), options);
    answer = run_case(*parsed_template, bare, kGoldenNow);
  } catch (const TemplateError& error) {
    answer = error_answer(error);
  }
  return difference(answer, expected);
}

void check_jinja(const std::string& file) {
  Json shared_context = Json::object();
  if (file == "own_syntax") {
    shared_context = Json::parse(read_bytes(shared_path("conformance/jinja/own_syntax_context.json")));
  }
  Tally tally;
  auto check = [&](const Json& row, bool mutable_containers, const Json& expected) {
    std::string wrong =
        jinja_difference(row, row.value("context", shared_context), mutable_containers, expected);
    ++(wrong.empty() ? tally.passed : tally.failed);
    if (!wrong.empty()) ADD_FAILURE() << row["name"] << " " << row["template"] << ":\n    " << wrong;
  };
  for (const Json& row : read_lines("conformance/jinja/" + file + ".jsonl")) {
    check(row, false, row);
    if (row.contains("mutable_sandbox_variant")) check(row, true, row["mutable_sandbox_variant"]);
  }
  std::printf("  %-22s %zu passed, %zu failed\n", file.c_str(), tally.passed, tally.failed);
  gantry::testing::report_cases("jinja", file, tally.passed, tally.passed + tally.failed);
}

TEST(Conformance, JinjaOwnSyntax) {
  GANTRY_NEED_SHARED("conformance/jinja/own_syntax.jsonl");
  check_jinja("own_syntax");
}
TEST(Conformance, JinjaHfjsSyntax) {
  GANTRY_NEED_SHARED("conformance/jinja/hfjs_syntax.jsonl");
  check_jinja("hfjs_syntax");
}
TEST(Conformance, JinjaHfjsEndToEnd) {
  GANTRY_NEED_SHARED("conformance/jinja/hfjs_e2e.jsonl");
  check_jinja("hfjs_e2e");
}
TEST(Conformance, JinjaMinjaSyntax) {
  GANTRY_NEED_SHARED("conformance/jinja/minja_syntax.jsonl");
  check_jinja("minja_syntax");
}

}  // namespace
}  // namespace gantry::jinja
