#include "cli/habits.h"

#include <set>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "base/error.h"
#include "cli/command_table.h"
#include "cli/parse.h"
#include "settings/spelling.h"

namespace gantry::cli {
namespace {

std::string words_of(const std::vector<std::string>& arguments) {
  try {
    parse(arguments);
  } catch (const Error& error) {
    return error.what();
  }
  return "taken";
}

TEST(Habits, FlagsOfOthers) {
  for (const auto& [flag, hint] :
       std::vector<std::pair<std::string, std::string>>{{"-m", "without a flag"},
                                                        {"-c", "--context"},
                                                        {"-ngl", "--device"},
                                                        {"-t", "--threads"},
                                                        {"-np", "--parallel"},
                                                        {"--mlock", "leave it out"},
                                                        {"--jinja", "leave it out"},
                                                        {"-fa", "leave it out"}}) {
    const std::string words = words_of({"serve", "model.gguf", flag, "4"});
    EXPECT_NE(words.find("there is no flag '" + flag + "'"), std::string::npos) << words;
    EXPECT_NE(words.find(hint), std::string::npos) << words;
  }
  EXPECT_EQ(words_of({"serve", "--ctx-size", "512"}), "taken");
  EXPECT_EQ(words_of({"run", "--n-predict", "5", "--prompt", "x"}), "taken");
}

TEST(Habits, CommandsOfOthers) {
  for (const auto& [command, hint] : std::vector<std::pair<std::string, std::string>>{{"chat", "gantry run"},
                                                                                      {"pull", "download"},
                                                                                      {"list", "files"},
                                                                                      {"ps", "/metrics"},
                                                                                      {"stop", "Ctrl-C"}}) {
    const std::string words = words_of({command, "llama3"});
    EXPECT_NE(words.find("there is no command '" + command + "'"), std::string::npos) << words;
    EXPECT_NE(words.find(hint), std::string::npos) << words;
  }
}

// Those that other programs' habits are held against; what a bench has by a name of theirs is no other thing.
bool is_of_a_bench_alone(const settings::Setting& row) {
  for (const CommandFacts& facts : kCommands)
    if (row.commands.has(facts.command) && std::string_view(facts.group) != "bench") return false;
  return true;
}

// A hint names flags and commands that there are, and no flag of ours is told to be another's.
TEST(Habits, HintsAreTrue) {
  std::set<std::string> flags, commands;
  for (const settings::Setting& row : settings::kTable)
    if (!is_of_a_bench_alone(row))
      for (const std::string& flag : settings::flags(row)) flags.insert(flag);
  for (const CommandFacts& facts : kCommands) commands.insert(facts.name);
  for (const std::string& flag : flags) EXPECT_EQ(hint_on_flag(flag), "") << flag;
  for (const std::string& command : commands) EXPECT_EQ(hint_on_command(command), "") << command;
  for (const char* word : {"-c", "-ngl", "-tb", "--threads-http", "-b", "-np", "--chat-template-file",
                           "--reasoning-format", "-ctk", "-a", "--cors-origins", "--memory-limit",
                           "--repeat-penalty", "--repeat-last-n", "--typical", "-s", "-sys", "-n"}) {
    const std::string hint(hint_on_flag(word));
    const size_t at = hint.find("--");
    ASSERT_NE(at, std::string::npos) << word;
    EXPECT_TRUE(flags.contains(hint.substr(at, hint.find_first_of(" ;,", at) - at))) << hint;
  }
}

}  // namespace
}  // namespace gantry::cli
